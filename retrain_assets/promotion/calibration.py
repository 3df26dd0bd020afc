"""Whether probabilities mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.performance.scores import Scores, Values

BINS = 10


def calibration_error(scores: Scores, labels: npt.ArrayLike) -> float | None:
    """Expected calibration error over ten bins of equal mass (Naeini, Cooper and Hauskrecht, AAAI 2015).

    Of two classes the probability of the second is held to its share; of more the confidence in the predicted class to
    the share of right predictions. Of a regression |mean(prediction) - mean(label)| in standard deviations of the
    labels. None without rows, or for constant labels of a regression.

    >>> calibration_error(Scores(np.array([0.5, 0.5, 0.5, 0.5]), (0, 1)), [0, 1, 0, 1])
    0.0
    """
    truth = np.asarray(labels)
    if len(truth) == 0:
        return None
    if not scores.classes:
        spread = float(np.std(truth.astype(float)))
        return None if spread == 0 else float(abs(scores.values.mean() - truth.astype(float).mean())) / spread
    said, right = _said_and_right(scores, truth)
    bins = _bins(said)
    gaps = np.bincount(bins, weights=said) - np.bincount(bins, weights=right)
    return float(np.abs(gaps).sum() / len(truth))


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
