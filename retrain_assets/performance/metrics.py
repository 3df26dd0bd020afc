"""Metrics: losses of single rows, and statistics of weighted rows that a bootstrap can resample.

| metric | of a row | source |
|---|---|---|
| `log_loss` | -log p(true class) | as `sklearn.metrics.log_loss` |
| `brier` | (p - y)^2; for more than two classes, the sum over them | as `sklearn.metrics.brier_score_loss` |
| `squared_error` | (y - prediction)^2 | as `mean_squared_error` |
| `absolute_error` | abs(y - prediction) | as `mean_absolute_error` |
| `poisson_deviance` | 2 (y log(y / m) - y + m) | as `mean_poisson_deviance` |
| `accuracy` | 1 where the most probable class (the earlier on a tie) is true | as `accuracy_score` |
| `roc_auc` | - | as `roc_auc_score(multi_class="ovr")`: the plain mean over more than two classes |
| `r2` | - | as `r2_score` |
| `expected_log_loss`, `expected_brier` | what the model's own probabilities expect of its loss | see `expected` |

Probabilities of the true class and Poisson means below `SMALLEST` count as `SMALLEST`: one certain mistake costs 34.5,
not infinity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.errors import DataError, InsufficientDataError, did_you_mean
from retrain_assets.performance.expected import PREFIX, expected_losses
from retrain_assets.performance.scores import SMALLEST, Scores, Values
from retrain_assets.spec.model import CLASSIFICATION_METRICS, REGRESSION_METRICS

LOSSES = (*CLASSIFICATION_METRICS, *REGRESSION_METRICS)
GREATER_IS_BETTER = ("accuracy", "roc_auc", "r2")
NO_MEANS = ("roc_auc", "r2")
"""Metrics that are no mean over rows."""

Labels = npt.ArrayLike
Statistic = Callable[[Values], Values]
"""From weights (r, n) of n rows to r values of the metric; NaN where a resample does not define it."""


def row_losses(metric: str, labels: Labels, scores: Scores) -> Values:
    """The loss of each row, (n,); their mean is the metric.

    >>> row_losses("log_loss", [1, 0], Scores(np.array([0.8, 0.8]), (0, 1))).round(3)
    array([0.223, 1.609])

    Raises:
        ValueError: not one of `LOSSES`, or one that the kind of scores does not allow.
        DataError: scores that are not finite or no probabilities; labels that are missing or of no known class.
    """
    if metric not in _ROW_LOSSES:
        raise ValueError(f"metric must be a mean of row losses (got {metric!r}).{did_you_mean(metric, _ROW_LOSSES)}")
    return _ROW_LOSSES[metric](labels, scores)


def metric_value(metric: str, labels: Labels, scores: Scores) -> float:
    """The metric over all rows.

    >>> metric_value("roc_auc", [0, 1, 1], Scores(np.array([0.1, 0.9, 0.4]), (0, 1)))
    1.0

    Raises:
        ValueError: an unknown metric, or one that the kind of scores does not allow.
        DataError: as `row_losses`.
        InsufficientDataError: the rows do not define it (no rows, one class, constant labels).
    """
    return float(metric_statistic(metric, labels, scores)(np.ones((1, len(scores))))[0])


def metric_statistic(metric: str, labels: Labels, scores: Scores) -> Statistic:
    """The metric as a function of row weights; raises as `metric_value`."""
    if metric == "roc_auc":
        return _roc_auc(labels, scores)
    if metric == "r2":
        return _r2(labels, scores)
    of_rows = metric_rows(metric, labels, scores)
    return lambda weights: weights @ of_rows / weights.sum(axis=1)


def metric_rows(metric: str, labels: Labels, scores: Scores) -> Values:
    """What a metric is the mean of, (n,): of `roc_auc` and `r2`, which are no means, there is none.

    Raises:
        ValueError: an unknown metric, or one that is no mean or that the kind of scores does not allow.
        DataError: as `row_losses`.
        InsufficientDataError: no rows.
    """
    if metric in _ROW_LOSSES:
        of_rows = row_losses(metric, labels, scores)
    elif metric == "accuracy":
        of_rows = (class_positions(labels, scores) == scores.probabilities.argmax(axis=1)).astype(np.float64)
    elif metric.startswith(PREFIX):
        of_rows = expected_losses(metric.removeprefix(PREFIX), scores)
    else:
        raise ValueError(f"unknown metric {metric!r}.{did_you_mean(metric, [*LOSSES, *GREATER_IS_BETTER])}")
    if len(of_rows) == 0:
        raise InsufficientDataError(f"{metric} needs at least one row")
    return of_rows


def _log_loss(labels: Labels, scores: Scores) -> Values:
    position = class_positions(labels, scores)
    chosen = scores.probabilities[np.arange(len(scores)), position]
    return -np.log(np.clip(chosen, SMALLEST, 1.0))


def _brier(labels: Labels, scores: Scores) -> Values:
    position = class_positions(labels, scores)
    if scores.values.ndim == 1:
        return np.square(scores.values - position)
    return np.square(scores.values - np.eye(len(scores.classes))[position]).sum(axis=1)


def _squared_error(labels: Labels, scores: Scores) -> Values:
    truth, predicted = _numbers(labels, scores)
    return np.square(truth - predicted)


def _absolute_error(labels: Labels, scores: Scores) -> Values:
    truth, predicted = _numbers(labels, scores)
    return np.abs(truth - predicted)


def _poisson_deviance(labels: Labels, scores: Scores) -> Values:
    truth, predicted = _numbers(labels, scores)
    if (truth < 0).any():
        raise DataError(f"labels of poisson_deviance must not be negative (got {truth.min()})")
    mean = np.maximum(predicted, SMALLEST)
    # y log(y / m) goes to 0 with y.
    entropy = truth * np.log(np.where(truth > 0, truth / mean, 1.0))
    return 2 * (entropy - truth + mean)


_ROW_LOSSES: dict[str, Callable[[Labels, Scores], Values]] = {
    "log_loss": _log_loss,
    "brier": _brier,
    "squared_error": _squared_error,
    "absolute_error": _absolute_error,
    "poisson_deviance": _poisson_deviance,
}


def _roc_auc(labels: Labels, scores: Scores) -> Statistic:
    position = class_positions(labels, scores)
    if len(np.unique(position)) < len(scores.classes):
        raise InsufficientDataError(f"roc_auc needs rows of each of the classes {scores.classes}")
    if scores.values.ndim == 1:
        return _area(position == 1, scores.values)
    areas = [_area(position == k, scores.values[:, k]) for k in range(len(scores.classes))]
    return lambda weights: np.mean([area(weights) for area in areas], axis=0)


def _area(positive: npt.NDArray[np.bool_], score: Values) -> Statistic:
    """P(score of a positive > score of a negative) + half of P(equal).

    Of each positive row, the weight of the negatives below it and that of those not above it, by sums along the scores.
    """
    negatives = np.flatnonzero(~positive)
    negatives = negatives[np.argsort(score[negatives], kind="stable")]
    positives = np.flatnonzero(positive)
    below, not_above = (np.searchsorted(score[negatives], score[positives], side=side) for side in ("left", "right"))

    def statistic(weights: Values) -> Values:
        sums = np.zeros((len(weights), len(negatives) + 1))
        np.cumsum(weights[:, negatives], axis=1, out=sums[:, 1:])
        up = weights[:, positives]
        pairs = up.sum(axis=1) * sums[:, -1]
        wins = np.einsum("ij,ij->i", up, sums[:, below] + sums[:, not_above]) / 2
        return np.divide(wins, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)

    return statistic


def regression_rows(labels: Labels, scores: Scores) -> tuple[Values, Values]:
    """What `r2` is made of: the labels around their mean, and the squared errors.

    Raises:
        InsufficientDataError: fewer than two different labels.
    """
    truth, predicted = _numbers(labels, scores)
    if len(truth) < 2 or np.ptp(truth) == 0:
        raise InsufficientDataError("r2 needs at least two different labels")
    # Centred first: the sum of squares around the resample's mean would lose its digits where the mean is large.
    return truth - truth.mean(), np.square(truth - predicted)


def _r2(labels: Labels, scores: Scores) -> Statistic:
    centred, errors = regression_rows(labels, scores)

    def statistic(weights: Values) -> Values:
        mean = weights @ centred / weights.sum(axis=1)
        spread = weights @ np.square(centred) - weights.sum(axis=1) * np.square(mean)
        return 1 - np.divide(weights @ errors, spread, out=np.full(len(weights), np.nan), where=spread > 0)

    return statistic


def class_positions(labels: Labels, scores: Scores) -> npt.NDArray[np.intp]:
    """Position of each label in `classes`, after both sides were checked."""
    if not scores.classes:
        raise ValueError("a metric of classes needs class probabilities; these are the scores of a regression")
    truth = np.asarray(labels)
    _check_same_length(truth, scores)
    _check_finite(scores)
    outside = (scores.values < -1e-9) | (scores.values > 1 + 1e-9)
    if outside.any():
        raise DataError(f"probabilities must lie in [0, 1] (got {scores.values[outside][0]})")
    position = np.full(len(truth), -1, dtype=np.intp)
    # A missing value equals nothing, but pandas.NA makes even that comparison fail.
    present = ~pd.isna(truth)
    for k, name in enumerate(scores.classes):
        position[present] = np.where(truth[present] == name, k, position[present])
    unknown = position < 0
    if unknown.any():
        examples = sorted({repr(label) for label in truth[unknown][:1000].tolist()})[:3]
        raise DataError(
            f"{unknown.sum():,} of {len(truth):,} labels are none of the model's classes {scores.classes}: "
            f"{', '.join(examples)}"
        )
    return position


def _numbers(labels: Labels, scores: Scores) -> tuple[Values, Values]:
    if scores.classes:
        raise ValueError("a metric of numbers needs predicted values; these are class probabilities")
    truth = np.asarray(labels, dtype=np.float64)
    _check_same_length(truth, scores)
    _check_finite(scores)
    if not np.isfinite(truth).all():
        raise DataError(f"labels must be finite numbers: {(~np.isfinite(truth)).sum():,} of {len(truth):,} are not")
    return truth, scores.values


def _check_same_length(labels: npt.NDArray[Any], scores: Scores) -> None:
    if labels.shape != (len(scores),):
        raise ValueError(f"labels must be one for each of the {len(scores)} scores (got shape {labels.shape})")


def _check_finite(scores: Scores) -> None:
    bad = ~np.isfinite(scores.values)
    if bad.any():
        raise DataError(f"scores must be finite numbers: {bad.sum():,} of {bad.size:,} are NaN or infinite")
