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

    What rows add is normal, and dilutes the excess of the levels by the square of their part of the variance. Where
    batches vary no more than rows explain, there are no levels: what is rare, as a missing value in one batch of many,
    is far out for that reason alone.

    Args:
        away: deviations of the batches from their mean, shape (columns, batches).
        independent: so many columns vary independently of each other.
        sampling: variance that rows give, shape (columns,).
    """
    count = away.shape[1]
    largest = np.abs(away).max(axis=1, keepdims=True)
    varying = largest[:, 0] > 0
    if count < TELL_TAILS or not varying.any():
        return np.inf
    levels = 1 - _part(sampling, varying, (away[varying] ** 2).sum(axis=1) / (count - 1))
    excess = float(_excess(away[varying] / largest[varying]).mean())
    if levels <= 0 or excess <= 2 * np.sqrt(24 / (count * independent)):
        return np.inf
    return 1 / float(np.interp(excess / levels**2, _expected(count), 1 / _FREEDOM))


def _part(sampling: Array | float, varying: npt.NDArray[np.bool_], seen: Array) -> float:
    """The part of what is seen of the varying columns that rows give."""
    return float(np.broadcast_to(sampling, len(varying))[varying].sum() / max(float(seen.sum()), 1e-300))


def _excess(away: Array) -> Array:
    """Excess kurtosis of each column, by the estimate of Fisher 1929 that is unbiased for normal batches."""
    count = away.shape[1]
    squares = away**2  # a fourth power takes ten times as long
    raw = (squares**2).mean(axis=1) / squares.mean(axis=1) ** 2 - 3
    return ((count + 1) * raw + 6) * (count - 1) / ((count - 2) * (count - 3))


@lru_cache(maxsize=64)
def _expected(count: int) -> Array:
    """The mean excess kurtosis of so many batches by degrees of freedom, in the order of `_FREEDOM`: ascending."""
    from scipy.special import ndtr, ndtri, stdtrit

    normal = ndtri(np.random.default_rng(20_261_123).random((max(_SIMULATED // count, 100), count)))
    far, found = np.linspace(0, 6, 1_500), list[float]()
    for freedom in _FREEDOM:
        # A quantile of t takes some ten times as long as its place between two known ones.
        drawn = np.sign(normal) * np.interp(np.abs(normal), far, stdtrit(freedom, ndtr(far)))
        found.append(float(_excess(drawn - drawn.mean(axis=1, keepdims=True)).mean()))
    return np.maximum.accumulate(found)


def freedom_of_lengths(lengths: Array, dimension: Array, independent: float, sampling: Array | float = 0.0) -> float:
    """The same of vectors, from their squared lengths.

    Of a t-distributed vector `E[L^2] / E[L]^2 = (1 + 2 / d) (v - 2) / (v - 4)`, of which few batches show less. The
    share that the largest of a few gamma-distributed lengths have is known exactly: it is Dirichlet-distributed.

    Args:
        lengths: shape (columns, batches).
        dimension: effective number of directions of each column.
        independent: so many columns vary independently of each other.
        sampling: mean squared length that rows give, shape (columns,).
    """
    count = lengths.shape[1]
    varying = lengths.sum(axis=1) > 1e-150
    if count < TELL_TAILS or not varying.any():
        return np.inf
    levels = 1 - _part(sampling, varying, lengths[varying].sum(axis=1) / (count - 1))
    shape = dimension[varying] / 2
    excess = float(_excess_of_lengths(lengths[varying], shape).mean())
    variance = float((2 / (count * shape * (1 + shape))).mean())
    if levels <= 0 or excess <= 2 * np.sqrt(variance / independent):
        return np.inf
    half_directions = max(round(2 * float(shape.mean())) / 2, 0.5)
    return 1 / float(np.interp(excess / levels**2, _expected_of_lengths(count, half_directions), 1 / _FREEDOM))


def _excess_of_lengths(lengths: Array, shape: Array | float) -> Array:
    """By how much more the lengths of each column differ than those of normal vectors, as a part of these."""
    count = lengths.shape[1]
    observed = (lengths**2).mean(axis=1) / lengths.mean(axis=1) ** 2
    return observed * (shape * count + 1) / (count * (shape + 1)) - 1


@lru_cache(maxsize=64)
def _expected_of_lengths(count: int, shape: float) -> Array:
    """The mean excess of so many lengths by degrees of freedom, in the order of `_FREEDOM`: ascending.

    Args:
        count: batches.
        shape: half the number of directions.
    """
    rng = np.random.default_rng(20_261_123)
    normal = rng.gamma(shape, size=(max(_SIMULATED // count, 100), count))
    found = [float(_excess_of_lengths(normal * v / rng.chisquare(v, normal.shape), shape).mean()) for v in _FREEDOM]
    return np.maximum.accumulate(found)
