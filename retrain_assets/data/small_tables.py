"""Tables of a few rows as Python values, and back, without what pandas does for long columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd


def rows_of(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows by the names of some columns.

    >>> list(rows_of(pd.DataFrame({"name": ["a"], "value": [1.0], "other": [2]}), ["value", "name"]))
    [{'value': 1.0, 'name': 'a'}]

    Raises:
        KeyError: there is no such column.
    """
    # All columns at once: a Series takes longer to make than its few values to read.
    cells, places = frame.to_numpy(dtype=object), [frame.columns.get_loc(column) for column in columns]
    values = [cells[:, place].tolist() for place in places]
    return (dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True))


def table_of_rows(rows: Sequence[Sequence[Any]], types: Mapping[str, str]) -> pd.DataFrame:
    """A table with the types of its columns; None is what each type calls missing.

    >>> table_of_rows([("a", 1.0), ("b", None)], {"name": "object", "value": "float64"})["value"].tolist()
    [1.0, nan]
    """
    columns = zip(*rows, strict=True) if rows else ([] for _ in types)
    made = {name: _column(list(values), types[name]) for name, values in zip(types, columns, strict=True)}
    return pd.DataFrame(made, index=pd.RangeIndex(len(rows)))


def _column(values: list[Any], name: str) -> Any:
    """An array: of so few values a Series takes longer to make than to fill."""
    dtype = _dtype(name)
    if not isinstance(dtype, np.dtype):
        return pd.array(values, dtype=dtype)
    column = np.empty(len(values), dtype=dtype)
    column[:] = values
    return column


@lru_cache
def _dtype(name: str) -> Any:
    return pd.api.types.pandas_dtype(name)
