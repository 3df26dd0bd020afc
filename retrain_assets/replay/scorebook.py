"""Losses of every model of a history on every batch after it, and on the reserved rows that judge it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.performance.residuals import residuals
from retrain_assets.performance.scores import Scores
from retrain_assets.replay.scoring import Evidence, losses_of
from retrain_assets.replay.stream import Stream

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Losses of two models on the same reserved rows."""

    candidate: npt.NDArray[np.float64]
    champion: npt.NDArray[np.float64]


class Scorebook:
    """Scores of models, each named by its newest training batch.

    Args:
        stream: the history.
        evidence: reads the evidence of a model; empty where none could be trained.
        models: the models there are.
    """

    def __init__(self, stream: Stream, evidence: Callable[[int], Evidence], models: tuple[int, ...]) -> None:
        self.stream = stream
        self.models = models
        self._evidence: Mapping[int, Evidence] = {model: evidence(model) for model in models}
        self._expected: dict[int, dict[int, float]] = {}
        size = len(stream)
        self.mean: Matrix = np.full((size, size), np.nan)
        self.error: Matrix = np.full((size, size), np.nan)
        self._holdout: dict[int, HoldoutLoss] = {}
        self._batch_losses: dict[int, tuple[BatchLoss, ...]] = {}
        for model in models:
            if self.usable(model):
                self._read(model)

    def _read(self, model: int) -> None:
        stream, losses = self.stream, self.row_losses(model, self.stream.first_scored(model), len(self.stream))
        first = stream.starts[stream.first_scored(model)]
        judged = self._evidence[model][first - stream.starts[stream.first_kept(model)] :]
        expected = judged[:, 1] if judged.ndim == 2 else None
        if expected is not None:
            cuts = stream.starts[model + 1 : -1] - first
            sums = np.add.reduceat(expected, cuts, dtype=np.float64) if len(cuts) else np.empty(0)
            means = sums / stream.rows[model + 1 :]
            self._expected[model] = dict(zip(range(model + 1, len(stream)), means.tolist(), strict=True))
        for batch in range(model + 1, len(stream)):
            own = losses[stream.starts[batch] - first : stream.starts[batch + 1] - first]
            self.mean[model, batch] = own.mean()
            self.error[model, batch] = own.std() / np.sqrt(len(own))
        held = np.flatnonzero(stream.reserved[first : stream.starts[model + 1]])
        reserved = losses[held]
        if len(reserved):
            self._holdout[model] = HoldoutLoss(
                value=float(reserved.mean()),
                standard_error=float(reserved.std() / np.sqrt(len(reserved))),
                expected=None if expected is None else float(expected[held].mean(dtype=np.float64)),
            )

    def usable(self, model: int) -> bool:
        """Whether a model could be trained."""
        return len(self._evidence[model]) > 0

    def evidence(self, model: int, batch: int) -> Evidence:
        """The probability of the true class of each row of a batch, or the value that a regression predicts."""
        return self._judged(model, batch, batch + 1)

    def scores(self, model: int, batch: int) -> npt.NDArray[np.float64]:
        """The score of each row of a batch, of which `stream.first_kept(model)` is the first."""
        column = 2 if self._evidence[model].ndim == 2 else None
        return np.asarray(self._kept(model, batch, batch + 1, column), dtype=np.float64)

    def residuals(self, model: int, batch: int) -> npt.NDArray[np.float64]:
        """Label less score, see `retrain_assets.performance.residuals`."""
        labels, classes = self.stream.labels_of(batch), self.stream.classes
        if len(classes) > 2:
            return 1 - np.asarray(self.evidence(model, batch), dtype=np.float64)
        return residuals(labels, Scores(self.scores(model, batch), classes))

    def _judged(self, model: int, first: int, end: int) -> Evidence:
        return self._kept(model, first, end, 0 if self._evidence[model].ndim == 2 else None)

    def _kept(self, model: int, first: int, end: int, column: int | None) -> Evidence:
        stream, kept = self.stream, self._evidence[model]
        offset = stream.starts[stream.first_kept(model)]
        rows = kept[stream.starts[first] - offset : stream.starts[end] - offset]
        return rows if column is None else rows[:, column]

    def row_losses(self, model: int, first: int, end: int) -> npt.NDArray[np.float64]:
        """Losses of a model on the rows of the batches from `first` to before `end`."""
        stream = self.stream
        labels = stream.labels[stream.starts[first] : stream.starts[end]]
        return losses_of(stream.spec.metric, self._judged(model, first, end), labels)

    def holdout(self, model: int) -> HoldoutLoss | None:
        """The loss on its reserved rows with which a model was judged; None where there are no such rows."""
        return self._holdout.get(model)

    def losses(self, model: int, until: int) -> tuple[BatchLoss, ...]:
        """A model's losses on the batches after its training, up to and with `until`."""
        known = self._batch_losses.get(model)
        if known is None:
            known = tuple(self.loss(model, batch) for batch in range(model + 1, len(self.stream)))
            self._batch_losses[model] = known
        return known[: max(0, until - model)]

    def loss(self, model: int, batch: int) -> BatchLoss:
        """A model's loss on a batch after its training."""
        return BatchLoss(
            batch=self.stream.batches[batch].key,
            value=float(self.mean[model, batch]),
            standard_error=float(self.error[model, batch]),
            rows=int(self.stream.rows[batch]),
            expected=self._expected.get(model, {}).get(batch),
        )

    def paired(self, candidate: int, champion: int, first: int | None = None) -> Paired:
        """Both models' losses on the reserved rows of the candidate's newest batches, or of those from `first` on."""
        stream = self.stream
        first = stream.first_scored(candidate) if first is None else first
        rows = stream.reserved[stream.starts[first] : stream.starts[candidate + 1]]
        return Paired(
            candidate=self.row_losses(candidate, first, candidate + 1)[rows],
            champion=self.row_losses(champion, first, candidate + 1)[rows],
        )

    @cached_property
    def cumulated(self) -> Matrix:
        """(models, batches + 1): sums of row losses of each model over the batches before each position."""
        sums = np.nan_to_num(self.mean) * self.stream.rows
        return np.concatenate([np.zeros((len(sums), 1)), np.cumsum(sums, axis=1)], axis=1)
