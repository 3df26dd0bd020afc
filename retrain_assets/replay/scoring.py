"""What one model of a history says about the batches around and after its training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from retrain_assets.errors import InsufficientDataError
from retrain_assets.performance.expected import expected_losses
from retrain_assets.performance.metrics import LOSSES
from retrain_assets.performance.scores import SMALLEST
from retrain_assets.replay.stream import Stream
from retrain_assets.training.predict import predict
from retrain_assets.training.source import TransformSource
from retrain_assets.training.trainer import train

Evidence = npt.NDArray[np.floating]
"""Of each row: the predicted value of a regression; else the probability of its true class and the loss that the model
expected of itself, in two columns, and where outputs are compared its score in a third one: the probability of the
second of two classes, or of the most probable one."""


def score_model(stream: Stream, newest: int, *, source: TransformSource | None = None) -> Evidence | None:
    """Trains on the batches up to `newest` and scores all rows from `stream.first_kept(newest)` on.

    None where no model can be trained: its rows hold one class only.
    """
    rows = stream.training_rows(newest)
    try:
        fitted = train(stream.spec, stream.frame.iloc[rows], stream.labels[rows], source=source)
    except InsufficientDataError:
        return None
    first = stream.starts[stream.first_kept(newest)]
    scores = predict(
        fitted.pipeline, stream.frame.iloc[first:], task=stream.spec.task, classes=fitted.classes
    )  # fmt: skip
    if stream.spec.task == "regression":
        return scores.values
    truth = stream.labels[first:]
    known = np.isin(truth, np.asarray(fitted.classes))
    position = np.searchsorted(np.asarray(fitted.classes), truth[known])
    outputs = bool(stream.spec.drift.outputs)
    made = np.zeros((len(truth), 3 if outputs else 2), dtype=np.float32)
    made[known, 0] = scores.probabilities[known, position]
    made[:, 1] = expected_losses(stream.spec.metric, scores)
    if outputs:
        made[:, 2] = scores.values if scores.values.ndim == 1 else scores.values.max(axis=1)
    return made


def losses_of(metric: str, evidence: Evidence, labels: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """The loss of each row.

    >>> losses_of("log_loss", np.array([0.5]), np.array([1])).round(3)
    array([0.693])

    Raises:
        ValueError: a metric that a replay does not know.
    """
    values = np.asarray(evidence, dtype=np.float64)
    if metric == "log_loss":
        return -np.log(np.clip(values, SMALLEST, 1.0))
    if metric == "brier":  # of two classes
        return np.square(1 - values)
    if metric == "poisson_deviance":
        truth, mean = labels.astype(np.float64), np.maximum(values, SMALLEST)
        return 2 * (truth * np.log(np.where(truth > 0, truth / mean, 1.0)) - truth + mean)
    if metric == "squared_error":
        return np.square(values - labels.astype(np.float64))
    if metric == "absolute_error":
        return np.abs(values - labels.astype(np.float64))
    raise ValueError(f"a replay judges by {', '.join(LOSSES)} (got {metric!r})")
