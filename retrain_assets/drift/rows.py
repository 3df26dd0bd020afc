"""The numbers of rows as matrices by batch: what tests of several columns together need beside profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.arrow_types import in_plain_types
from retrain_assets.data.categories import MAX_CATEGORIES
from retrain_assets.data.column_names import with_text_names
from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.column_profiling import floats_of
from retrain_assets.data.pandas_types import in_plain_type
from retrain_assets.data.profile import TableProfile
from retrain_assets.data.text_counts import codes_of_texts
from retrain_assets.data.value_texts import texts_of_arrow, texts_of_series
from retrain_assets.drift.frames import ArrowStream, Matrix, Prepared, is_stream
from retrain_assets.drift.frequent import frequent_categories
from retrain_assets.drift.stream_sample import MAX_ROWS

Places = npt.NDArray[np.int64]


def matrices_of(
    side: object, columns: Sequence[str], batch: str | None, *, at_least: int = 1, unbatched: int = MAX_ROWS
) -> Mapping[str, Matrix] | None:
    """The columns as numbers, by batch; None of what cannot be read twice (a stream) or has no rows (profiles).

    Args:
        side: a pandas or Polars data frame, or an Arrow table.
        columns: numeric columns.
        batch: column that says which rows came together; a prepared side knows its own.
        at_least: rows that a batch must have, where it has them: of more batches than fit some are taken.
        unbatched: rows that are enough where they came in no batches.
    """
    if isinstance(side, Prepared):
        return matrices_of(side.rows, columns, side.batch, at_least=at_least, unbatched=unbatched)
    frame = _frame(side)
    if frame is None:
        return None
    return _by_batch(frame, columns, batch, _numbers, at_least, unbatched)


Reader = Callable[[Any, str, "Places | None"], Matrix]
"""Of a frame the chosen rows of a column, as numbers."""


def _numbers(frame: Any, name: str, chosen: Places | None) -> Matrix:
    return _numbers_of(_column(frame, name, chosen))


def _by_batch(
    frame: Any, columns: Sequence[str], batch: str | None, read: Reader, at_least: int, unbatched: int
) -> dict[str, Matrix]:
    if batch is None:
        return {"": _matrix(frame, columns, _chosen(len(frame), unbatched), read)}
    codes, keys = pd.factorize(_values(_column(frame, batch)), sort=True)
    if not len(keys):
        return {}
    chosen = _chosen_by_batch(codes, len(keys), at_least)
    matrix, codes = _matrix(frame, columns, chosen, read), codes if chosen is None else codes[chosen]
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(keys)))
    parts = np.split(matrix if (np.diff(codes) >= 0).all() else matrix[order], ends[:-1])
    return {str(key): part for key, part in zip(keys, parts, strict=True) if len(part)}


def numeric_columns(reference: Sequence[TableProfile], current: TableProfile, names: Sequence[str]) -> list[str]:
    """Those that are numbers on both sides and vary in the reference."""
    return [name for name in names if _is_number(name, reference, current) and _varies([b[name] for b in reference])]


def _is_number(
    name: str, reference: Sequence[TableProfile], current: TableProfile, kinds: tuple[str, ...] = ("numeric",)
) -> bool:
    return all(name in profile and profile[name].kind in kinds for profile in (*reference, current))


def _varies(batches: Sequence[ColumnProfile]) -> bool:
    ends = {end for batch in batches for end in (batch.minimum, batch.maximum) if end is not None}
    return len(ends) > 1


def _frame(side: object) -> Any:
    import pyarrow as pa

    if isinstance(side, Prepared):
        return _frame(side.rows)
    if isinstance(side, pd.DataFrame):
        return with_text_names(side)
    if isinstance(side, pa.Table):
        return in_plain_types(side)
    if isinstance(side, (TableProfile, Sequence, Mapping)) or not isinstance(side, ArrowStream) or is_stream(side):
        return None
    return in_plain_types(pa.table(side))


def _chosen(count: int, most: int) -> Places | None:
    """Ascending places of as many rows; None where there are no more."""
    return None if count <= most else drawn_places(count, most, np.random.default_rng(0))


def drawn_places(count: int, most: int, rng: np.random.Generator) -> Places:
    """Ascending places of `most` of `count` rows, each other ones: one out of each stretch of about the same length.

    >>> drawn_places(5, 4, np.random.default_rng(0)).tolist()
    [0, 1, 2, 3]
    """
    ends = np.arange(most + 1) * count // most
    return ends[:-1] + (rng.random(most) * np.diff(ends)).astype(np.int64)


def _chosen_by_batch(codes: Places, batches: int, at_least: int) -> Places | None:
    """The same, with as many rows of each batch as there is room for; rather fewer batches than too small ones."""
    if len(codes) <= MAX_ROWS:
        return None
    rng = np.random.default_rng(0)
    each = max(MAX_ROWS // batches, at_least)
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes, minlength=batches)
    starts = np.cumsum(sizes) - sizes
    taken = np.sort(rng.permutation(batches)[: max(MAX_ROWS // each, 1)])
    drawn = [starts[place] + rng.permutation(sizes[place])[:each] for place in taken]
    return np.sort(order[np.concatenate(drawn)]).astype(np.int64)


def _matrix(frame: Any, columns: Sequence[str], chosen: Places | None, read: Reader) -> Matrix:
    matrix = np.empty((len(frame) if chosen is None else len(chosen), len(columns)), order="F")
    for place, name in enumerate(columns):
        matrix[:, place] = read(frame, name, chosen)
    return matrix


def _taken(column: Any, chosen: Places) -> Any:
    """Ascending rows of an Arrow column, chunk by chunk: together they would first have to be copied."""
    import pyarrow as pa

    ends = np.cumsum([len(chunk) for chunk in column.chunks])
    parts = np.split(chosen, np.searchsorted(chosen, ends[:-1]))
    taken = [
        chunk.take(pa.array(part - (end - len(chunk))))
        for chunk, part, end in zip(column.chunks, parts, ends, strict=True)
    ]
    return pa.chunked_array(taken, type=column.type)


def _column(frame: Any, name: str, chosen: Places | None = None) -> Any:
    """Of pandas or of Arrow, as the frame is."""
    if isinstance(frame, pd.DataFrame):
        values = in_plain_type(frame[name])
        return values if chosen is None else values.iloc[chosen]
    return frame.column(name) if chosen is None else _taken(frame.column(name), chosen)


def _values(column: Any) -> Any:
    return column if isinstance(column, pd.Series) else column.to_pandas()


def _numbers_of(column: Any) -> Matrix:
    return floats_of(_values(column))


def codes_of(
    sides: tuple[object, object],
    names: Sequence[str],
    profiles: tuple[Sequence[TableProfile], TableProfile],
    batch: str | None,
    *,
    at_least: int = 1,
) -> tuple[list[str], Mapping[str, Matrix], Mapping[str, Matrix]] | None:
    """Numbers and truth values as they are, categories by the rank of their frequency, for trees.

    A category that the reference does not have is -1, a missing value NaN. None where a side has no rows that can be
    read, or no column is on both sides.
    """
    frames = [_frame(side) for side in sides]
    reference, current = profiles
    shared = [name for name in names if name in current and all(name in each for each in reference)]
    if frames[0] is None or frames[1] is None or not shared:
        return None
    numbers = {name for name in shared if _is_number(name, reference, current, ("numeric", "boolean"))}
    ranks = {name: _ranks([*reference, current], name) for name in shared if name not in numbers}

    def read(frame: Any, name: str, chosen: Places | None) -> Matrix:
        column = _column(frame, name, chosen)
        return _numbers_of(column) if name in numbers else _coded(column, ranks[name])

    made = [
        _by_batch(frame, shared, side.batch if isinstance(side, Prepared) else batch, read, at_least, MAX_ROWS)
        for side, frame in zip(sides, frames, strict=True)
    ]
    return shared, made[0], made[1]


def _ranks(parts: Sequence[TableProfile], name: str) -> dict[str, float]:
    """Of both sides together: what is frequent in the reference alone is in part luck, which would tell them apart."""
    columns = [part[name] for part in parts]
    whole = any(column.other for column in columns[:-1])
    among = None if whole else frozenset(label for column in columns[:-1] for label in column.categories)
    named = frequent_categories(columns, MAX_CATEGORIES, among=among)
    return {label: float(rank) for rank, label in enumerate(named)}


def _coded(column: Any, ranks: Mapping[str, float]) -> Matrix:
    """By the ranks of their labels; what has none (times) is not read."""
    pandas = isinstance(column, pd.Series)
    if ranks:
        return codes_of_texts(texts_of_series(column) if pandas else texts_of_arrow(column), ranks, -1.0)
    missing = column.isna() if pandas else column.is_null(nan_is_null=True).to_numpy()
    return np.where(missing, np.nan, -1.0)
