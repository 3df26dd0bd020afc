"""Batches that resemble the one before: the mean of several on end wanders farther than that of as many drawn apart.

Levels of days that are a first-order autoregression, `x_t = r x_(t-1) + e_t`, have means of n days in a row whose
variance is that of independent ones times (Box, Jenkins and Reinsel 2008, "Time Series Analysis", section 2.1)

    V_n = 1 + 2 sum over k < n of (1 - k / n) r^k

How much batches resemble each other, r, is told by `V_7` of the reference: whatever swings within a week, as a weekly
cycle does, comes out of it as no resemblance, because it does not make means wander. The deviations are from the mean
of the reference itself, which takes off `V_B / B` of each autocovariance; r is the one whose expectation is observed.
Columns share what they know: each is drawn to their mean by as much as chance makes it differ.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_STRETCH = 7
"""Batches in a row whose mean tells resemblance: a week of days."""
_MIN_BATCHES = 20
"""So many tell it: a week and a half of a cycle looks like a wandering level."""
_MOST = 0.95
_GRID = np.linspace(0.0, _MOST, 20)
_LAGS = np.arange(1, _STRETCH)
_SHARES = 2 * (1 - _LAGS / _STRETCH)
_SIMULATED = 30_000
"""Batches."""


def resemblance(away: Array, *, dimension: Array | float = 1.0, independent: float) -> Array:
    """How much the summary of each column resembles that of the batch before: r, from 0 to .95, shape (columns,).

    Zero where the reference has fewer than twenty batches.

    Args:
        away: deviations of the batches from their mean, in order of time, shape (columns, batches) or (columns,
            batches, cells).
        dimension: effective number of directions in which a vector varies, shape (columns,).
        independent: so many columns vary independently of each other.
    """
    columns, count = away.shape[:2]
    varying = (away != 0).reshape(columns, -1).any(axis=1)
    found = np.zeros(columns)
    if count >= _MIN_BATCHES and varying.any():
        chance = float((_SHARES**2 / (count - _LAGS)).sum()) / np.broadcast_to(dimension, columns)[varying]
        shrunk = _shrunk(_wander(away[varying]), chance, independent)
        found[varying] = np.interp(shrunk, _expected(count), _GRID)
    return found


def wandering(resembling: Array | float, count: Array | float) -> Array:
    """`V_n`: the variance of the mean of so many batches in a row, over that of as many independent ones.

    >>> wandering(0.5, np.array([1, 2, 1000])).round(3).tolist()
    [1.0, 1.5, 2.996]
    """
    r, n = np.asarray(resembling, dtype=np.float64), np.asarray(count, dtype=np.float64)
    return (1 + r) / (1 - r) - 2 * r * (1 - r**n) / (n * (1 - r) ** 2)


def told_variance(resembling: Array, count: int) -> tuple[Array, Array]:
    """What the variance of so many batches must be multiplied by to be that of all, and the part of its freedom left.

    The expectation of the sample variance is `(B - V_B) / (B - 1)` of the variance, and it is as well known as that of
    `B (1 - r^2) / (1 + r^2)` independent batches (Bayley and Hammersley 1946, "The effective number of independent
    observations in an autocorrelated time series", Supplement to JRSS 8).
    """
    return (count - 1) / (count - wandering(resembling, count)), (1 - resembling**2) / (1 + resembling**2)


def _shrunk(wander: Array, chance: Array, independent: float) -> Array:
    """Each drawn to the mean of all, by the part of their variance that is chance (James and Stein 1961).

    Args:
        wander: of each column.
        chance: its variance where batches are independent; where they wander it is larger by the square.
        independent: so many columns vary independently of each other.
    """
    if len(wander) < 3 or independent < 3:
        return wander
    chance = chance * max(float(wander.mean()), 1.0) ** 2
    apart = max(float(wander.var(ddof=1) - chance.mean()), 0.0)
    return wander.mean() + apart / (apart + chance) * (wander - wander.mean())


@lru_cache(maxsize=64)
def _expected(count: int) -> Array:
    """The mean wandering that so many batches show at each r of the grid, ascending: simulated, as it is of a ratio."""
    noise = np.random.default_rng(20_261_123).normal(size=(count, 1, max(_SIMULATED // count, 100)))
    levels = np.repeat(noise, len(_GRID), axis=1)
    r = _GRID[:, None]
    for batch in range(1, count):
        levels[batch] = r * levels[batch - 1] + np.sqrt(1 - r**2) * noise[batch]
    levels -= levels.mean(axis=0)
    wander = _wander(levels.reshape(count, -1).T)
    return np.maximum.accumulate(wander.reshape(len(_GRID), -1).mean(axis=1))


def _wander(away: Array) -> Array:
    """Observed `V_7`, shape (columns,); arguments are those of `resemblance`."""
    columns, count = away.shape[:2]
    cells = away.reshape(columns, count, -1)
    lagged = [np.einsum("ijk,ijk->i", cells[:, :-lag], cells[:, lag:]) * count / (count - lag) for lag in _LAGS]
    return 1 + (_SHARES @ np.array(lagged)) / np.einsum("ijk,ijk->i", cells, cells)
