"""What the last champions together would have scored on the batches of a walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from retrain_assets.policy.mixture import MEMBERS, mixture_weights, overlap
from retrain_assets.replay.clock import Walk
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets.replay.scoring import losses_of


class Weigh(Protocol):
    """Weights of the members, newest first, see `retrain_assets.policy.mixture.mixture_weights`."""

    def __call__(
        self,
        losses: Sequence[Mapping[int, float]],
        rows: Sequence[int],
        /,
        *,
        overlap: float,
        held: Sequence[Mapping[int, float]],
    ) -> npt.NDArray[np.float64]: ...


def mixture_losses(
    book: Scorebook, walked: Walk, *, members: int = MEMBERS, weigh: Weigh = mixture_weights
) -> npt.NDArray[np.float64]:
    """Mean loss of each served batch, where the champions that had been promoted by then serve together.

    The probability of a mixture is the weighted mean of its members' probabilities, the prediction of a regression that
    of their predictions; the weights know the labels that a decision at the end of the batch before knew.
    """
    stream, losses = book.stream, list[float]()
    for batch in range(walked.first_served, len(stream)):
        serving = [model for model, first in walked.champions if first <= batch][::-1][:members]
        labelled = stream.labelled(batch - 1)
        known = [{j: float(book.mean[m, j]) for j in range(m + 1, labelled + 1)} for m in serving]
        trained = [range(stream.first_trained(m), m + 1) for m in serving]
        rows, held = [len(stream.training_rows(m)) for m in serving], [_held(book, m) for m in serving]
        weights = weigh(known, rows, overlap=overlap(trained), held=held)
        mixed = sum(
            w * np.asarray(book.evidence(m, batch), dtype=np.float64) for w, m in zip(weights, serving, strict=True)
        )
        labels = stream.labels[stream.starts[batch] : stream.starts[batch + 1]]
        losses.append(float(losses_of(stream.spec.metric, np.asarray(mixed), labels).mean()))
    return np.array(losses)


def _held(book: Scorebook, model: int) -> dict[int, float]:
    """The loss on the reserved rows that judged a model, on each of their batches."""
    holdout = book.holdout(model)
    return {} if holdout is None else dict.fromkeys(range(book.stream.first_scored(model), model + 1), holdout.value)
