"""A histogram of numbers whose bins are fixed before any data is seen, so that two of them add up exactly.

A bin holds the numbers that share their sign, their power of two and the leading `precision` binary digits behind it:
`2**precision` equal bins in every octave. This is the logarithmic grid of DDSketch with linear steps inside an octave
(Masson, Rim and Lee 2019, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB
12(12)). With `COARSEST` digits the middle of a bin is within `RELATIVE_ACCURACY` of all its numbers.

A relative error of 1 % cannot tell 1990 from 2005, or two air pressures apart. So a sketch is as fine as it can be
within `MAX_BINS` occupied bins: digits are dropped one by one, by uniform collapse (Epicoco et al. 2020, "UDDSketch"),
down to `COARSEST`. A sketch that is as coarse may have `MAX_COARSE_BINS`, and only values over very many octaves
make it coarser still: at `LEAST` four octaves share a bin, and all that there are fit. Collapsing commutes with adding:
the sketch of two samples together is the sum of theirs.
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
FINEST, COARSEST, LEAST = 52, 6, -2
"""Binary digits behind the leading one: all that a double has, what the relative accuracy needs, and so few that bins
are of several octaves."""
RELATIVE_ACCURACY = 0.01
SMALLEST, LARGEST = 2.0**-1000, 2.0**1000
"""Smaller magnitudes count as zero, larger ones as the largest: what lies between is nearly all that a double
holds. Profiles of earlier versions end at 2**-100 and 2**100."""


def keys_of(values: npt.NDArray[np.float64]) -> Keys:
    """The finest bin of each finite number; the order of the keys is the order of the numbers, and zero has key 0.

    >>> keys_of(np.array([-1.0, 0.0, 1.0])).tolist()
    [-4607182418800017408, 0, 4607182418800017408]
    """
    magnitudes = np.abs(values)
    # The bits of a positive double, read as an integer, grow with it.
    bits = np.minimum(magnitudes, LARGEST).view(np.int64)
    bits[magnitudes < SMALLEST] = 0
    return np.negative(bits, out=bits, where=values < 0)


def ordered_keys(ordered: npt.NDArray[np.float64], precision: int) -> Keys:
    """`keys_of` of ascending finite numbers, with fewer digits: each sign lies in one piece, which takes less time.

    >>> ordered_keys(np.array([-1.0, 0.0, 1.0]), 0).tolist()
    [-1023, 0, 1023]
    """
    if len(ordered) and max(-ordered[0], ordered[-1]) > LARGEST:
        ordered = np.clip(ordered, -LARGEST, LARGEST)
    below = int(np.searchsorted(ordered, -SMALLEST, side="right"))
    above = int(np.searchsorted(ordered, SMALLEST, side="left"))
    bits, dropped = ordered.view(np.int64), FINEST - precision
    keys = np.empty(len(ordered), dtype=np.int64)
    np.bitwise_and(bits[:below], np.iinfo(np.int64).max, out=keys[:below])
    np.right_shift(keys[:below], dropped, out=keys[:below])
    np.negative(keys[:below], out=keys[:below])
    keys[below:above] = 0
    np.right_shift(bits[above:], dropped, out=keys[above:])
    return keys


def collapsed(keys: Keys, precision: int, coarser: int) -> Keys:
    """The same bins with fewer digits."""
    dropped = precision - coarser
    if not dropped:
        return keys
    # A shift rounds down, and magnitudes are to be rounded towards zero.
    return (keys + ((keys >> 63) & ((1 << dropped) - 1))) >> dropped


def fitting_precision(ordered: Keys, precision: int) -> int:
    """The most digits, up to `precision`, with which ascending keys occupy no more bins than there may be.

    Two neighbours share a bin of p digits when their highest differing bit is below it, so that one look at all
    neighbours counts the bins of any precision. Fewer digits never make more bins: the most that fit are found by
    halving.
    """
    magnitudes = np.abs(ordered)
    differing = magnitudes[1:] ^ magnitudes[:-1]
    signs = np.sign(ordered)
    differing[signs[1:] != signs[:-1]] = np.iinfo(np.int64).max

    def fits(digits: int) -> bool:
        bins = 1 + int(np.count_nonzero(differing >= 1 << (precision - digits)))
        return bins <= (MAX_BINS if digits > COARSEST else MAX_COARSE_BINS)

    if fits(precision):
        return precision
    fitting, too_many = LEAST, precision
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        fitting, too_many = (middle, too_many) if fits(middle) else (fitting, middle)
    return fitting


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


def fitted(keys: Keys, counts: Counts, precision: int) -> tuple[int, Keys, Counts]:
    """Precision, keys and counts with as many digits as fit.

    Args:
        keys: ascending and distinct.
        counts: of the keys.
        precision: digits of the keys.
    """
    fitting = fitting_precision(keys, precision)
    if fitting == precision:
        return precision, keys, counts
    return fitting, *add_up(collapsed(keys, precision, fitting), counts)


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
