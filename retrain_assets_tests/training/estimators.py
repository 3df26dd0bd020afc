"""Estimators of a user's own, for the storage of what no package vouches for."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin


class ShareClassifier(ClassifierMixin, BaseEstimator):
    """Answers the shares of the classes."""

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def fit(self, X: Any, y: npt.NDArray[Any]) -> Self:
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / counts.sum()
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        return np.tile(self.shares_, (len(X), 1))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        return np.repeat(self.classes_[self.shares_.argmax()], len(X))


class ArrowClassifier(ShareClassifier):
    """Takes 200 MB for many rows at once, of which Python knows nothing."""

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        taken = pa.allocate_buffer(200_000_000 if len(X) > 1 else 1)
        np.frombuffer(taken, dtype=np.uint8)[:] = 1
        return super().predict_proba(X)


class BrokenRegressor(RegressorMixin, BaseEstimator):
    """Answers NaN for the last row."""

    def fit(self, X: Any, y: Any) -> Self:
        self.fitted_ = True
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        return np.r_[np.zeros(len(X) - 1), np.nan]


class LabelsOnly(ClassifierMixin, BaseEstimator):
    """Has no probabilities."""

    def fit(self, X: Any, y: npt.NDArray[Any]) -> Self:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        return np.repeat(self.classes_[0], len(X))
