"""Batches that resemble the one before: the mean of several on end wanders farther than that of as many drawn apart.

Levels of days that are a first-order autoregression, `x_t = r x_(t-1) + e_t`, have means of n days in a row whose
variance is that of independent ones times (Box, Jenkins and Reinsel 2008, "Time Series Analysis", section 2.1)

    V_n = 1 + 2 sum over k < n of (1 - k / n) r^k

How much batches resemble each other, r, is told by `V_7` of the reference: whatever swings within a week, as a weekly
cycle does, comes out of it as no resemblance, because it does not make means wander. What rows add to a summary is new
in each batch, and dilutes the resemblance of the levels by their part of the variance. Columns share what they know:
each is drawn to their mean by as much as chance makes it differ. r is the one of which as many batches wander as much
on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_STRETCH = 7
"""Batches in a row whose mean tells resemblance: a week of days."""
_MIN_BATCHES = 20
"""So many tell it: a week and a half of a cycle looks like a wandering level."""
TOLD = 0.05
"""What varies by less than this part of what its rows explain is rounding, or too rare to tell anything of days."""
_LEAST = 0.1
"""Part of the variance that levels have at least, where what is observed is told of them."""
_GRID = np.linspace(0.0, 0.95, 20)
_LAGS = np.arange(1, _STRETCH)
_SHARES = 2 * (1 - _LAGS / _STRETCH)
_SIMULATED = 30_000
"""Batches."""


@dataclass(frozen=True, slots=True)
class Resemblance:
    """How much the level of each batch resembles that of the one before.

    Args:
        level: r of each column, from 0 to .95, shape (columns,).
        part: that levels have in the variance of the summaries, shape (columns,); the rest is of rows.
    """

    level: Array
    part: Array

    def wandering(self, count: Array | float) -> Array:
        """The variance of the mean of so many batches in a row, over that of as many independent ones."""
        return 1 + self.part * (wandering(self.level, count) - 1)

    def told_variance(self, count: int) -> tuple[Array, Array]:
        """What the variance of so many batches must be multiplied by to be that of all, and the freedom left of it.

        The expectation of the sample variance is `(B - V_B) / (B - 1)` of the variance, and it is as well known as that
        of `B / (1 + 2 sum of squared correlations)` independent batches (Bayley and Hammersley 1946, "The effective
        number of independent observations in an autocorrelated time series", Supplement to JRSS 8).
        """
        squares = (self.part * self.level) ** 2 / (1 - self.level**2)
        return (count - 1) / (count - self.wandering(count)), 1 / (1 + 2 * squares)

    def within(self, variance: Array, sampling: Array) -> Resemblance:
        """The same of levels that are what rows leave of a variance."""
        return Resemblance(self.level, 1 - sampling / variance)

    @property
    def undiluted(self) -> Array:
        """r of levels alone whose sums wander as far."""
        far = self.part * self.level / (1 - self.level)
        return far / (1 + far)


def resemblance(away: Array, by_rows: Array, independent: float) -> Resemblance:
    """How much batches resemble the one before: not at all where they are fewer than twenty.

    Args:
        away: deviations of the batches from their mean, in order of time, shape (columns, batches) or (columns,
            batches, cells).
        by_rows: variance that rows explain over that of the batches, shape (columns,).
        independent: so many columns vary independently of each other.
    """
    columns, count = away.shape[:2]
    varying, level, part = by_rows < 1 / TOLD, np.zeros(columns), np.clip(1 - by_rows, 0.0, 1.0)
    if count >= _MIN_BATCHES and varying.any():
        shrunk, expected = _shrunk(_wander(away[varying]), count, independent), _expected(count)
        diluted = max(float(part[varying].mean()), _LEAST)
        level[varying] = np.interp(expected[0] + (shrunk - expected[0]) / diluted, expected, _GRID)
    return Resemblance(level, part)


def wandering(level: Array | float, count: Array | float) -> Array:
    """`V_n` of an autoregression.

    >>> wandering(0.5, np.array([1, 2, 1000])).round(3).tolist()
    [1.0, 1.5, 2.996]
    """
    r, n = np.asarray(level, dtype=np.float64), np.asarray(count, dtype=np.float64)
    return (1 + r) / (1 - r) - 2 * r * (1 - r**n) / (n * (1 - r) ** 2)


def _shrunk(wander: Array, count: int, independent: float) -> Array:
    """Each drawn to the mean of all, by the part of their variance that is chance (James and Stein 1961).

    Args:
        wander: of each column. Its variance is larger by the square where batches wander.
        count: batches.
        independent: so many columns vary independently of each other.
    """
    if len(wander) < 3 or independent < 3:
        return wander
    chance = float((_SHARES**2 / (count - _LAGS)).sum()) * max(float(wander.mean()), 1.0) ** 2
    apart = max(float(wander.var(ddof=1)) - chance, 0.0)
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
    """Observed `V_7`, shape (columns,)."""
    columns, count = away.shape[:2]
    cells = away.reshape(columns, count, -1)
    lagged = [np.einsum("ijk,ijk->i", cells[:, :-lag], cells[:, lag:]) * count / (count - lag) for lag in _LAGS]
    return 1 + (_SHARES @ np.array(lagged)) / np.einsum("ijk,ijk->i", cells, cells)
