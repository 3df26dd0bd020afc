"""A history of labelled rows, cut into batches, with the declaration that models of it are made by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.windows import Batch, Calendar
from retrain_assets.drift.reference import reference_batches
from retrain_assets.performance.relations import relations, since_change
from retrain_assets.promotion.margins import asks_for_proof
from retrain_assets.promotion.power import GATE as POWER
from retrain_assets.replay.windows import SINCE_CHANGE, Window
from retrain_assets.spec import ModelSpec
from retrain_assets.training.related import related_inputs

EVENT_TIME = "ra_event_time"
"""Of the rows of a bare file, which have none of their own."""
LEAST_BATCHES = 6
"""With labels: some train the first champion, and of fewer than that no policy has anything to decide."""


@dataclass(frozen=True)
class Stream:
    """Rows in the order of their batches.

    Args:
        spec: how a model is trained, judged and decided about.
        frame: validated rows with the event time and `ra_row_id`.
        labels: the truth of each row.
        starts: position of the first row of each batch, and at the end the number of rows.
        keys: name of each batch.
        reserved: rows that no model trains on.
        label_delay: batches from the end of a batch until its labels are known.
        window: batches that a model trains on; None for all history, or those since the newest change.
        batches: windows of the batches, in order.
        late: from which batch on labels come how many batches later than that; None where they always come alike.
        gap: before which batch how many others did not come; None where all came.
        training_seconds: processor time of a training; None where no limit asks for it.
    """

    spec: ModelSpec
    frame: pd.DataFrame
    labels: npt.NDArray[Any]
    starts: npt.NDArray[np.int64]
    keys: tuple[str, ...]
    reserved: npt.NDArray[np.bool_]
    label_delay: int
    window: Window
    batches: tuple[Batch, ...]
    late: tuple[int, int] | None = None
    gap: tuple[int, int] | None = None
    training_seconds: float | None = None

    def labelled(self, decided: int) -> int:
        """The newest batch whose labels are there at the end of a batch."""
        newest = decided - self.label_delay
        if self.gap is not None and decided >= self.gap[0]:
            onset, away = self.gap
            newest = max(newest, min(newest + away, onset - 1))
        if self.late is None:
            return newest
        onset, more = self.late
        return max(min(newest, onset - 1), newest - more)

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def classes(self) -> tuple[Any, ...]:
        """All classes of the history; none for a regression."""
        return tuple(np.unique(self.labels).tolist()) if self.spec.task == "classification" else ()

    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """Number of rows of each batch."""
        return np.diff(self.starts)

    def first_trained(self, newest: int) -> int:
        """The first batch that a model with `newest` as its newest batch trains on."""
        if isinstance(self.window, int):
            return max(0, newest + 1 - self.window)
        return self._since_change[newest] if self.window == SINCE_CHANGE else 0

    @cached_property
    def _since_change(self) -> tuple[int, ...]:
        """The first batch that each newest one trains on: as production tells it, from rows that are not reserved."""
        inputs, found = related_inputs(self.spec, self.frame), list[Mapping[str, float]]()
        outcome = pd.Series(self.labels)
        trainable: list[int] = []
        for batch in range(len(self)):
            low, high = self.starts[batch], self.starts[batch + 1]
            rows = low + np.flatnonzero(~self.reserved[low:high])
            found.append(relations(inputs.iloc[rows], outcome.iloc[rows]))
            trainable.append(len(rows))
        least = self.spec.window.min_rows
        return tuple(
            since_change(found[: newest + 1], trainable[: newest + 1], least_rows=least) for newest in range(len(self))
        )

    def first_scored(self, newest: int) -> int:
        """The first batch that such a model is scored on: those whose reserved rows judge it come before the new."""
        return max(0, newest + 1 - self.spec.window.holdout_batches)

    def reference_of(self, newest: int) -> dict[str, int]:
        """The batches that such a model's drift reports compare with, by key."""
        trained = {self.batches[k].key: k for k in range(self.first_trained(newest), newest + 1)}
        return {key: trained[key] for key in reference_batches(self.spec.drift, tuple(trained))}

    @property
    def more_may_judge(self) -> bool:
        """Whether a declared power, or a proof, may ask for more batches than `window.holdout_batches`."""
        return POWER in self.spec.promote.expression.names() or asks_for_proof(self.spec.promote)

    def first_judged(self, newest: int) -> int:
        """The first batch whose reserved rows may judge it: where more than the usual ones may, that of its window."""
        if not self.more_may_judge:
            return self.first_scored(newest)
        return min(self.first_scored(newest), self.first_trained(newest))

    def first_kept(self, newest: int) -> int:
        """The first batch whose scores by such a model are kept: of what judges it or a later one that challenges it.

        Where outputs are compared, also of its reference.
        """
        compared = self.reference_of(newest).values() if self.spec.drift.outputs else ()
        return min([self._first_judging[newest], *compared])

    @cached_property
    def _first_judging(self) -> tuple[int, ...]:
        judged = [self.first_judged(newest) for newest in range(len(self))]
        return tuple(accumulate(reversed(judged), min))[::-1]

    def rows_of(self, batch: int) -> pd.DataFrame:
        """The rows of a batch."""
        return self.frame.iloc[self.starts[batch] : self.starts[batch + 1]]

    def labels_of(self, batch: int) -> npt.NDArray[Any]:
        """Their labels."""
        return self.labels[self.starts[batch] : self.starts[batch + 1]]

    def training_rows(self, newest: int) -> npt.NDArray[np.intp]:
        """Positions of the rows that such a model trains on."""
        low, high = self.starts[self.first_trained(newest)], self.starts[newest + 1]
        return low + np.flatnonzero(~self.reserved[low:high])

    @cached_property
    def content_hash(self) -> str:
        """Hash of rows, labels, batches and reserved rows."""
        digest = hashlib.sha256("\0".join([*self.frame.columns, *self.keys]).encode())
        for name in self.frame.columns:
            digest.update(pd.util.hash_pandas_object(self.frame[name], index=False).to_numpy().tobytes())
        digest.update(pd.util.hash_array(self.labels).tobytes())
        digest.update(self.starts.tobytes() + self.reserved.tobytes())
        return digest.hexdigest()


def one_batch_each(spec: ModelSpec, count: int) -> tuple[Batch, ...]:
    """The first `count` windows of a declaration's calendar."""
    calendar = Calendar(spec.batches)
    found = [calendar.first]
    while len(found) < count and (following := calendar.next(found[-1])) is not None:
        found.append(following)
    return tuple(found[:count])
