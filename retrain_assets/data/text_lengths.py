"""The lengths of a text column, as a column of numbers: what can be compared of values that hardly ever repeat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrain_assets.data import sketch
from retrain_assets.data.categories import LENGTH_DIGITS, MAX_CATEGORIES
from retrain_assets.data.column_profile import ColumnProfile, lengths_of

SUFFIX = " (length)"
"""Behind the name of a text, the name of its lengths."""
MIN_LENGTHS = 10
"""Values of fewer different lengths are no texts."""


def length_column(text: ColumnProfile) -> ColumnProfile | None:
    """Lengths in characters of the present values; None where they are not known, or there is none.

    Mean and deviation are those of the bins' middles.

    >>> column = length_column(ColumnProfile(name="k", kind="categorical", rows=4, missing=1, categories={"abc": 3}))
    >>> column.name, column.rows, column.mean
    ('k (length)', 3, 3.0)
    """
    lengths = lengths_of(text) if text.present and text.kind == "categorical" else None
    if lengths is None:
        return None
    keys, counts = lengths.keys_, lengths.counts
    low, high = sketch.edges_of(keys, LENGTH_DIGITS)
    last = np.maximum(np.ceil(high) - 1, low)  # the last whole number of a bin
    middles = (low + last) / 2
    mean = float(middles @ counts / counts.sum())
    return ColumnProfile(
        name=text.name + SUFFIX,
        kind="numeric",
        rows=text.present,
        missing=0,
        zeros=int(counts[keys == 0].sum()),
        minimum=float(low[0]),
        maximum=float(last[-1]),
        mean=mean,
        m2=float((middles - mean) ** 2 @ counts),
        precision=LENGTH_DIGITS,
        bins=lengths,
        older=text.older,
    )


def is_text(batches: Sequence[ColumnProfile]) -> bool:
    """Whether the values of a column are too many, or too long, to be told by name, and of many lengths.

    What has many values of few lengths is an identifier: a number more of digits says nothing about it.

    >>> is_text([ColumnProfile(name="k", kind="categorical", rows=2, missing=0, categories={"a": 2})])
    False
    """
    if len({label for batch in batches for label in batch.categories}) <= MAX_CATEGORIES and all(
        batch.lengths is None for batch in batches
    ):
        return False
    known = [lengths for batch in batches if (lengths := lengths_of(batch)) is not None]
    return len({key for lengths in known for key in lengths}) >= MIN_LENGTHS
