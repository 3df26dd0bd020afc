"""How much batches differ from each other, and what a batch that differs as much would look like.

A summary of a batch (the share of missing rows, say) varies between batches of one stable process for two reasons: it
is computed from a sample of rows, and days are not alike. The variance of the first is known, `unit / rows`. Their sum
is what the reference batches show. A new batch is predicted from them, as in a random-effects meta-analysis:

    variance of the difference = between / m + unit / rows + s^2 / B

with the observed variance `s^2` of B batches, `between = max(s^2 - mean(unit / rows), 0)`, and m batches in the current
window. The difference over its root follows a t-distribution with the degrees of freedom of `s^2` (Higgins, Thompson
and Spiegelhalter 2009, "A re-evaluation of random-effects meta-analysis", JRSS A 172(1)). A vector of summaries (the
shares of all cells) is judged by its squared length, with an F-distribution whose degrees of freedom are those of the
covariance's eigenvalues (Box 1954, Annals of Mathematical Statistics 25; Brunner, Dette and Munk 1997, JASA 92).

A few batches tell little about a variance: columns share what they know of it (`retrain_assets.drift.moderation`).

A share of few rows is skewed. Where the skewness of a summary is known, it is taken off the statistic of the window:
on the lighter side by the first term of the expansion of Cornish and Fisher 1938, "Moments and cumulants in the
specification of distributions", Revue de l'Institut International de Statistique 5, and on the heavier one, where that
term turns around, by the cube root of Wilson and Hilferty 1931, "The distribution of chi-square", PNAS 17.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.drift.bounds import excess_of_light_tails, p_values_within_bounds
from retrain_assets.drift.directions import dimension_by_rows, dimension_of, independent_columns
from retrain_assets.drift.moderation import moderated
from retrain_assets.drift.resemblance import Resemblance, resemblance
from retrain_assets.drift.tails import freedom_of_lengths, freedom_of_tails

Array = npt.NDArray[np.float64]

_JUDGED_AT = 1e-3
"""Level at which two estimates are compared by what they can see: between that of one check and of one column."""
_GUARDED = 0.9
"""Among normal batches the farthest one is within the guard with this probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One test of several columns.

    Args:
        p_values: of each.
        statistic: of each.
        variance: of the summary of a batch, of each.
        freedom: degrees of freedom that this is known with, of each.
        resemblance: r of each, to the batch before.
        tails: degrees of freedom of the levels' tails.
    """

    p_values: Array
    statistic: Array
    variance: Array
    freedom: Array
    resemblance: Array
    tails: float


def judge_scalars(
    batches: Array,
    current: Array,
    rows: Array,
    current_rows: Array,
    *,
    unit: float | Array,
    merged: Array | float,
    bounded: bool = False,
    skewness: Array | float = 0.0,
    tails: float = np.inf,
) -> Tested:
    """Two-sided test of one summary by column.

    Args:
        batches: the summary of each reference batch, in order of time, shape (columns, batches).
        current: of the current window, shape (columns,).
        rows: that the reference summaries were computed from, shape (columns, batches).
        current_rows: shape (columns,).
        unit: sampling variance of the summary of a single row, of all columns or of each.
        merged: batches that the current summary is the mean of, shape (columns,).
        bounded: whether it may have a bound that batches which cycle keep to.
        skewness: of the summary of a single row; that of more rows is as much smaller as the root of their number.
        tails: degrees of freedom that the tails of the levels are known to have at most.
    """
    from scipy.special import stdtr, stdtrit

    count = batches.shape[1]
    centre = batches.mean(axis=1)
    away = batches - centre[:, None]
    independent = independent_columns(away)
    sampling, seen = unit * (1.0 / rows).mean(axis=1), (away**2).sum(axis=1) / (count - 1)
    alike = resemblance(away, sampling / np.maximum(seen, 1e-300), independent)
    missed, left = alike.told_variance(count)
    ratio, freedom = moderated(missed * seen / sampling, left * (count - 1), independent)
    tails = min(tails, freedom_of_tails(away, independent, sampling))
    freedom = np.minimum(freedom, tails)
    variance = np.maximum(ratio * sampling, (away**2).max(axis=1) * count / (count - 1) / farthest(count) ** 2)
    known = freedom
    alike = alike.within(variance, sampling)
    off = variance * alike.wandering(count) / count
    predicted, freedom = _sharper(
        *_window(variance, sampling, unit / current_rows, merged, alike), freedom, off,
        lambda degrees: stdtrit(degrees, 1 - _JUDGED_AT / 2) ** 2,
    )  # fmt: skip
    t = (current - centre) / np.sqrt(predicted + off)
    noise = np.sqrt(unit / current_rows / (predicted + off))
    p_values = 2 * stdtr(freedom, -np.abs(_symmetric(t, skewness / np.sqrt(current_rows) * noise**3)))
    if bounded:
        light = excess_of_light_tails(away, independent) * (variance / (predicted * merged)) ** 2 / merged
        within = p_values_within_bounds(t, noise, freedom, light, level=_JUDGED_AT)
        p_values = np.where(light < 0, np.minimum(p_values, within), p_values)
    return Tested(
        p_values=p_values, statistic=t, variance=variance, freedom=known, resemblance=alike.undiluted, tails=tails
    )


def judge_vectors(
    batches: Array,
    current: Array,
    rows: Array,
    current_rows: Array,
    *,
    cells: Array,
    merged: Array | float,
    tails: float = np.inf,
    directions: Array | None = None,
) -> Tested:
    """Test of a vector of summaries by column; a shorter vector is filled with zeros.

    Args:
        batches: in order of time, shape (columns, batches, cells), each summary with the sampling variance `1 / 4` of a
            single row.
        current: shape (columns, cells).
        rows: shape (columns, batches).
        current_rows: shape (columns,).
        cells: summaries that are free to vary, shape (columns,).
        merged: batches that the current summary is the mean of, shape (columns,).
        tails: degrees of freedom that the tails of the levels are known to have at most.
        directions: effective number of those in which the summaries vary, shape (columns,), where rows do not vary
            alike in all of them; by default told of the batches, and of rows.
    """
    from scipy.special import fdtrc, fdtri

    count = batches.shape[1]
    centre = batches.mean(axis=1)
    away = batches - centre[:, None, :]
    lengths = (away**2).sum(axis=2)
    sampling = cells / 4 * (1.0 / rows).mean(axis=1)
    dimension, skewed = dimension_of(away, lengths, cells)
    independent = independent_columns(lengths)
    seen = lengths.sum(axis=1) / (count - 1)
    alike = resemblance(away, sampling / np.maximum(seen, 1e-300), independent)
    missed, left = alike.told_variance(count)
    observed = missed * seen / sampling
    if directions is not None:
        dimension, skewed = directions, np.clip(skewed / dimension * directions, 1.0, directions)
    ratio, freedom = moderated(observed, left * dimension * (count - 1), independent)
    own = cells / 4 / current_rows
    between = (np.maximum(observed, ratio) - 1) * sampling
    if directions is None:
        by_rows = dimension_by_rows(np.minimum(sampling, own), between, cells)
        dimension, skewed = np.maximum(dimension, by_rows[0]), np.maximum(skewed, by_rows[1])
    tails = min(tails, freedom_of_lengths(lengths, dimension, independent, sampling))
    freedom = np.minimum(freedom, tails)
    known = freedom
    variance = np.maximum(
        ratio * sampling, lengths.max(axis=1) * count / (count - 1) / _farthest_length(count, dimension)
    )
    alike = alike.within(variance, sampling)
    off = variance * alike.wandering(count) / count
    predicted, freedom = _sharper(
        *_window(variance, sampling, own, merged, alike), freedom, off,
        lambda degrees: 1 + (fdtri(skewed, np.minimum(degrees, 1e9), 1 - _JUDGED_AT) - 1) * np.sqrt(skewed / dimension),
    )  # fmt: skip
    length = ((current - centre) ** 2).sum(axis=1) / (predicted + off)
    # Mean, variance and skewness as those of chi-square with `skewed` degrees of freedom, shifted and scaled.
    matched = np.maximum(1 + (length - 1) * np.sqrt(dimension / skewed), 0.0)
    p_values = np.asarray(fdtrc(skewed, np.minimum(freedom, 1e9), matched), dtype=np.float64)
    return Tested(
        p_values=p_values, statistic=length, variance=variance, freedom=known, resemblance=alike.undiluted, tails=tails
    )


def _symmetric(t: Array, skewness: Array | float) -> Array:
    """A standardised statistic of known skewness as one without: it grows with the statistic.

    >>> _symmetric(np.array([-3.0, 0.0, 3.0, 30.0]), 0.4).round(2).tolist()
    [-3.53, 0.07, 2.61, 13.76]
    """
    skewed = np.where(np.abs(skewness) < 1e-9, 1e-9, skewness)
    heavier = 6 / skewed * (np.cbrt(np.maximum(1 + skewed * t / 2, 0.0)) - 1) + skewed / 6
    return np.where(skewed * t > 0, heavier, t - skewed * (t**2 - 1) / 6)


def _window(
    variance: Array, sampling: Array, own: Array, merged: Array | float, alike: Resemblance
) -> tuple[Array, Array]:
    """Variance of the summary of the current window, of its batches and of its own rows; and of as many reference ones.

    Batches in a row that resemble each other have a mean that varies more.
    """
    more = variance * (alike.wandering(merged) - 1)
    return (np.maximum(variance - sampling, 0.0) + more) / merged + own, (variance + more) / merged


def _sharper(
    predicted: Array, observed: Array, freedom: Array, centre: Array, critical: Callable[[Array], npt.NDArray[Any]]
) -> tuple[Array, Array]:
    """Variance of a new window with its degrees of freedom, by the one of two estimates that can see smaller changes.

    A window of more rows than the reference batches varies less than they do, but by how much is known all the less:
    what is left of `s^2` after its sampling variance has the degrees of freedom of `s^2` times the squared ratio
    (Satterthwaite 1946, Biometrics Bulletin 2). To take the window for one of the reference's own rows is too wide, and
    as well known as `s^2`. Which is better depends on the reference and the numbers of rows, never on the window.

    Args:
        predicted: variance of the window by its own rows.
        observed: variance of as many reference batches.
        freedom: degrees of freedom of `observed`.
        centre: variance of the mean of the reference.
        critical: value of the squared statistic at the level `_JUDGED_AT`, by degrees of freedom.
    """
    less = freedom * np.minimum(1.0, (predicted / observed) ** 2)
    wide = np.maximum(predicted, observed)
    with np.errstate(over="ignore", invalid="ignore"):
        narrow_limit = np.nan_to_num(critical(less) * (predicted + centre), nan=np.inf)
        better = narrow_limit <= critical(freedom) * (wide + centre)
    return np.where(better, predicted, wide), np.where(better, less, freedom)


def farthest(count: int) -> float:
    """How far the farthest of so many normal batches is with probability `_GUARDED`, in standard deviations."""
    from scipy.special import ndtri

    return float(-ndtri((1 - _GUARDED ** (1 / count)) / 2))


def _farthest_length(count: int, dimension: Array) -> Array:
    """The same for the squared length of a vector, over its mean."""
    from scipy.special import chdtri

    return chdtri(dimension, 1 - _GUARDED ** (1 / count)) / dimension
