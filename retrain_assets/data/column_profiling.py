"""From the values of a column to its profile, without a loop over rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data import sketch
from retrain_assets.data.column_profile import DAY, MAX_CATEGORY_LENGTH, ColumnKind, ColumnProfile, added, most_frequent


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
        added({str(label)[:MAX_CATEGORY_LENGTH]: int(count)} for label, count in counted.items() if count)
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
    """Profiles numbers, or times in seconds since 1970; NaN is missing."""
    missing = int(np.count_nonzero(np.isnan(numbers)))
    finite = numbers[np.isfinite(numbers)]
    rows, infinite = len(numbers), len(numbers) - missing - len(finite)
    if not len(finite):
        return ColumnProfile(name=name, kind=kind, rows=rows, missing=missing, infinite=infinite)
    if kind == "datetime":
        precision = sketch.FINEST
        keys, sizes = np.unique(np.floor_divide(finite, DAY).astype(np.int64), return_counts=True)
    else:
        keys, sizes = np.unique(sketch.keys_of(finite), return_counts=True)
        precision = sketch.fitting_precision(keys, sketch.FINEST)
        keys, sizes = sketch.add_up(sketch.collapsed(keys, sketch.FINEST, precision), sizes)
    with np.errstate(over="ignore", invalid="ignore"):  # squares of the largest doubles are infinite, and may be
        mean = float(finite.mean())
        m2 = float(np.square(finite - mean).sum())
    return ColumnProfile(
        name=name,
        kind=kind,
        rows=rows,
        missing=missing,
        infinite=infinite,
        zeros=int(np.count_nonzero(finite == 0)),
        minimum=float(finite.min()),
        maximum=float(finite.max()),
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
