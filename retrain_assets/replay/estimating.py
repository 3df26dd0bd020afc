"""Estimates of batches without labels in a replay, from what was known when each was scored."""

from __future__ import annotations

import numpy as np

from retrain_assets.performance.error_regression import LabelledErrors, estimate_by_errors
from retrain_assets.performance.estimation import NEWEST, LossEstimate, estimate_loss
from retrain_assets.replay.clock import Moment
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets.training.related import with_score


class Estimates:
    """Of one history; each batch of each model is estimated once."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, int], LossEstimate | None] = {}

    def unlabelled(self, moment: Moment) -> tuple[LossEstimate, ...]:
        """Of the champion's batches without labels, oldest first."""
        book, champion = moment.book, moment.champion
        found: list[LossEstimate] = []
        for batch in range(moment.labelled + 1, moment.decided + 1):
            if moment.serving.get(batch) != champion:
                continue
            if (champion, batch) not in self._made:
                self._made[champion, batch] = _estimate(book, champion, batch)
            made = self._made[champion, batch]
            found += [] if made is None else [made]
        return tuple(found)


def _estimate(book: Scorebook, champion: int, batch: int) -> LossEstimate | None:
    stream = book.stream
    if stream.spec.task == "regression":
        return _by_errors(book, champion, batch)
    expected = book.loss(champion, batch).expected
    if expected is None:
        return None
    return estimate_loss(
        stream.batches[batch].key,
        expected,
        book.holdout(champion),
        book.losses(champion, stream.labelled(batch)),
        holdout_batches=stream.spec.window.holdout_batches,
        confidence=stream.spec.promote.confidence,
    )


def _by_errors(book: Scorebook, champion: int, batch: int) -> LossEstimate | None:
    stream = book.stream
    labelled = range(champion + 1, stream.labelled(batch) + 1)[-NEWEST:]
    return estimate_by_errors(
        stream.batches[batch].key,
        [_errors(book, champion, known) for known in labelled],
        _errors(book, champion, batch).inputs,
        confidence=stream.spec.promote.confidence,
    )


def _errors(book: Scorebook, model: int, batch: int) -> LabelledErrors:
    stream = book.stream
    rows = stream.frame.iloc[stream.starts[batch] : stream.starts[batch + 1]]
    scored = rows[["ra_row_id"]].assign(score=np.asarray(book.evidence(model, batch), dtype=np.float64))
    order = rows["ra_row_id"].argsort().to_numpy()
    return LabelledErrors(
        inputs=with_score(stream.spec, rows, scored), losses=book.row_losses(model, batch, batch + 1)[order]
    )
