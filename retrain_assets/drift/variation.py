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

A few batches tell little about a variance. Columns share what they know of `s^2 / mean(unit / rows)` by the empirical
Bayes of Smyth 2004, "Linear models and empirical Bayes methods", SAGMB 3(1), but never more than as many columns as
vary independently of each other. It raises any variance but those that are far too low to be like theirs (of a score
that is steady while the inputs cycle), and lowers one only where that is usual among the columns: a column that varies
more than most of them is judged by what it does itself.

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
from retrain_assets.drift.resemblance import TOLD, Resemblance, resemblance
from retrain_assets.drift.tails import freedom_of_lengths, freedom_of_tails

Array = npt.NDArray[np.float64]

_JUDGED_AT = 1e-3
"""Level at which two estimates are compared by what they can see: between that of one check and of one column."""
_USUAL, _RARE = 0.1, 0.01
"""A variance that so many columns exceed by chance is taken for theirs; the rarest owes its columns nothing."""
_CALM = 1e-3
"""A variance lower than all but so few by chance is none of theirs: that column owes them nothing either."""
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
    ratio, freedom = _moderated(missed * seen / sampling, left * (count - 1), independent)
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
    dimension, skewed = _dimension(away, lengths, cells)
    independent = independent_columns(lengths)
    seen = lengths.sum(axis=1) / (count - 1)
    alike = resemblance(away, sampling / np.maximum(seen, 1e-300), independent)
    missed, left = alike.told_variance(count)
    observed = missed * seen / sampling
    ratio, freedom = _moderated(observed, left * dimension * (count - 1), independent)
    own = cells / 4 / current_rows
    between = (np.maximum(observed, ratio) - 1) * sampling
    if directions is None:
        by_rows = _dimension_by_rows(np.minimum(sampling, own), between, cells)
        dimension, skewed = np.maximum(dimension, by_rows[0]), np.maximum(skewed, by_rows[1])
    else:
        dimension, skewed = directions, np.clip(skewed / dimension * directions, 1.0, directions)
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


def _moderated(ratio: Array, freedom: Array, independent: float) -> tuple[Array, Array]:
    """Observed over sampling variance, with what the other columns tell about it; never below 1, which rows alone give.

    Args:
        ratio: shape (columns,).
        freedom: degrees of freedom of each.
        independent: so many columns vary independently of each other.
    """
    prior, extra = _prior(ratio, freedom)
    if extra == 0:
        return np.maximum(ratio, 1.0), freedom
    from scipy.special import fdtr, fdtrc

    shared = prior if np.isinf(extra) else (extra * prior + freedom * ratio) / (extra + freedom)
    as_far = fdtrc(freedom, min(extra, 1e9), ratio / prior)
    known = np.minimum(freedom + extra, freedom * independent)
    own = np.where(as_far > _USUAL, 1.0, np.maximum(ratio, 1.0))
    calm = (ratio > TOLD) & (fdtr(freedom, min(extra, 1e9), ratio / prior) < _CALM)
    moderated = np.where(calm, np.maximum(ratio, 1.0), np.maximum(own, shared))
    return moderated, np.where((as_far > _RARE) & ~calm, known, freedom)


def _prior(ratio: Array, freedom: Array) -> tuple[float, float]:
    """Location and degrees of freedom of the scaled F-distribution that the ratios of all columns follow.

    By the moments of their logarithm, as Smyth 2004 does. No prior (0 degrees) below three columns.
    """
    from scipy.special import digamma, polygamma

    varying = ratio > TOLD
    if varying.sum() < 3:
        return 1.0, 0.0
    half = freedom[varying] / 2
    logs = np.log(ratio[varying]) - digamma(half) + np.log(half)
    excess = logs.var(ddof=1) - polygamma(1, half).mean()
    if excess <= 0:
        return float(np.exp(logs.mean())), np.inf
    extra = 2 * _inverse_trigamma(float(excess))
    return float(np.exp(logs.mean() + digamma(extra / 2) - np.log(extra / 2))), extra


def _inverse_trigamma(value: float) -> float:
    """The x with `trigamma(x) = value`, by the Newton steps of Smyth 2004."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x


def independent_columns(away: Array) -> float:
    """So many columns vary independently of each other from batch to batch: `J^2 / sum of squared correlations`.

    The squared correlation of two independent columns has the mean `1 / (B - 1)`, which is taken off.
    """
    count = away.shape[1]
    centred = away - away.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred**2).sum(axis=1))
    varying = centred[scale > 0] / scale[scale > 0][:, None]
    if len(varying) < 2:
        return 1.0
    # Of the smaller of the two Gram matrices: both have the same sum of squares.
    gram = varying @ varying.T if len(varying) <= count else varying.T @ varying
    pairs = len(varying) * (len(varying) - 1)
    excess = max(float((gram**2).sum()) - len(varying) - pairs / (count - 1), 0.0)
    return max(1.0, len(varying) ** 2 / (len(varying) + excess))


def _dimension(away: Array, lengths: Array, cells: Array) -> tuple[Array, Array]:
    """Effective numbers of directions in which batches vary, for the variance and for the skewness of a squared length.

    `tr(S)^2 / tr(S^2)` and `tr(S^2)^3 / tr(S^3)^2`, from 1 to `cells`. Eigenvalues that are observed from few batches
    are more uneven than the true ones, so that the tail is rather too heavy than too light.

    Source: Buckley and Eagleson 1988, "An approximation to the distribution of quadratic forms in normal random
    variables", Australian Journal of Statistics 30A.
    """
    freedom = away.shape[1] - 1
    trace = lengths.sum(axis=1) / freedom
    # Of the smaller of the two Gram matrices: both have the same eigenvalues.
    sides = away.transpose(0, 2, 1)
    gram = (away @ sides if away.shape[1] <= away.shape[2] else sides @ away) / freedom
    squared = gram @ gram
    squares = np.trace(squared, axis1=1, axis2=2)
    cubes = (squared * gram).sum(axis=(1, 2))
    top = np.maximum(cells, 1.0)
    varying = trace > 1e-150
    safe = np.where(varying, 1.0, np.nan)
    dimension = np.nan_to_num(trace**2 / (squares * safe), nan=1.0)
    skewed = np.nan_to_num(squares**3 / (cubes * safe) ** 2, nan=1.0)
    dimension = np.clip(dimension, 1.0, top)
    return dimension, np.clip(skewed, 1.0, dimension)


def _dimension_by_rows(sampling: Array, between: Array, cells: Array) -> tuple[Array, Array]:
    """The least that both numbers of directions can be: rows vary alike in all of them, and days at worst in one.

    The eigenvalues of few batches look uneven where rows alone make them differ, which are known to be even.

    Args:
        sampling: variance by rows, all directions together.
        between: the same by days.
        cells: directions.
    """
    each = sampling / np.maximum(cells, 1.0)
    longest = each + between
    trace, squares, cubes = ((cells - 1) * each**power + longest**power for power in (1, 2, 3))
    return trace**2 / squares, squares**3 / cubes**2


def farthest(count: int) -> float:
    """How far the farthest of so many normal batches is with probability `_GUARDED`, in standard deviations."""
    from scipy.special import ndtri

    return float(-ndtri((1 - _GUARDED ** (1 / count)) / 2))


def _farthest_length(count: int, dimension: Array) -> Array:
    """The same for the squared length of a vector, over its mean."""
    from scipy.special import chdtri

    return chdtri(dimension, 1 - _GUARDED ** (1 / count)) / dimension
