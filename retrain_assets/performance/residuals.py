"""What a model leaves unexplained, row by row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.scores import Scores, Values


def residuals(labels: npt.ArrayLike, scores: Scores) -> Values:
    """Label less score: `y - prediction`; of two classes `y - p` with y = 1 for the second one.

    Of more classes `1 - p(true class)`; NaN for a label that the model does not know.

    >>> residuals(["no", "yes"], Scores(np.array([0.25, 0.25]), ("no", "yes"))).tolist()
    [-0.25, 0.75]
    """
    if not scores.classes:
        return np.asarray(labels, dtype=np.float64) - scores.values
    codes = pd.Index(scores.classes).get_indexer(pd.Index(np.asarray(labels)))
    if len(scores.classes) == 2:
        return np.where(codes < 0, np.nan, codes - scores.values)
    true = scores.values[np.arange(len(codes)), codes]
    return np.where(codes < 0, np.nan, 1 - true)
