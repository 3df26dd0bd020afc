"""Types of pandas columns for which hardly any of its functions are made, as plain ones of the same values."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from retrain_assets.data.arrow_types import in_plain_types

_SECOND = np.timedelta64(1, "s")


def in_plain_type(values: pd.Series) -> pd.Series:
    """The column as it is where its type is a plain one, which nearly all are.

    Sparse ones dense; of Arrow what its tables are read as, and objects of Python where pandas does not know the type;
    durations among objects as durations; decimals that signal when they are looked at as missing, as other NaN are.

    >>> in_plain_type(pd.Series([dt.timedelta(seconds=1), None], dtype=object)).dtype
    dtype('<m8[ns]')
    """
    if isinstance(values.dtype, pd.SparseDtype):
        values = values.sparse.to_dense()
    if isinstance(values.dtype, pd.ArrowDtype):
        return _of_arrow(values)
    if not pd.api.types.is_object_dtype(values.dtype):
        return values
    try:
        inferred = pd.api.types.infer_dtype(values, skipna=True)
        if inferred == "decimal" or inferred.startswith("mixed"):
            values.isna()
    except InvalidOperation:
        values = values.map(_silent)
        inferred = pd.api.types.infer_dtype(values, skipna=True)
    return _durations(values) if inferred in ("timedelta", "timedelta64") else values


def with_plain_arrow(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the columns of Arrow in plain types: of some others no rows can be taken."""
    of_arrow = [str(name) for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.ArrowDtype)]
    plain = {name: _of_arrow(frame[name]) for name in of_arrow}
    changed = {name: values for name, values in plain.items() if values.dtype != frame[name].dtype}
    return frame.assign(**changed) if changed else frame


def _of_arrow(values: pd.Series) -> pd.Series:
    found: Any = pa.array(values.array)
    table = pa.table({"x": found})
    plain: Any = in_plain_types(table)
    kind: Any = pd.ArrowDtype(plain.column("x").type)
    try:
        known = kind.type is not None
    except NotImplementedError:  # pandas has no other way to ask which types of Arrow it knows
        known = False
    if not known:
        return pd.Series(plain.column("x").to_pylist(), index=values.index, name=values.name, dtype=object)
    if plain is table:
        return values
    return pd.Series(pd.arrays.ArrowExtensionArray(plain.column("x")), index=values.index, name=values.name)


def _silent(value: Any) -> Any:
    return None if isinstance(value, Decimal) and value.is_snan() else value


def _durations(values: pd.Series) -> pd.Series:
    try:
        return pd.to_timedelta(values)
    except pd.errors.OutOfBoundsTimedelta:  # beyond the 292 years that nanoseconds reach
        seconds = [np.nan if pd.isna(value) else _seconds(value) for value in values]
        return pd.Series(seconds, index=values.index, name=values.name, dtype="float64")


def _seconds(value: Any) -> float:
    return value.total_seconds() if isinstance(value, dt.timedelta) else float(value / _SECOND)
