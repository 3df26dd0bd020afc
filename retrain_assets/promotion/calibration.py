"""Whether probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.performance.intervals import percentile_tail, resampled_means, units_of
from retrain_assets.performance.scores import Scores, Values
from retrain_assets.promotion.evaluation import ENOUGH_UNITS
from retrain_assets.promotion.measures import Measure

BINS = 10
_RESAMPLES = 1000
_SIZES = 200
"""Sizes of the true error that are tried between none and the largest."""


def calibration_error(scores: Scores, labels: npt.ArrayLike) -> float | None:
    """Expected calibration error over ten bins of equal mass (Naeini, Cooper and Hauskrecht, AAAI 2015).

    Of two classes the probability of the second is held to its share; of more the confidence in the predicted class to
    the share of right predictions. Of a regression |mean(prediction) - mean(label)| in standard deviations of the
    labels. None without rows, or for constant labels of a regression.

    >>> calibration_error(Scores(np.array([0.5, 0.5, 0.5, 0.5]), (0, 1)), [0, 1, 0, 1])
    0.0
    """
    gaps = _gaps(scores, np.asarray(labels))
    return None if gaps is None else float(np.abs(gaps.mean(axis=0)).sum())


def calibration_measure(
    scores: Scores,
    labels: npt.ArrayLike,
    *,
    group: str,
    blocks: npt.NDArray[np.intp] | None,
    confidence: float | None,
    rng: np.random.Generator,
) -> Measure:
    """The calibration error with its interval of a confidence; none from fewer than `ENOUGH_UNITS` rows or blocks.

    The error of few rows is larger than the true one, because chance makes gaps where there are none: of 200 rows of a
    model that means what it says it is about 0.08. The interval holds every size of a true error with which the
    observed one lies within the central share `confidence` of what chance makes of it: that of the bootstrap by rows,
    or by `blocks`, around the gaps. For its lower end the true gaps are as unequal as the observed ones, to which
    chance adds much; for its upper end they are equal, to which it adds least. It holds the observed error.
    """
    gaps = _gaps(scores, np.asarray(labels))
    if gaps is None:
        return Measure(kind="calibration", name="calibration_error", group=group, value=None, rows=len(scores))
    means = gaps.mean(axis=0)
    value = float(np.abs(means).sum())
    lower = upper = None
    units = units_of(len(gaps), blocks)
    if confidence is not None and units >= ENOUGH_UNITS:
        chance = resampled_means(gaps, _RESAMPLES, rng=rng, blocks=blocks) - means
        tail = percentile_tail(confidence, units=units)
        lower, upper = _sizes(means, chance, tail)
    return Measure(
        kind="calibration", name="calibration_error", group=group, value=value, lower=lower, upper=upper, rows=len(gaps)
    )


def _sizes(means: Values, chance: Values, tail: float) -> tuple[float, float]:
    """The least and the largest true error that the observed gaps, (bins,), and what chance adds, (r, bins), allow."""
    value, even = float(np.abs(means).sum()), np.full(len(means), 1 / len(means))
    sizes = np.linspace(0, value + float(np.abs(chance).sum(axis=1).max()), _SIZES)

    def allowed(shape: Values, beyond: Callable[[Values, float], npt.NDArray[np.bool_]]) -> Values:
        seen = np.array([np.abs(size * shape + chance).sum(axis=1) for size in sizes])
        return sizes[beyond(seen, value).mean(axis=1) >= tail]

    small = allowed(means / value if value else even, np.greater_equal)
    large = allowed(even, np.less_equal)
    return min(float(small.min(initial=value)), value), max(float(large.max(initial=value)), value)


def _gaps(scores: Scores, truth: npt.NDArray[Any]) -> Values | None:
    """What was said less what came true, in the column of its bin, (n, bins); of a regression in deviations, (n, 1)."""
    if len(truth) == 0:
        return None
    if not scores.classes:
        spread = float(np.std(truth.astype(float)))
        return None if spread == 0 else ((scores.values - truth.astype(float)) / spread)[:, None]
    said, right = _said_and_right(scores, truth)
    bins = _bins(said)
    gaps = np.zeros((len(truth), int(bins.max()) + 1))
    gaps[np.arange(len(truth)), bins] = said - right
    return gaps


def reliability(scores: Scores, labels: npt.ArrayLike) -> tuple[tuple[float, float, int], ...]:
    """What was said, what came true and how many rows there are, in each of at most ten bins of equal mass.

    Of a regression the mean prediction and the mean label.

    >>> reliability(Scores(np.array([0.2, 0.2, 0.8, 0.8]), (0, 1)), [0, 1, 1, 1])
    ((0.2, 0.5, 2), (0.8, 1.0, 2))
    """
    truth = np.asarray(labels)
    if len(truth) == 0:
        return ()
    said, right = _said_and_right(scores, truth) if scores.classes else (scores.values, truth.astype(float))
    bins = _bins(said)
    counts = np.bincount(bins)
    means = [np.bincount(bins, weights=each) / np.maximum(counts, 1) for each in (said, right)]
    return tuple(
        (float(means[0][place]), float(means[1][place]), int(count)) for place, count in enumerate(counts) if count
    )


def _said_and_right(scores: Scores, truth: npt.NDArray[Any]) -> tuple[Values, Values]:
    names = np.asarray(scores.classes, dtype=object)
    probabilities = scores.probabilities
    if len(names) == 2:
        said, right = probabilities[:, 1], truth.astype(object) == names[1]
    else:
        said, right = probabilities.max(axis=1), truth.astype(object) == names[probabilities.argmax(axis=1)]
    return said, right.astype(np.float64)


def _bins(said: Values) -> npt.NDArray[np.intp]:
    """Equal scores share a bin: which of them come first says nothing."""
    edges = np.unique(np.quantile(said, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.searchsorted(edges, said, side="left")
