"""Column schemas of the internal tables, as Dagster shows them, from their pandera schemas."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import dagster as dg

from retrain_assets.data.tables import TABLES, table_schema

if TYPE_CHECKING:
    from pandera.pandas import Check, DataFrameSchema

_SIGNS = {
    "greater_than_or_equal_to": "\u2265",
    "greater_than": ">",
    "less_than_or_equal_to": "\u2264",
    "less_than": "<",
    "str_matches": "matches",
}


@cache
def column_schema(asset: str) -> dg.TableSchema | None:
    """The columns of an internal table; None for an asset that is none, or whose columns are the user's."""
    return as_table_schema(table_schema(asset)) if asset in TABLES else None


def as_table_schema(schema: DataFrameSchema) -> dg.TableSchema:
    """A pandera schema for the asset's page."""
    columns: Mapping[str, Any] = schema.columns
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=str(name),
                type="any" if column.dtype is None else str(column.dtype),
                description=column.description or column.title,
                constraints=dg.TableColumnConstraints(
                    nullable=bool(column.nullable),
                    unique=bool(column.unique),
                    other=[in_words(check) for check in column.checks],
                ),
            )
            for name, column in columns.items()
        ]
    )


def in_words(check: Check) -> str:
    """A rule as a person reads it; one of the user's own by its name."""
    values: Mapping[str, Any] = getattr(check, "statistics", None) or {}
    if check.name == "isin":
        return f"one of {', '.join(map(str, values['allowed_values']))}"
    if check.name == "in_range":
        return f"{values['min_value']} to {values['max_value']}"
    sign = _SIGNS.get(str(check.name))
    if sign and len(values) == 1:
        return f"{sign} {next(iter(values.values()))}"
    said = str(check.error or check.name)
    return "a rule without a name" if said == "<lambda>" else said.replace("_", " ")
