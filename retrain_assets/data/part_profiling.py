"""Many small batches of one table, profiled in one pass over each column: what each would take by itself adds up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from retrain_assets.data import sketch
from retrain_assets.data.bins import DAY, Bins
from retrain_assets.data.categories import count_categories
from retrain_assets.data.column_profile import ColumnKind, ColumnProfile
from retrain_assets.data.column_profiling import floats_of, kind_of, profile_column
from retrain_assets.data.pandas_types import in_plain_type
from retrain_assets.data.profile import TableProfile
from retrain_assets.data.seconds import seconds_of_series
from retrain_assets.data.value_texts import texts_of_array, texts_of_series

Array = npt.NDArray[Any]

SMALL = sketch.MAX_BINS
"""Rows of a small batch: each of its values has a bin of its own."""
_SQUARED = 1e150
"""Squares of larger numbers, and of many of them, may be more than a double holds."""


def profile_parts(frame: pd.DataFrame, parts: Array, count: int) -> list[TableProfile]:
    """The profile of each part of a table, as `profile_table` makes it, moments within rounding.

    Args:
        frame: the rows.
        parts: of each row the number of its part, shape (rows,).
        count: of the parts.
    """
    if not count:
        return []
    sizes = np.bincount(parts, minlength=count)
    order = None if (np.diff(parts) >= 0).all() else np.argsort(parts, kind="stable")
    columns = [
        _profile_column(name, values if order is None else values.iloc[order], sizes)
        for name, values in ((name, in_plain_type(frame[name])) for name in frame.columns if not name.startswith("ra_"))
    ]
    return [
        TableProfile(rows=int(rows), columns=tuple(column[place] for column in columns))
        for place, rows in enumerate(sizes)
    ]


def _profile_column(name: str, values: pd.Series, sizes: Array) -> list[ColumnProfile]:
    """Of values that lie part by part."""
    small = sizes <= SMALL
    among = values if small.all() else values.iloc[np.flatnonzero(np.repeat(small, sizes))]
    found = _profile_small(name, among, sizes[small])
    made = iter(found or ())
    ends = np.cumsum(sizes)
    return [
        next(made) if found is not None and small[place] else profile_column(name, values.iloc[end - rows : end])
        for place, (rows, end) in enumerate(zip(sizes, ends, strict=True))
    ]


def _profile_small(name: str, values: pd.Series, sizes: Array) -> list[ColumnProfile] | None:
    """None of what is not the same kind in each part, is complex, or is too large to be squared."""
    if pd.api.types.is_complex_dtype(values.dtype):
        return None
    objects = pd.api.types.is_object_dtype(values.dtype)
    if objects and pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty"):
        return None
    kind: ColumnKind = "categorical" if objects else kind_of(values)
    if kind == "categorical" or (kind == "boolean" and isinstance(values.dtype, pd.ArrowDtype)):
        return _count_labels(name, kind, list(texts_of_series(values)), sizes)
    if kind == "boolean":
        return _count_labels(name, kind, [texts_of_array(pa.array(values, from_pandas=True))], sizes)
    numbers = seconds_of_series(values) if kind == "datetime" else floats_of(values)
    finite = np.isfinite(numbers)
    if np.abs(numbers, where=finite, out=np.zeros_like(numbers)).max(initial=0.0) > _SQUARED:
        return None
    return _count_numbers(name, kind, numbers, sizes)


def _count_numbers(name: str, kind: ColumnKind, numbers: Array, sizes: Array) -> list[ColumnProfile]:
    count, parts = len(sizes), np.repeat(np.arange(len(sizes)), sizes)

    def rows(where: Array) -> list[int]:
        return np.bincount(parts[where], minlength=count).tolist()

    missing, infinite, minus = rows(np.isnan(numbers)), rows(np.isinf(numbers)), rows(np.isneginf(numbers))
    zeros = rows(numbers == 0)
    finite = np.isfinite(numbers)
    order = np.lexsort((numbers[finite], parts[finite]))
    values, owners = numbers[finite][order], parts[finite][order]
    keys = np.floor_divide(values, DAY).astype(np.int64) if kind == "datetime" else sketch.keys_of(values)
    new = np.append(True, (keys[1:] != keys[:-1]) | (owners[1:] != owners[:-1]))[: len(keys)]
    starts = np.flatnonzero(new)
    bins, counts = keys[starts], np.diff(np.append(starts, len(keys)))
    bounds = np.searchsorted(owners[starts], np.arange(count + 1)).tolist()
    lasts = np.cumsum(np.bincount(owners, minlength=count))
    firsts = np.append(0, lasts[:-1])
    means, squares = _moments(values, owners, firsts, lasts)
    profiles: list[ColumnProfile] = []
    for place, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
        own = slice(bounds[place], bounds[place + 1])
        there = last > first
        profiles.append(
            ColumnProfile(
                name=name,
                kind=kind,
                rows=int(sizes[place]),
                missing=missing[place],
                infinite=infinite[place],
                minus_infinite=minus[place],
                zeros=zeros[place],
                minimum=float(values[first]) if there else None,
                maximum=float(values[last - 1]) if there else None,
                mean=means[place] if there else None,
                m2=squares[place],
                bins=Bins(bins[own], counts[own]),
            )
        )
    return profiles


def _moments(values: Array, owners: Array, firsts: Array, lasts: Array) -> tuple[list[float], list[float]]:
    """Mean and sum of squared deviations of each part."""
    count = np.maximum(lasts - firsts, 1)
    means, there = np.bincount(owners, values, len(firsts)) / count, lasts > firsts
    # Of a single value, which a rounded sum misses, the mean is that value.
    means[there] = np.clip(means[there], values[firsts[there]], values[lasts[there] - 1])
    return means.tolist(), np.bincount(owners, np.square(values - means[owners]), len(firsts)).tolist()


def _count_labels(name: str, kind: ColumnKind, blocks: Sequence[pa.Array], sizes: Array) -> list[ColumnProfile]:
    encoded: Any = pa.chunked_array([block.cast(pa.large_string()) for block in blocks], pa.large_string())
    encoded = encoded.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    labels: list[str] = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(labels)).to_numpy(zero_copy_only=False).astype(np.int64)
    every = len(labels) + 1
    pairs, counts = np.unique(np.repeat(np.arange(len(sizes)), sizes) * every + codes, return_counts=True)
    bounds = np.searchsorted(pairs, np.arange(len(sizes) + 1) * every).tolist()
    found, rows = (pairs % every).tolist(), counts.tolist()
    profiles: list[ColumnProfile] = []
    for place, size in enumerate(sizes.tolist()):
        first, last = bounds[place], bounds[place + 1]
        missing = rows[last - 1] if last > first and found[last - 1] == len(labels) else 0
        last -= missing > 0
        categories, other, lengths = count_categories([labels[code] for code in found[first:last]], rows[first:last])
        profiles.append(
            ColumnProfile(
                name=name,
                kind=kind,
                rows=size,
                missing=missing,
                categories=categories,
                other=other,
                lengths=lengths,
            )
        )
    return profiles
