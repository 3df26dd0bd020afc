"""Metrics of the slices of a batch, each with the interval that its own rows allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.errors import InsufficientDataError
from retrain_assets.performance.intervals import MetricEstimate, estimate
from retrain_assets.performance.metrics import NO_MEANS, metric_rows
from retrain_assets.performance.scores import Scores
from retrain_assets.performance.slice_decay import LEAST_ROWS, slice_values

MOST_SLICES = 20
"""Of a column, those with the most rows: one of many values would flood a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceMetrics:
    """The metrics of the rows of one slice, `column=value`; of fewer than 20 rows no metric has a value."""

    name: str
    rows: int
    metrics: tuple[MetricEstimate, ...]


def slice_metrics(
    metrics: Sequence[str],
    labels: npt.NDArray[np.generic],
    scores: Scores,
    columns: pd.DataFrame,
    *,
    confidence: float,
    rng: np.random.Generator,
) -> tuple[SliceMetrics, ...]:
    """By column and value, at most `MOST_SLICES` of a column, those with the most rows first.

    The interval of a metric that is a mean of n rows with standard deviation s is mean -+ t s / sqrt(n), with Student's
    t of n - 1 degrees of freedom: a bootstrap of each slice would take ten times as long. Of the others it is one.

    Args:
        metrics: names of metrics.
        labels: (n,) of the rows.
        scores: of the same rows.
        columns: (n, columns) their values; each value is a slice, and so is a missing one.
        confidence: of the intervals.
        rng: for the resamples of metrics that are no means.

    Raises:
        DataError: scores or labels that no metric can be computed from.

    >>> columns = pd.DataFrame({"kind": ["a"] * 30 + ["b"] * 3})
    >>> scores, rng = Scores(np.full(33, 0.5), (0, 1)), np.random.default_rng(0)
    >>> made = slice_metrics(["accuracy"], np.zeros(33), scores, columns, confidence=0.95, rng=rng)
    >>> [(each.name, each.rows, each.metrics[0].value) for each in made]
    [('kind=a', 30, 1.0), ('kind=b', 3, None)]
    """
    measures = [_measure(metric, labels, scores, confidence=confidence, rng=rng) for metric in metrics]
    found: list[SliceMetrics] = []
    for column in columns.columns:
        texts = slice_values(columns[column])
        values, counts = texts.to_numpy(), {str(value): int(rows) for value, rows in texts.value_counts().items()}
        for value, rows in sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:MOST_SLICES]:
            name, chosen = f"{column}={value}", values == value
            made = (
                tuple(measure(chosen) for measure in measures)
                if rows >= LEAST_ROWS
                else tuple(_unknown(metric, rows) for metric in metrics)
            )
            found.append(SliceMetrics(name=name, rows=rows, metrics=made))
    return tuple(found)


def values_left_out(columns: pd.DataFrame) -> dict[str, int]:
    """By column, how many of its values are beyond the `MOST_SLICES` that are told; of none it has no entry.

    >>> values_left_out(pd.DataFrame({"id": range(25), "kind": ["a"] * 25}))
    {'id': 5}
    """
    values = {str(column): slice_values(columns[column]).nunique() for column in columns.columns}
    return {column: count - MOST_SLICES for column, count in values.items() if count > MOST_SLICES}


def _measure(
    metric: str, labels: npt.NDArray[np.generic], scores: Scores, *, confidence: float, rng: np.random.Generator
) -> Callable[[npt.NDArray[np.bool_]], MetricEstimate]:
    """A metric as a function of the rows that are chosen."""
    if metric in NO_MEANS:
        return lambda chosen: estimate(metric, labels[chosen], scores.take(chosen), confidence=confidence, rng=rng)
    try:
        of_rows = metric_rows(metric, labels, scores)
    except InsufficientDataError:
        return lambda chosen: _unknown(metric, int(chosen.sum()))
    return lambda chosen: _of_mean(metric, of_rows[chosen], confidence)


def _of_mean(metric: str, of_rows: npt.NDArray[np.float64], confidence: float) -> MetricEstimate:
    from scipy.special import stdtrit  # SciPy takes a while, and a code location only names triggers

    rows, mean = len(of_rows), float(of_rows.mean())
    error = float(of_rows.std(ddof=1)) / math.sqrt(rows)
    half = float(stdtrit(rows - 1, 0.5 + confidence / 2)) * error
    return MetricEstimate(
        metric=metric, value=mean, lower=mean - half, upper=mean + half, standard_error=error, rows=rows
    )


def why_unknown(estimate: MetricEstimate) -> str | None:
    """Why a slice's metric has no value; None where it has one."""
    if estimate.value is not None:
        return None
    if estimate.rows < LEAST_ROWS:
        return f"unknown: {estimate.rows} rows, {LEAST_ROWS} are needed"
    return f"unknown: its {estimate.rows:,} rows do not define it"


def _unknown(metric: str, rows: int) -> MetricEstimate:
    return MetricEstimate(metric=metric, value=None, lower=None, upper=None, standard_error=None, rows=rows)
