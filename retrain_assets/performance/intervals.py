"""A metric with the interval that its rows allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.errors import InsufficientDataError
from retrain_assets.performance.grouped import MANY_ROWS, Sums, resampled_sums, sums_of, values_of
from retrain_assets.performance.metrics import Statistic, metric_statistic
from retrain_assets.performance.scores import Scores, Values

_CELLS_AT_ONCE = 120_000
"""Weights of resamples that are worked on together: as many as a processor's cache holds, which is thrice as fast."""
_DEFINED_SHARE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricEstimate:
    """A metric on `rows` rows with a bootstrap interval; None where it is not known."""

    metric: str
    value: float | None
    lower: float | None
    upper: float | None
    standard_error: float | None
    rows: int


def estimate(
    metric: str,
    labels: npt.ArrayLike,
    scores: Scores,
    *,
    confidence: float,
    rng: np.random.Generator,
    resamples: int = 200,
    blocks: Sequence[Any] | npt.NDArray[Any] | None = None,
) -> MetricEstimate:
    """One metric with its bootstrap interval; see `estimates`."""
    (answer,) = estimates([metric], labels, scores, confidence=confidence, rng=rng, resamples=resamples, blocks=blocks)
    return answer


def estimates(
    metrics: Sequence[str],
    labels: npt.ArrayLike,
    scores: Scores,
    *,
    confidence: float,
    rng: np.random.Generator,
    resamples: int = 200,
    blocks: Sequence[Any] | npt.NDArray[Any] | None = None,
) -> tuple[MetricEstimate, ...]:
    """Metrics with bootstrap intervals (see `percentile_interval`), all from the same resamples.

    Rows are drawn with replacement, or whole blocks of equal `blocks` value; many rows as
    `retrain_assets.performance.grouped` says. A metric that the rows do not define
    (fewer than two rows, an area under the curve of one class) has value None; one that fewer than 90 % of the
    resamples define has a value and no interval.

    Raises:
        DataError: scores or labels that no metric can be computed from.
    """
    rows = len(scores)
    if rows >= MANY_ROWS:
        return _of_many(metrics, labels, scores, confidence=confidence, rng=rng, resamples=resamples, blocks=blocks)
    statistics = [_statistic(metric, labels, scores) for metric in metrics]
    drawn: list[list[Values]] = [[] for _ in metrics]
    if rows >= 2 and any(statistic is not None for statistic in statistics):
        for weights in resampled_weights(rows, resamples, rng=rng, blocks=blocks):
            for values, statistic in zip(drawn, statistics, strict=True):
                if statistic is not None:
                    values.append(statistic(weights))
    units = units_of(rows, blocks)
    return tuple(
        _estimate(metric, statistic, np.concatenate(values) if values else np.empty(0), rows, confidence, units)
        for metric, statistic, values in zip(metrics, statistics, drawn, strict=True)
    )


def resampled_means(
    columns: Values, resamples: int, *, rng: np.random.Generator, blocks: Sequence[Any] | npt.NDArray[Any] | None = None
) -> Values:
    """Means of (n, k) columns over bootstrap resamples of the rows, or of whole blocks: (resamples, k)."""
    rows = len(columns)
    if rows >= MANY_ROWS:
        counted = np.column_stack([columns, np.ones(rows)])
        sums = resampled_sums(counted, resamples, rng=rng, blocks=None if blocks is None else np.asarray(blocks))
        return sums[:, :-1] / sums[:, -1:]
    return np.concatenate(
        [
            weights @ columns / weights.sum(axis=1, keepdims=True)
            for weights in resampled_weights(rows, resamples, rng=rng, blocks=blocks)
        ]
    )


def resampled_weights(
    rows: int, resamples: int, *, rng: np.random.Generator, blocks: Sequence[Any] | npt.NDArray[Any] | None = None
) -> Iterator[Values]:
    """How often each row is in each bootstrap resample: arrays (r, rows), in chunks that bound the memory."""
    unit = np.arange(rows) if blocks is None else np.unique(np.asarray(blocks), return_inverse=True)[1]
    if len(unit) != rows:
        raise ValueError(f"blocks must have one value for each of the {rows} rows (got {len(unit)})")
    units = int(unit.max()) + 1 if rows else 0
    chunk = max(1, _CELLS_AT_ONCE // max(rows, 1))
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        draws = rng.integers(0, units, size=(size, units))
        counts = np.empty((size, units))
        for count, drawn in zip(counts, draws, strict=True):
            count[:] = np.bincount(drawn, minlength=units)
        yield counts if blocks is None else counts[:, unit]


def units_of(rows: int, blocks: Sequence[Any] | npt.NDArray[Any] | None) -> int:
    """How many units a bootstrap draws from: rows, or blocks."""
    return rows if blocks is None else len(pd.unique(np.asarray(blocks)))


def percentile_interval(values: Values, confidence: float, *, units: int) -> tuple[float, float]:
    """The central share `confidence` of bootstrap values, expanded for few units.

    Its quantiles are those of `percentile_tail` and its mirror, at the places (B + 1) p of B values in their order: one
    more value would lie beyond them with the probability p, where the usual interpolation leaves it 0.5 % more of 200
    values (Davison and Hinkley 1997, "Bootstrap Methods and their Application", section 5.2).
    """
    tail = percentile_tail(confidence, units=units)
    lower, upper = np.quantile(values, [tail, 1 - tail], method="weibull")
    return float(lower), float(upper)


def percentile_tail(confidence: float, *, units: int) -> float:
    """The share of bootstrap values below the interval of `confidence`, of n units.

    Of few units a percentile interval is too narrow, by sqrt((n - 1) / n) and by the normal where Student's t belongs.
    The quantiles are those at the normal probability of -+ t sqrt(n / (n - 1)), with n - 1 degrees of freedom. Source:
    Hesterberg, The American Statistician 69(4), 2015, the expanded percentile interval.
    """
    from scipy.special import ndtr, stdtrit

    tail = (1 - confidence) / 2
    return float(ndtr(stdtrit(units - 1, tail) * np.sqrt(units / (units - 1)))) if units > 1 else tail


def _of_many(
    metrics: Sequence[str],
    labels: npt.ArrayLike,
    scores: Scores,
    *,
    confidence: float,
    rng: np.random.Generator,
    resamples: int,
    blocks: Sequence[Any] | npt.NDArray[Any] | None,
) -> tuple[MetricEstimate, ...]:
    sums: list[Sums | None] = []
    for metric in metrics:
        try:
            sums.append(sums_of(metric, labels, scores))
        except InsufficientDataError:
            sums.append(None)
    drawn = values_of(sums, resamples, rng=rng, blocks=None if blocks is None else np.asarray(blocks))
    units = units_of(len(scores), blocks)
    return tuple(
        _interval(metric, _of_all(each), values, len(scores), confidence, units)
        for metric, each, values in zip(metrics, sums, drawn, strict=True)
    )


def _of_all(sums: Sums | None) -> float | None:
    return None if sums is None else float(sums.combine(sums.columns.sum(axis=0, keepdims=True))[0])


def _statistic(metric: str, labels: npt.ArrayLike, scores: Scores) -> Statistic | None:
    try:
        return metric_statistic(metric, labels, scores)
    except InsufficientDataError:
        return None


def _estimate(
    metric: str, statistic: Statistic | None, drawn: Values, rows: int, confidence: float, units: int
) -> MetricEstimate:
    value = None if statistic is None or rows < 2 else float(statistic(np.ones((1, rows)))[0])
    return _interval(metric, value, drawn, rows, confidence, units)


def _interval(
    metric: str, value: float | None, drawn: Values, rows: int, confidence: float, units: int
) -> MetricEstimate:
    if value is None:
        return MetricEstimate(metric=metric, value=None, lower=None, upper=None, standard_error=None, rows=rows)
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < max(2, _DEFINED_SHARE * len(drawn)):
        return MetricEstimate(metric=metric, value=value, lower=None, upper=None, standard_error=None, rows=rows)
    lower, upper = percentile_interval(defined, confidence, units=units)
    return MetricEstimate(
        metric=metric, value=value, lower=lower, upper=upper, standard_error=float(defined.std(ddof=1)), rows=rows
    )


def cluster_reach(values: Values, units: npt.NDArray[np.intp], level: float) -> float:
    """Half the width of the interval of a mean of rows of which those of a unit vary together.

    By the cluster-robust standard error and Student's t with one degree of freedom fewer than there are units. Source:
    Cameron and Miller 2015, "A Practitioner's Guide to Cluster-Robust Inference", Journal of Human Resources 50(2).

    Args:
        values: one of each row.
        units: number of the unit of each row, from 0; at least two.
        level: probability below the upper end.
    """
    from scipy.special import stdtrit

    sums = np.bincount(units, weights=values - values.mean())
    count = len(sums)
    error = float(np.sqrt((sums**2).sum() * count / (count - 1))) / len(values)
    return float(stdtrit(count - 1, level)) * error
