"""Rows by fine bin: of numbers on the grid of `retrain_assets.data.sketch`, of times on that of days.

The grid of days is made coarser as that of numbers is, by dropping binary digits of the number of the day: bins of one
day, of two, of four, each beginning at a multiple of its length since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from retrain_assets.data import sketch
from retrain_assets.data.sketch import Counts, Keys

DAY = 86_400
MAX_DAYS = 1_536
"""Bins of times that are kept: four years of days; a longer column is kept in bins of two days, or of four."""


class Bins(Mapping[int, int]):
    """Rows by key of their bin, ascending; as arrays, because every comparison goes over all of them.

    >>> Bins(np.array([-1, 3]), np.array([2, 5]))[3]
    5
    """

    __slots__ = ("counts", "keys_")

    def __init__(self, keys: Keys, counts: Counts) -> None:
        self.keys_ = keys
        self.counts = counts

    @classmethod
    def none(cls) -> Bins:
        """No bins."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    @classmethod
    def of(cls, counted: Mapping[int, int]) -> Bins:
        """Whatever mapping it is."""
        if isinstance(counted, Bins):
            return counted
        keys = sorted(counted)
        return cls(np.array(keys, dtype=np.int64), np.array([counted[key] for key in keys], dtype=np.int64))

    def __getitem__(self, key: int) -> int:
        place = int(np.searchsorted(self.keys_, key))
        if place == len(self.keys_) or self.keys_[place] != key:
            raise KeyError(key)
        return int(self.counts[place])

    def __iter__(self) -> Iterator[int]:
        return iter(self.keys_.tolist())

    def __len__(self) -> int:
        return len(self.keys_)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Bins):
            return np.array_equal(self.keys_, other.keys_) and np.array_equal(self.counts, other.counts)
        return isinstance(other, Mapping) and dict(self) == dict(other)

    __hash__ = None  # as Python marks what compares by value and changes

    def __repr__(self) -> str:
        return repr(dict(self))


def collapsed(keys: Keys, precision: int, coarser: int, *, days: bool) -> Keys:
    """The same bins with fewer digits."""
    return keys >> (precision - coarser) if days else sketch.collapsed(keys, precision, coarser)


def fitted(keys: Keys, counts: Counts, precision: int, *, days: bool) -> tuple[int, Keys, Counts]:
    """Precision, keys and counts with as many digits as fit.

    Args:
        keys: ascending and distinct.
        counts: of the keys.
        precision: digits of the keys.
        days: whether they are days.
    """
    if not days:
        return sketch.fitted(keys, counts, precision)
    while len(keys) > MAX_DAYS:
        precision -= 1
        keys, counts = sketch.add_up(keys >> 1, counts)
    return precision, keys, counts


def edges(keys: Keys, precision: int, *, days: bool) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lower and upper edge of each bin; of days in seconds since 1970."""
    if not days:
        return sketch.edges_of(keys, precision)
    length = DAY << (sketch.FINEST - precision)
    return (keys * length).astype(np.float64), ((keys + 1) * length).astype(np.float64)
