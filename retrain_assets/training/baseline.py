"""The naive model that every model must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from retrain_assets.errors import InsufficientDataError
from retrain_assets.performance.scores import Scores
from retrain_assets.spec.model import CLASSIFICATION_METRICS


@dataclass(frozen=True, slots=True, kw_only=True)
class NaiveBaseline:
    """Answers every row alike, with the best constant for the metric.

    | metric | constant | why |
    |---|---|---|
    | `log_loss`, `brier` | the share of each class | minimizes both, as proper scores |
    | `squared_error`, `poisson_deviance` | the mean | minimizes both |
    | `absolute_error` | the median | minimizes it |

    `constant` is the value of a regression, else the probabilities in the order of `classes`.

    >>> NaiveBaseline.fit(np.array([1.0, 2.0, 6.0]), "absolute_error").predict(2).values
    array([2., 2.])
    >>> NaiveBaseline.fit(np.array(["a", "b", "b", "b"]), "log_loss", ("a", "b")).predict(1)
    Scores(values=array([0.75]), classes=('a', 'b'))
    """

    metric: str
    classes: tuple[Any, ...]
    constant: tuple[float, ...]

    @classmethod
    def fit(cls, labels: npt.ArrayLike, metric: str, classes: Sequence[Any] = ()) -> Self:
        """The baseline of the training labels.

        Args:
            labels: Labels of the training rows.
            metric: The declared metric.
            classes: Classes of the model, for a classification; one that no label has gets probability 0.

        Raises:
            InsufficientDataError: there is no label.
        """
        truth = np.asarray(labels)
        if len(truth) == 0:
            raise InsufficientDataError("the naive baseline needs at least one label")
        if metric in CLASSIFICATION_METRICS:
            shares = tuple(float(np.mean(np.asarray(truth == name, dtype=bool))) for name in classes)
            return cls(metric=metric, classes=tuple(classes), constant=shares)
        numbers = truth.astype(np.float64)
        constant = np.median(numbers) if metric == "absolute_error" else np.mean(numbers)
        return cls(metric=metric, classes=(), constant=(float(constant),))

    def predict(self, n: int) -> Scores:
        """The constant for n rows."""
        if not self.classes:
            return Scores(np.full(n, self.constant[0]))
        if len(self.classes) == 2:
            return Scores(np.full(n, self.constant[1]), self.classes)
        return Scores(np.tile(self.constant, (n, 1)), self.classes)
