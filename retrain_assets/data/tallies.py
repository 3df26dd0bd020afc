"""Rows by fine bin without sorting: what costs least once it is known how coarse the bins of a column are.

A sketch finds how many digits its bins can have from sorted numbers. When a first part of a long column has told that
they are few, the leading bits of the others are places of a table, and a row adds one to its place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from retrain_assets.data import sketch
from retrain_assets.data.sketch import FINEST, LARGEST, SMALLEST, Counts, Keys

BLOCK = 131_072
"""So many values are counted at a time: enough to fill a table, few enough for the processor's cache."""
MAX_DIGITS = 10
"""With more digits the table of a column is longer than its rows."""
MAX_TABLE = 2**18
"""Places of a table: numbers over so many octaves are sorted."""


def tally(finite: npt.NDArray[np.float64], precision: int) -> tuple[Keys, Counts] | None:
    """Ascending keys, as `sketch.ordered_keys` gives them, and how often each is there; None of too wide a range.

    None as well of a negative precision: a bin of several octaves may hold numbers on both sides of `SMALLEST`, which
    its place does not tell apart.

    Args:
        finite: numbers in any order, at least one.
        precision: digits of the keys.

    >>> tally(np.array([1.0, -3.0, 0.0, 1.5]), 0)
    (array([-1024,     0,  1023]), array([1, 1, 2]))
    """
    if precision < 0:
        return None
    keys = finite.view(np.int64) >> (FINEST - precision)
    signed = bool((keys < 0).any())
    magnitudes = keys & ((1 << (63 - FINEST + precision)) - 1)
    low = int(magnitudes.min())
    if (int(magnitudes.max()) - low) << signed >= MAX_TABLE:
        return None
    places = magnitudes - low
    if signed:
        places <<= 1
        places |= keys < 0
    table = np.bincount(places)
    taken = np.flatnonzero(table)
    return sketch.add_up(_keys_at(taken, low, precision, signed=signed), table[taken])


def _keys_at(places: Keys, low: int, precision: int, *, signed: bool) -> Keys:
    """The keys of places, with the smallest magnitudes as zero and the largest ones as the largest."""
    least, most = sketch.collapsed(sketch.keys_of(np.array([SMALLEST, LARGEST])), FINEST, precision)
    magnitudes = np.minimum((places >> signed) + low, most)
    magnitudes[magnitudes < least] = 0
    return np.where(places & 1, -magnitudes, magnitudes) if signed else magnitudes
