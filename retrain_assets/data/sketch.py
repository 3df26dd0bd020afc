"""A histogram of numbers whose bins are fixed before any data is seen, so that two of them add up exactly.

A bin holds the numbers that share their sign, their power of two and the leading `precision` binary digits behind it:
`2**precision` equal bins in every octave. This is the logarithmic grid of DDSketch with linear steps inside an octave
(Masson, Rim and Lee 2019, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB
12(12)). With `COARSEST` digits the middle of a bin is within `RELATIVE_ACCURACY` of all its numbers.

A relative error of 1 % cannot tell 1990 from 2005, or two air pressures apart. So a sketch is as fine as it can be
within `MAX_BINS` occupied bins: digits are dropped one by one, by uniform collapse (Epicoco et al. 2020, "UDDSketch"),
down to `COARSEST`. A sketch that is as coarse may have `MAX_COARSE_BINS`, and only values over very many octaves
make it coarser still. Collapsing commutes with adding: the sketch of two samples together is the sum of theirs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]

MAX_BINS = 512
"""Bins that are kept finer than `COARSEST`."""
MAX_COARSE_BINS = 1536
"""Bins that are kept at all: 24 octaves of `COARSEST` digits, and the profile of a column stays below 25 kB."""
FINEST, COARSEST = 52, 6
"""Binary digits behind the leading one: all that a double has, and what the relative accuracy needs."""
RELATIVE_ACCURACY = 0.01
SMALLEST, LARGEST = 2.0**-100, 2.0**100
"""Smaller magnitudes count as zero, larger ones as the largest."""


def keys_of(values: npt.NDArray[np.float64]) -> Keys:
    """The finest bin of each finite number; the order of the keys is the order of the numbers, and zero has key 0.

    >>> keys_of(np.array([-1.0, 0.0, 1.0])).tolist()
    [-4607182418800017408, 0, 4607182418800017408]
    """
    magnitudes = np.abs(values)
    # The bits of a positive double, read as an integer, grow with it.
    bits = np.clip(magnitudes, SMALLEST, LARGEST).view(np.int64)
    return np.where(magnitudes < SMALLEST, 0, np.where(values < 0, -bits, bits))


def collapsed(keys: Keys, precision: int, coarser: int) -> Keys:
    """The same bins with fewer digits."""
    return np.sign(keys) * (np.abs(keys) >> (precision - coarser))


def fitting_precision(ordered: Keys, precision: int) -> int:
    """The most digits, up to `precision`, with which ascending keys occupy no more bins than there may be.

    Two neighbours share a bin of p digits when their highest differing bit is below it, so that one look at all
    neighbours counts the bins of every precision.
    """
    magnitudes = np.abs(ordered)
    # As doubles: an integer that rounds up to the next power of two differs above all digits anyway.
    differing = np.frexp((magnitudes[1:] ^ magnitudes[:-1]).astype(np.float64))[1]
    differing[np.sign(ordered[1:]) != np.sign(ordered[:-1])] = 64
    apart = np.bincount(np.minimum(differing, 64), minlength=65)
    bins = 1 + apart[::-1].cumsum()[::-1][1:]  # by the number of dropped digits
    for digits in range(precision, 0, -1):
        if bins[precision - digits] <= (MAX_BINS if digits > COARSEST else MAX_COARSE_BINS):
            return digits
    return 0


def count_keys(ordered: Keys) -> tuple[Keys, Counts]:
    """Distinct keys of ascending ones, and how often each is there."""
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return ordered[starts], np.diff(np.append(starts, len(ordered)))


def add_up(keys: Keys, counts: Counts) -> tuple[Keys, Counts]:
    """Ascending distinct keys and the sums of their counts; empty bins are dropped."""
    keys, counts = keys[counts > 0], counts[counts > 0]
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    if not len(keys):
        return keys, counts
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    return keys[starts], np.add.reduceat(counts, starts)


def edges_of(keys: Keys, precision: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lower and upper edge of each bin; the zero bin has no width.

    >>> edges_of(np.array([-5, 0, 65536 + 1]), 6)[0][1]
    np.float64(0.0)
    """
    inner = _number(np.abs(keys), precision)
    outer = np.where(keys == 0, 0.0, _number(np.abs(keys) + 1, precision))
    return np.where(keys < 0, -outer, inner), np.where(keys < 0, -inner, outer)


def _number(keys: Keys, precision: int) -> npt.NDArray[np.float64]:
    return (keys << (FINEST - precision)).astype(np.int64).view(np.float64)
