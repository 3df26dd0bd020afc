"""Texts counted as categories, however many different ones there are: by Arrow, not one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from retrain_assets.data import sketch
from retrain_assets.data.bins import Bins
from retrain_assets.data.categories import (
    LENGTH_DIGITS,
    MAX_CATEGORIES,
    added_bins,
    count_categories,
    most_frequent,
)
from retrain_assets.data.column_profile import ColumnKind, ColumnProfile
from retrain_assets.data.label_length import cut_texts

Counts = npt.NDArray[np.int64]

pc: Any = pyarrow.compute
"""Its functions are made when it is loaded, so that no type checker knows them."""

FEW = 256
"""So many different texts are counted by name, which takes less time than what many of them need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCounts:
    """What a profile keeps of texts: see the fields of `ColumnProfile`."""

    missing: int
    categories: Mapping[str, int]
    other: int
    lengths: Bins | None

    def profile(self, name: str, kind: ColumnKind, rows: int) -> ColumnProfile:
        """The profile of the column that they were counted in, of so many rows."""
        return ColumnProfile(
            name=name,
            kind=kind,
            rows=rows,
            missing=self.missing,
            categories=self.categories,
            other=self.other,
            lengths=self.lengths,
        )


def count_texts(blocks: Iterable[pa.Array]) -> TextCounts:
    """Counts texts in blocks; null is missing.

    >>> import pyarrow as pa
    >>> count_texts([pa.array(["a", "b", None]), pa.array(["b"])]).categories
    {'b': 2, 'a': 1}
    """
    counted = (block.value_counts() for block in blocks)
    return add_texts((part.field("values"), part.field("counts").to_numpy()) for part in counted)


def add_texts(parts: Iterable[tuple[pa.Array, Counts]]) -> TextCounts:
    """Adds up texts that were counted in parts, of which one is in memory at a time.

    Args:
        parts: texts that differ from each other, null among them for missing ones, and the rows of each.
    """
    missing, added = 0, _Added()
    for texts, counts in parts:
        there = texts.is_valid().to_numpy(zero_copy_only=False)
        missing += int(counts[~there].sum())
        there &= counts > 0
        added.add(*((texts, counts) if there.all() else (texts.filter(there), counts[there])))
    categories, other, lengths = added.counted()
    return TextCounts(missing=missing, categories=categories, other=other, lengths=lengths)


class _Added:
    """Texts of several parts: as they are while they are few of one part, else cut to what names a category."""

    def __init__(self) -> None:
        self._first: tuple[pa.Array, Counts] | None = None
        self._labels: list[pa.Array] = []
        self._counts: list[Counts] = []
        self._lengths = Bins.none()
        self._long = False

    def add(self, texts: pa.Array, counts: Counts) -> None:
        if not len(texts):  # all of the part are missing
            return
        if not self._counts and self._first is None and len(texts) <= FEW:
            self._first = texts, counts
            return
        first, self._first = self._first, None
        for each in (first, (texts, counts)) if first is not None else ((texts, counts),):
            self._cut(*each)

    def _cut(self, texts: pa.Array, counts: Counts) -> None:
        self._lengths = added_bins([self._lengths, _lengths(texts, counts)])
        cut = cut_texts(texts)
        self._long = self._long or cut is not texts
        self._labels.append(cut.cast(pa.large_string()))  # together they may be more than what a plain array holds
        self._counts.append(counts)

    def counted(self) -> tuple[dict[str, int], int, Bins | None]:
        if self._first is not None or not self._counts:
            texts, counts = self._first or ((), np.empty(0, dtype=np.int64))
            return count_categories([text.as_py() for text in texts], counts.tolist())
        encoded: Any = pa.chunked_array(self._labels).dictionary_encode()
        self._labels.clear()
        distinct = encoded.chunk(0).dictionary  # one for all chunks
        codes = np.concatenate([chunk.indices.to_numpy() for chunk in encoded.chunks])
        rows = np.bincount(codes, np.concatenate(self._counts), len(distinct))
        categories, other = _most_frequent(distinct, rows.astype(np.int64))
        return categories, other, self._lengths if other or self._long else None


def _lengths(texts: pa.Array, counts: Counts) -> Bins:
    """Rows by length in characters: see `count_lengths`."""
    found, place = np.unique(pc.utf8_length(texts).to_numpy(), return_inverse=True)
    rows = np.bincount(place, counts, len(found)).astype(np.int64)
    keys = sketch.collapsed(sketch.keys_of(found.astype(np.float64)), sketch.FINEST, LENGTH_DIGITS)
    return Bins(*sketch.add_up(keys, rows))


def _most_frequent(labels: pa.Array, counts: Counts) -> tuple[dict[str, int], int]:
    """See `most_frequent`: of as frequent ones the first by name."""
    if len(labels) <= MAX_CATEGORIES:
        return most_frequent(dict(zip(labels.to_pylist(), counts.tolist(), strict=True)))
    last = int(np.partition(counts, -MAX_CATEGORIES)[-MAX_CATEGORIES])
    sure = counts > last
    kept: dict[str, int] = dict(zip(labels.filter(sure).to_pylist(), counts[sure].tolist(), strict=True))
    tied = labels.filter(counts == last)
    first = tied.take(pc.bottom_k_unstable(tied, MAX_CATEGORIES - len(kept)))
    kept |= dict.fromkeys(first.to_pylist(), last)
    return most_frequent(kept)[0], int(counts.sum()) - sum(kept.values())


def codes_of_texts(blocks: Iterable[pa.Array], codes: Mapping[str, float], other: float) -> npt.NDArray[np.float64]:
    """The code of each text by its label; another one for what has none, NaN where it is missing.

    >>> import pyarrow as pa
    >>> codes_of_texts([pa.array(["a", "b", None])], {"a": 7.0}, -1.0).tolist()
    [7.0, -1.0, nan]
    """
    found = [np.empty(0)]
    for block in blocks:
        encoded: Any = block.dictionary_encode()
        known = [codes.get(label, other) for label in cut_texts(encoded.dictionary).to_pylist()]
        places = encoded.indices.fill_null(len(known)).to_numpy()
        found.append(np.array([*known, np.nan])[places])
    return np.concatenate(found)
