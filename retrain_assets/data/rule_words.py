"""The rules of a schema as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandera.pandas import Check, DataFrameSchema

_SIGNS = {
    "greater_than_or_equal_to": "\u2265",
    "greater_than": ">",
    "less_than_or_equal_to": "\u2264",
    "less_than": "<",
    "str_matches": "matches",
}


def schema_rows(schema: DataFrameSchema, personal: frozenset[str]) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, whether it may be missing, and the rules of each column; of a personal one no value of a rule."""
    columns: Mapping[str, Any] = schema.columns
    for name, column in columns.items():
        rules = "; ".join(rules_of(str(name), column, personal))
        missing = "yes" if column.nullable or not column.required else "no"
        yield str(name), "any" if column.dtype is None else str(column.dtype), missing, rules


def rules_of(name: str, column: Any, personal: frozenset[str]) -> list[str]:
    """The rules of a column as a person reads them; of a personal one their names alone."""
    return [str(check.name) if name in personal else in_words(check) for check in column.checks]


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
