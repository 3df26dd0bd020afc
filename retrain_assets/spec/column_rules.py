"""The rules of columns written in a declaration: those that no value could meet, or that do not fit the type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrain_assets.spec.columns import ColumnSpec
    from retrain_assets.spec.model import ModelSpec

_ORDERED = ("int", "float", "datetime")
_TEXTS = ("string", "category")
Mistake = tuple[str, str]
"""Field and message."""


def column_problems(spec: ModelSpec) -> Iterator[Mistake]:
    """Rules that by themselves no value meets, or that cannot be applied to the type of their column."""
    if isinstance(spec.schema_, str):
        return
    for name, column in spec.schema_.items():
        for key, message in (*_limits(column), *_values(column), *_pattern(column)):
            yield f"schema.{name}.{key}", message


def _limits(column: ColumnSpec) -> Iterator[Mistake]:
    for key, limit in (("min", column.min), ("max", column.max)):
        if limit is not None and column.type not in _ORDERED:
            yield key, f"is a limit of a number or a time (got {limit:g} of a {column.type})"
    if column.min is not None and column.max is not None and column.min > column.max:
        yield "min", f"must not be above max (got min {column.min:g}, max {column.max:g}): no value would pass"


def _values(column: ColumnSpec) -> Iterator[Mistake]:
    if column.values is None:
        return
    if not column.values:
        yield "values", "must name at least one value, or be left out (got none): no value would pass"
    if column.type == "datetime":
        yield "values", "is not for times: use min and max"
        return
    strange = [value for value in column.values if not _fits(value, column.type)]
    if strange:
        yield "values", f"must be values of a column of type {column.type} (got {', '.join(map(repr, strange[:3]))})"


def _fits(value: str | float | bool, kind: str) -> bool:
    if kind in _TEXTS:
        return True  # a number or a truth value in YAML is taken by its text
    if kind == "bool":
        return isinstance(value, bool)
    return not isinstance(value, (str, bool)) and (kind == "float" or isinstance(value, int) or value.is_integer())


def _pattern(column: ColumnSpec) -> Iterator[Mistake]:
    if column.whole_pattern is None:
        return
    if column.type not in _TEXTS:
        yield "pattern", f"is a rule of texts (got {column.pattern!r} of a {column.type})"
        return
    try:
        re.compile(column.whole_pattern)
    except re.error as error:
        yield "pattern", f"must be a regular expression (got {column.pattern!r}): {error}"
