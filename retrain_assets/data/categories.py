"""Categories as they are counted: by name as long as there are few, and of texts how long they are.

A column of more than `MAX_CATEGORIES` different values, or of longer ones than `MAX_CATEGORY_LENGTH`, is a text: its
most frequent values say little about it, so the lengths of all its values are counted too. The lengths of fewer values
follow from their names, so nothing is stored for them, and profiles add up whichever of them is a text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from retrain_assets.data import sketch
from retrain_assets.data.bins import Bins
from retrain_assets.data.exact import EXACT
from retrain_assets.data.label_length import cut_label

MAX_CATEGORIES = 200
"""So many of the most frequent categories are counted by name, the rest together."""
LENGTH_DIGITS = 5
"""Binary digits behind the leading one of a length: exact up to 64 characters, within 3 % beyond."""


def count_categories(labels: Sequence[str], counts: Sequence[int]) -> tuple[dict[str, int], int, Bins | None]:
    """The categories that are kept by name, the rows of all others, and of texts the rows by length.

    Args:
        labels: different values, as text.
        counts: rows of each.

    >>> count_categories(["a", "b", "c"], [1, 5, 0])
    ({'b': 5, 'a': 1}, 0, None)
    """
    cut: dict[str, int] = {}
    long = False
    for label, count in zip(labels, counts, strict=True):
        if count:
            kept = cut_label(label)
            long = long or kept != label
            cut[kept] = cut.get(kept, 0) + count
    categories, other = most_frequent(cut)
    return categories, other, count_lengths(labels, counts) if other or long else None


def count_lengths(labels: Iterable[str], counts: Iterable[int]) -> Bins:
    """Rows by length in characters, in bins of `LENGTH_DIGITS`.

    >>> count_lengths(["ab", "cd", ""], [3, 4, 1]).counts.tolist()
    [1, 7]
    """
    lengths = np.array([len(label) for label in labels], dtype=np.float64)
    keys = sketch.collapsed(sketch.keys_of(lengths), sketch.FINEST, LENGTH_DIGITS)
    return Bins(*sketch.add_up(keys, np.fromiter(counts, dtype=np.int64)))


def added_bins(parts: Sequence[Bins]) -> Bins:
    """Bins of one precision, added up."""
    return Bins(
        *sketch.add_up(np.concatenate([part.keys_ for part in parts]), np.concatenate([part.counts for part in parts]))
    )


def label_of(value: object) -> str:
    """A value as text: an array as the list that other libraries read the same value as, a record by its names.

    >>> label_of(np.array([1, 2])), label_of({"a": np.array([0.5])}), label_of(b"x")
    ('[1, 2]', "{'a': [0.5]}", "b'x'")
    >>> label_of([1, None]) == label_of(np.array([1.0, np.nan])) == "[1, None]"
    True
    >>> label_of(3.0) == label_of(3) == "3"  # categories that were whole numbers until one was missing
    True
    """
    return str(_element(value) if isinstance(value, float) else _plain(value))


def element_text(value: object) -> str:
    """A value as it is written within a list or a record.

    >>> element_text("a"), element_text(2.0)
    ("'a'", '2')
    >>> element_text(1e-5), element_text(np.float32(0.5)), element_text(1e300)
    ('1e-05', '0.5', '1e+300')
    """
    return repr(_element(value))


def _plain(value: Any) -> Any:
    listed = value.tolist() if isinstance(value, np.ndarray) else [*value] if isinstance(value, tuple) else value
    if isinstance(listed, list):
        return [_element(each) for each in cast("list[Any]", listed)]
    if isinstance(listed, dict):
        found = sorted(cast("dict[Any, Any]", listed).items(), key=lambda each: str(each[0]))
        return {key: element for key, each in found if (element := _element(each)) is not None}
    return listed


def _element(value: Any) -> Any:
    """Of a list in which one is missing, pandas makes numbers with a point; those of numpy are what Arrow reads."""
    if isinstance(value, (np.bool_, np.floating, np.integer, np.character)) and not isinstance(value, np.timedelta64):
        value = value.item()
    if not isinstance(value, float):
        return _plain(value)
    if math.isnan(value):
        return None
    return int(value) if value.is_integer() and abs(value) <= EXACT else value


def added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Sums by category."""
    total: dict[str, int] = {}
    for part in counts:
        for label, count in part.items():
            total[label] = total.get(label, 0) + count
    return total


def most_frequent(counts: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """The categories that are kept by name, the most frequent first, and the rows of all others."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ordered[:MAX_CATEGORIES]), sum(count for _, count in ordered[MAX_CATEGORIES:])
