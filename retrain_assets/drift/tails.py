"""How heavy the tails are that the levels of batches have: a new batch may be as far out as they let it.

It is judged by the t-distribution with as heavy tails as the batches have on average over the columns. The excess
kurtosis of few batches is far less than that of all, which is infinite below five degrees of freedom: so the degrees of
freedom are those of which as many batches have the observed excess on average.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

TELL_TAILS = 8
"""From so many batches on one can tell how heavy their tails are."""
_FREEDOM = np.array([1e6, 100, 50, 30, 20, 15, 10, 7, 5, 4, 3.5, 3, 2.5, 2])
_SIMULATED = 30_000
"""Batches, of each number of degrees of freedom."""


def freedom_of_tails(away: Array, independent: float, sampling: Array | float = 0.0) -> float:
    """Degrees of freedom of the batches' levels, from 2 on; infinite where chance explains the excess kurtosis.

    Args:
        away: deviations of the batches from their mean, shape (columns, batches).
        independent: so many columns vary independently of each other.
        sampling: variance that rows give, shape (columns,): what is rare, as a missing value in one batch of many, is
            far out among batches that vary less than that, and no level.
    """
    count = away.shape[1]
    varying = (away != 0).any(axis=1)
    if count < TELL_TAILS or not varying.any():
        return np.inf
    least = np.broadcast_to(sampling, len(away))[varying]
    excess = float(_excess(away[varying], least).mean())
    if excess <= 2 * np.sqrt(24 / (count * independent)):
        return np.inf
    return 1 / float(np.interp(excess, _expected(count), 1 / _FREEDOM))


def _excess(away: Array, least: Array | float = 0.0) -> Array:
    """Excess kurtosis of each column, by the estimate of Fisher 1929 that is unbiased for normal batches.

    Args:
        away: shape (columns, batches).
        least: variance that they have at least, shape (columns,).
    """
    count = away.shape[1]
    squares = away**2  # a fourth power takes ten times as long
    raw = (squares**2).mean(axis=1) / np.maximum(squares.mean(axis=1), least) ** 2 - 3
    return ((count + 1) * raw + 6) * (count - 1) / ((count - 2) * (count - 3))


@lru_cache(maxsize=64)
def _expected(count: int) -> Array:
    """The mean excess kurtosis of so many batches by degrees of freedom, in the order of `_FREEDOM`: ascending."""
    from scipy.special import stdtrit

    even = np.random.default_rng(20_261_123).random((max(_SIMULATED // count, 100), count))
    found = list[float]()
    for freedom in _FREEDOM:
        drawn = stdtrit(freedom, even)
        found.append(float(_excess(drawn - drawn.mean(axis=1, keepdims=True)).mean()))
    return np.maximum.accumulate(found)


def freedom_of_lengths(lengths: Array, dimension: Array, independent: float) -> float:
    """The same of vectors, from their squared lengths.

    Of a t-distributed vector `E[L^2] / E[L]^2 = (1 + 2 / d) (v - 2) / (v - 4)`, so that v is `4 + 2 / excess`. The
    share that the largest of a few gamma-distributed lengths have is known exactly: it is Dirichlet-distributed.

    Args:
        lengths: shape (columns, batches).
        dimension: effective number of directions of each column.
        independent: so many columns vary independently of each other.
    """
    count = lengths.shape[1]
    varying = lengths.sum(axis=1) > 0
    if count < TELL_TAILS or not varying.any():
        return np.inf
    shape, mean = dimension[varying] / 2, lengths[varying].mean(axis=1)
    observed = (lengths[varying] ** 2).mean(axis=1) / mean**2
    excess = float((observed * (shape * count + 1) / (count * (shape + 1))).mean()) - 1
    variance = float((2 / (count * shape * (1 + shape))).mean())
    chance = 2 * np.sqrt(variance / independent)
    return 4 + 2 / excess if excess > chance else np.inf
