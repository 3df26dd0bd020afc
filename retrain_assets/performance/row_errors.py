"""How wrong a model is about each row, on one scale for every task: what streaming detectors read."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from retrain_assets.performance.scores import Scores, Values

MOST_HOLDOUT_LOSSES = 4
"""The loss of a regression's row, in losses of its holdout, that counts as entirely wrong; half of it is a mistake."""


def row_errors(reads: Literal["error", "mistake"], of_rows: Values, *, holdout: float | None) -> Values:
    """(n,) values from 0 to 1.

    Of a classification 1 - the probability of the true class, and a mistake where that class had less than half; of a
    regression the loss in four losses of the holdout, at most 1, and a mistake above two.

    Args:
        reads: `error` or `mistake`.
        of_rows: (n,) probability of the true class; of a regression the loss of each row.
        holdout: mean loss of the regression on its holdout; None for a classification.

    >>> row_errors("error", np.array([0.9, 0.25]), holdout=None).round(2)
    array([0.1 , 0.75])
    >>> row_errors("mistake", np.array([0.9, 2.5]), holdout=1.0)
    array([0., 1.])
    """
    errors = 1 - of_rows if holdout is None else of_rows / (MOST_HOLDOUT_LOSSES * max(holdout, 1e-12))
    errors = np.clip(errors, 0.0, 1.0)
    return errors if reads == "error" else (errors > 0.5).astype(np.float64)


def chances(labels: npt.NDArray[Any], scores: Scores) -> Values:
    """(n,) the probability that a classifier gave the class that came true; 0 for a class that it does not know."""
    place = {name: position for position, name in enumerate(scores.classes)}
    position = np.fromiter((place.get(label, -1) for label in labels.tolist()), dtype=np.int64, count=len(labels))
    chosen = scores.probabilities[np.arange(len(labels)), position]
    return np.where(position < 0, 0.0, chosen)
