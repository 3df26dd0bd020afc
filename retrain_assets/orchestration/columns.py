"""Column schemas of the internal tables, as Dagster shows them, from their pandera schemas."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import dagster as dg

from retrain_assets.data.rule_words import rules_of
from retrain_assets.data.tables import TABLES, table_schema

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


@cache
def column_schema(asset: str) -> dg.TableSchema | None:
    """The columns of an internal table; None for an asset that is none, or whose columns are the user's."""
    return as_table_schema(table_schema(asset)) if asset in TABLES else None


def as_table_schema(schema: DataFrameSchema, personal: frozenset[str] = frozenset()) -> dg.TableSchema:
    """A pandera schema for the asset's page; of a personal column it shows no value of a rule."""
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
                    other=rules_of(str(name), column, personal),
                ),
            )
            for name, column in columns.items()
        ]
    )
