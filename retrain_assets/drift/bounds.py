"""Bounds that batches keep to: levels that cycle never leave their cycle.

A t-distribution takes what lies well beyond all reference batches for one of the far ones that a normal distribution
has now and then. Where the reference shows lighter tails than those, a mean is judged also by the symmetric beta
distribution with the same kurtosis (Pearson's type II; Pearson 1916, "Second supplement to a memoir on skew variation",
Philosophical Transactions A 216).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LIGHTEST = -1.5
"""Excess kurtosis of a sine: lighter ones are taken for it."""
MIN_BATCHES = 20
"""From so many on the reference may tell how light its tails are."""
BEYOND = 1e-4
OF_ROWS = 3.0
"""So many standard deviations of what its rows add may a window be beyond a bound."""


def excess_of_light_tails(away: Array, independent: float) -> Array:
    """Excess kurtosis of each column where the batches have lighter tails than normal ones, else 0; shape (columns,).

    A sine has an excess of -1.5, equally likely levels of -1.2. A column has what all have on average, or its own where
    that is less light. Where halves of the reference differ by more than chance (a trend, or a cycle that is longer
    than the reference) nothing says that the bound will be kept to.

    Args:
        away: deviations of the batches in order of time, shape (columns, batches).
        independent: so many columns vary independently of each other.
    """
    columns, count = away.shape
    second = (away**2).mean(axis=1)
    varying = second > 0
    if count < MIN_BATCHES or not varying.any():
        return np.zeros(columns)
    kurtosis = (away[varying] ** 4).mean(axis=1) / second[varying] ** 2 - 3
    own = ((count + 1) * kurtosis + 6) * (count - 1) / ((count - 2) * (count - 3))
    half = count // 2
    apart = away[varying, :half].mean(axis=1) - away[varying, -half:].mean(axis=1)
    wander = float((apart**2 / (2 * second[varying] / half)).mean())
    chance = 2 * np.sqrt(24 / (count * independent))
    light = np.zeros(columns)
    if own.mean() < -chance and wander < 1 + 2 * np.sqrt(2 / independent):
        light[varying] = np.clip(np.maximum(own, own.mean()), LIGHTEST, 0.0)
    return light


def p_values_within_bounds(t: Array, noise: Array, freedom: Array, excess: Array, *, level: float) -> Array:
    """Two-sided p-values of a symmetric beta distribution with this excess kurtosis, shape (columns,).

    The scale is wider by as much as the estimated variance makes the t-distribution at `level`. What lies beyond the
    bound has the p-value `BEYOND`: the bound is estimated itself. Rows keep to no bound: as much as they may add by
    chance is taken off.

    Args:
        t: deviations in units of their standard deviation.
        noise: standard deviation of what the rows of the window add, in the same units.
        freedom: degrees of freedom of the variance.
        excess: kurtosis of each above that of a normal distribution; where it is not below 0, the p-value is of no use.
        level: of the tests.
    """
    from scipy.special import betainc, ndtri, stdtrit

    shape = 3 / np.clip(-excess, 1e-3, -LIGHTEST) - 1.5
    wider = stdtrit(freedom, 1 - level / 2) / ndtri(1 - level / 2)
    within = np.maximum(np.abs(t) - OF_ROWS * noise, 0.0) / wider
    share = np.minimum(within**2 / (2 * shape + 1), 1.0)
    return np.maximum(betainc(shape, 0.5, 1 - share), BEYOND)
