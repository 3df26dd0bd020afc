"""From the values of a column to its profile, without a loop over rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data import bins as fine
from retrain_assets.data import sketch, tallies
from retrain_assets.data.bins import DAY, Bins
from retrain_assets.data.categories import count_categories
from retrain_assets.data.column_profile import (
    ColumnKind,
    ColumnProfile,
    pooled_moments,
)
from retrain_assets.data.integer_profiling import profile_integers
from retrain_assets.data.pandas_types import in_plain_type
from retrain_assets.data.seconds import seconds_of_durations, seconds_of_series
from retrain_assets.data.text_counts import TextCounts, count_texts
from retrain_assets.data.value_texts import texts_of_series
from retrain_assets.errors import DataError


def profile_column(name: str, values: pd.Series) -> ColumnProfile:
    """Profiles one column of a table.

    Raises:
        DataError: its numbers are complex.
    """
    values = in_plain_type(values)
    if pd.api.types.is_complex_dtype(values.dtype):
        raise DataError(
            f"column '{name}' holds complex numbers, which have no order: profile their real and imaginary part"
        )
    kind = kind_of(values)
    if kind == "datetime":
        return profile_numbers(name, kind, seconds_of_series(values))
    if kind == "numeric":
        whole = isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu"
        counted = profile_integers(name, [values.to_numpy()]) if whole else None
        return counted or profile_numbers(name, kind, floats_of(values))
    counted = _count_labels(values, kind)
    return counted.profile(name, kind, len(values))


def _count_labels(values: pd.Series, kind: ColumnKind) -> TextCounts:
    if kind == "boolean":
        counts = values.value_counts()
        categories, other, lengths = count_categories([str(label) for label in counts.index], counts.tolist())
        missing = int(values.isna().sum())
        return TextCounts(missing=missing, categories=categories, other=other, lengths=lengths)
    return count_texts(texts_of_series(values))


BLOCK = 16_384
"""So many values are sorted and counted at a time: they and what is made of them stay in the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """What some values of a column are: see the fields of `ColumnProfile`."""

    missing: int
    infinite: int
    minus_infinite: int
    zeros: int = 0
    minimum: float = np.inf
    maximum: float = -np.inf
    mean: float = 0.0
    m2: float = 0.0
    precision: int
    keys: sketch.Keys
    counts: sketch.Counts

    @property
    def present(self) -> int:
        return int(self.counts.sum())


def profile_numbers(name: str, kind: ColumnKind, *parts: npt.NDArray[np.float64]) -> ColumnProfile:
    """Profiles numbers in one or several pieces, or times in seconds since 1970; NaN is missing.

    Block by block: of sorted values range, zeros, infinities and bins lie side by side. The bins of a block are no
    finer than those of the blocks before it: those of all together cannot be either. Once they are coarse, blocks need
    not be sorted.
    """
    blocks: list[_Block] = []
    for part in parts:
        _count(part, kind, blocks)
    rows = sum(len(part) for part in parts)
    missing, infinite = sum(block.missing for block in blocks), sum(block.infinite for block in blocks)
    minus = sum(block.minus_infinite for block in blocks)
    if rows == missing + infinite:
        return ColumnProfile(name=name, kind=kind, rows=rows, missing=missing, infinite=infinite, minus_infinite=minus)
    mean, m2 = pooled_moments([(block.present, block.mean, block.m2) for block in blocks if block.present])
    precision, keys, counts = _added(blocks, kind)
    return ColumnProfile(
        name=name,
        kind=kind,
        rows=rows,
        missing=missing,
        infinite=infinite,
        minus_infinite=minus,
        zeros=sum(block.zeros for block in blocks),
        minimum=min(block.minimum for block in blocks),
        maximum=max(block.maximum for block in blocks),
        mean=mean,
        m2=m2,
        precision=precision,
        bins=Bins(keys, counts),
    )


def _count(numbers: npt.NDArray[np.float64], kind: ColumnKind, blocks: list[_Block]) -> None:
    """Adds the blocks of some numbers to those before."""
    start = 0
    while start < len(numbers):
        precision = blocks[-1].precision if blocks else sketch.FINEST
        tallied = kind == "numeric" and precision <= tallies.MAX_DIGITS
        values = numbers[start : start + (tallies.BLOCK if tallied else BLOCK)]
        counted = _tallied(values, precision) if tallied else None
        blocks.append(_sorted(np.sort(values), kind, precision) if counted is None else counted)
        start += len(values)


def _sorted(ordered: npt.NDArray[np.float64], kind: ColumnKind, precision: int) -> _Block:
    """Counts ascending values, NaN at the end, in bins of at most so many digits."""
    low, end = np.searchsorted(ordered, [-np.inf, np.inf], side="right")
    high = int(np.searchsorted(ordered, np.inf, side="left"))
    finite = ordered[int(low) : high]
    missing = len(ordered) - int(end)
    infinite = len(ordered) - missing - len(finite)
    if not len(finite):
        return _nothing(missing, infinite, int(low), precision)
    if days := kind == "datetime":
        every = np.floor_divide(finite, DAY).astype(np.int64) >> (sketch.FINEST - precision)
    else:
        every = sketch.ordered_keys(finite, precision)
    precision, keys, counts = fine.fitted(*sketch.count_keys(every), precision, days=days)
    minimum, maximum = float(finite[0]), float(finite[-1])
    mean, m2 = _moments(finite, minimum, maximum)
    before, until = np.searchsorted(finite, 0.0, side="left"), np.searchsorted(finite, 0.0, side="right")
    return _Block(
        missing=missing,
        infinite=infinite,
        minus_infinite=int(low),
        zeros=int(until - before),
        minimum=minimum,
        maximum=maximum,
        mean=mean,
        m2=m2,
        precision=precision,
        keys=keys,
        counts=counts,
    )


def _tallied(values: npt.NDArray[np.float64], precision: int) -> _Block | None:
    """The same of numbers in any order, in few digits; None where they span too many bins."""
    finite, missing, minus = np.ascontiguousarray(values), 0, 0
    known = np.isfinite(finite)
    if not known.all():
        missing, minus, finite = int(np.isnan(finite).sum()), int(np.isneginf(finite).sum()), finite[known]
    infinite = len(values) - missing - len(finite)
    if not len(finite):
        return _nothing(missing, infinite, minus, precision)
    counted = tallies.tally(finite, precision)
    if counted is None:
        return None
    precision, keys, counts = sketch.fitted(*counted, precision)
    minimum, maximum = float(finite.min()), float(finite.max())
    mean, m2 = _moments(finite, minimum, maximum)
    return _Block(
        missing=missing,
        infinite=infinite,
        minus_infinite=minus,
        zeros=len(finite) - int(np.count_nonzero(finite)) if 0 in keys else 0,
        minimum=minimum,
        maximum=maximum,
        mean=mean,
        m2=m2,
        precision=precision,
        keys=keys,
        counts=counts,
    )


def _nothing(missing: int, infinite: int, minus: int, precision: int) -> _Block:
    none = np.empty(0, dtype=np.int64)
    return _Block(missing=missing, infinite=infinite, minus_infinite=minus, precision=precision, keys=none, counts=none)


def _moments(finite: npt.NDArray[np.float64], minimum: float, maximum: float) -> tuple[float, float]:
    """Mean and sum of squared deviations; of a single value, which a rounded sum misses, that value and none."""
    with np.errstate(over="ignore", invalid="ignore"):  # squares of the largest doubles are infinite, and may be
        mean = float(finite.mean())
        if not np.isfinite(mean):  # nor need the sum of some that are half as large be finite
            mean = float((finite / len(finite)).sum())
        mean = min(max(mean, minimum), maximum)
        away = finite - mean
        # No dot product: of so long a vector the linear algebra library makes work for all processors, and waits.
        return mean, float(np.square(away, out=away).sum())


def _added(blocks: Sequence[_Block], kind: ColumnKind) -> tuple[int, sketch.Keys, sketch.Counts]:
    """The bins of all blocks together."""
    if len(blocks) == 1:
        return blocks[0].precision, blocks[0].keys, blocks[0].counts
    precision, days = blocks[-1].precision, kind == "datetime"
    keys = np.concatenate([fine.collapsed(block.keys, block.precision, precision, days=days) for block in blocks])
    keys, counts = sketch.add_up(keys, np.concatenate([block.counts for block in blocks]))
    return fine.fitted(keys, counts, precision, days=days)


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


def kind_of(values: pd.Series) -> ColumnKind:
    """The kind that a column is profiled as: by its type, of objects by what they are."""
    dtype = values.dtype
    if pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(dtype) or is_duration(dtype):
        return "numeric"
    if pd.api.types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
        return "datetime"
    if pd.api.types.is_object_dtype(dtype):
        return _INFERRED.get(pd.api.types.infer_dtype(values, skipna=True), "categorical")
    return "categorical"


def is_duration(dtype: Any) -> bool:
    """Whether it is a type of durations, of numpy or of Arrow."""
    return dtype.kind == "m"


def floats_of(values: pd.Series) -> npt.NDArray[np.float64]:
    """Numbers, or durations in seconds; NaN where there is none."""
    if isinstance(values.dtype, pd.ArrowDtype) and is_duration(values.dtype):
        return seconds_of_series(values)
    if is_duration(values.dtype):
        return seconds_of_durations(values)
    try:
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError:
        return np.array([np.nan if pd.isna(value) else _nearest(value) for value in values])


def _nearest(number: Any) -> float:
    """The double; infinite for whole numbers beyond the largest one."""
    try:
        return float(number)
    except OverflowError:
        return np.inf if number > 0 else -np.inf
