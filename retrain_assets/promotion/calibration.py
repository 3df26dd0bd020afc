"""Whether probabilities mean what they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from retrain_assets.performance.scores import Scores

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
    names = np.asarray(scores.classes, dtype=object)
    probabilities = scores.probabilities
    if len(names) == 2:
        said, right = probabilities[:, 1], truth.astype(object) == names[1]
    else:
        said, right = probabilities.max(axis=1), truth.astype(object) == names[probabilities.argmax(axis=1)]
    # Equal scores share a bin: which of them come first says nothing.
    edges = np.unique(np.quantile(said, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, said, side="left")
    gaps = np.bincount(bins, weights=said) - np.bincount(bins, weights=right.astype(float))
    return float(np.abs(gaps).sum() / len(truth))
