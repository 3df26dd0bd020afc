"""From the values of a column to its profile, without a loop over rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data import sketch
from retrain_assets.data.column_profile import DAY, ColumnKind, ColumnProfile, added, cut_label, most_frequent


def profile_column(name: str, values: pd.Series) -> ColumnProfile:
    """Profiles one column of a table."""
    kind = _kind_of(values)
    if kind == "datetime":
        return profile_numbers(name, kind, _seconds(values))
    if kind == "numeric":
        return profile_numbers(name, kind, _floats(values))
    present = values.dropna()
    if pd.api.types.is_object_dtype(values.dtype) and pd.api.types.infer_dtype(present) not in ("string", "boolean"):
        present = present.astype(str)
    counted = present.value_counts()
    categories, other = most_frequent(
        added({cut_label(str(label)): int(count)} for label, count in counted.items() if count)
    )
    return ColumnProfile(
        name=name,
        kind=kind,
        rows=len(values),
        missing=len(values) - len(present),
        categories=categories,
        other=other,
    )


def profile_numbers(name: str, kind: ColumnKind, numbers: npt.NDArray[np.float64]) -> ColumnProfile:
    """Profiles numbers, or times in seconds since 1970; NaN is missing.

    Sorted once: range, zeros, infinities and bins then lie side by side, and nothing depends on the order of the rows.
    """
    ordered = np.sort(numbers)  # NaN at the end
    low, end = np.searchsorted(ordered, [-np.inf, np.inf], side="right")
    high = int(np.searchsorted(ordered, np.inf, side="left"))
    finite, rows = ordered[int(low) : high], len(ordered)
    missing = rows - int(end)
    infinite = rows - missing - len(finite)
    if not len(finite):
        return ColumnProfile(name=name, kind=kind, rows=rows, missing=missing, infinite=infinite)
    if kind == "datetime":
        precision = sketch.FINEST
        keys = np.floor_divide(finite, DAY).astype(np.int64)
    else:
        keys = sketch.keys_of(finite)
        precision = sketch.fitting_precision(keys, sketch.FINEST)
        keys = sketch.collapsed(keys, sketch.FINEST, precision)
    keys, sizes = sketch.count_keys(keys)
    with np.errstate(over="ignore", invalid="ignore"):  # squares of the largest doubles are infinite, and may be
        mean = float(finite.mean())
        away = finite - mean
        m2 = float(away @ away)
    before, until = np.searchsorted(finite, 0.0, side="left"), np.searchsorted(finite, 0.0, side="right")
    return ColumnProfile(
        name=name,
        kind=kind,
        rows=rows,
        missing=missing,
        infinite=infinite,
        zeros=int(until - before),
        minimum=float(finite[0]),
        maximum=float(finite[-1]),
        mean=mean,
        m2=m2,
        precision=precision,
        bins=dict(zip(keys.tolist(), sizes.tolist(), strict=True)),
    )


_INFERRED: Mapping[str, ColumnKind] = {
    "boolean": "boolean",
    "integer": "numeric",
    "floating": "numeric",
    "mixed-integer-float": "numeric",
    "decimal": "numeric",
    "date": "datetime",
    "datetime": "datetime",
    "datetime64": "datetime",
}


def _kind_of(values: pd.Series) -> ColumnKind:
    dtype = values.dtype
    if pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        return "numeric"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    if pd.api.types.is_object_dtype(dtype):
        return _INFERRED.get(pd.api.types.infer_dtype(values, skipna=True), "categorical")
    return "categorical"


def _floats(values: pd.Series) -> npt.NDArray[np.float64]:
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        return values.dt.total_seconds().to_numpy(dtype=np.float64)
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _seconds(values: pd.Series) -> npt.NDArray[np.float64]:
    """Seconds since 1970; a time without zone is UTC."""
    # Without the cache: to look whether it would serve costs more than the conversion.
    moments = pd.DatetimeIndex(pd.to_datetime(values, utc=True, cache=False)).as_unit("us")
    return np.where(moments.isna(), np.nan, moments.to_numpy("datetime64[us]").astype(np.int64) / 1e6)
