"""Times and durations in seconds, whatever holds them: of any year, and without a loop over them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from retrain_assets.data.value_texts import objects_of

Seconds = npt.NDArray[np.float64]

_MOMENTS = pa.timestamp("us", tz="UTC")
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""No microseconds are made of seconds: they have room for 292,000 years only."""


def seconds_of_arrow(values: pa.ChunkedArray) -> list[Seconds]:
    """Of dates and times since 1970, those without a zone in UTC, or of durations; NaN where there is none."""
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("s"))
    unit = values.type.unit
    if unit == "ns" and not pa.types.is_duration(values.type):  # as doubles, seconds since 1970 tell no nanoseconds
        values, unit = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False), "us"
    return [_with_gaps(chunk, unit) for chunk in values.cast(pa.int64()).chunks]


def _with_gaps(whole: pa.Array, unit: str) -> Seconds:
    if not whole.null_count:
        return _seconds(whole.to_numpy(), unit)
    return np.where(
        whole.is_valid().to_numpy(zero_copy_only=False), _seconds(whole.fill_null(0).to_numpy(), unit), np.nan
    )


def seconds_of_durations(values: pd.Series) -> Seconds:
    """Of durations of pandas; NaN where there is none."""
    found = values.to_numpy()
    return np.where(np.isnat(found), np.nan, _seconds(found.astype(np.int64), np.datetime_data(found.dtype)[0]))


def _seconds(whole: npt.NDArray[np.int64], unit: str) -> Seconds:
    """The double that the same time has in any unit: from 104 days on not all nanoseconds are doubles themselves."""
    if unit != "ns":
        return whole / _PER_SECOND[unit]
    return np.where(whole % 1_000 == 0, whole // 1_000 / _PER_SECOND["us"], whole / _PER_SECOND["ns"])


def seconds_of_series(values: pd.Series) -> Seconds:
    """The same of times of pandas, of periods the beginning, and of durations that Arrow holds."""
    if isinstance(values.dtype, pd.ArrowDtype):
        found: Any = pa.array(values.array)
        return np.concatenate([np.empty(0), *seconds_of_arrow(pa.chunked_array([found], type=found.type))])
    if isinstance(values.dtype, pd.PeriodDtype):
        periods: Any = values.array
        return np.where(values.isna(), np.nan, periods.asfreq("s", how="start").asi8)
    try:
        # Without the cache: to look whether it would serve costs more than the conversion.
        moments = pd.DatetimeIndex(pd.to_datetime(values, utc=True, cache=False)).tz_localize(None)
    except pd.errors.OutOfBoundsDatetime:
        return _far_seconds(values)
    if moments.unit == "ns":
        moments = moments.as_unit("us")
    return np.where(moments.isna(), np.nan, moments.to_numpy().astype(np.int64) / _PER_SECOND[moments.unit])


def _far_seconds(values: pd.Series) -> Seconds:
    """Of dates and times as objects, some of them beyond the 292 years around 1970 that nanoseconds reach."""
    objects = objects_of(values)
    try:
        moments = pa.array(objects, type=_MOMENTS)  # with a zone or without
    except (pa.ArrowTypeError, pa.ArrowNotImplementedError):  # dates among times, several units: each by itself
        moments = pa.array([None if pd.isna(value) else _moment(value) for value in objects], type=_MOMENTS)
    return seconds_of_arrow(pa.chunked_array([moments]))[0]


def _moment(value: Any) -> Any:
    """A time that Arrow reads: of a date the midnight."""
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[us]").astype(np.int64))
    return value if isinstance(value, dt.datetime) else dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
