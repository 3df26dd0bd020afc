"""A history of labelled rows, cut into batches, with the declaration that models of it are made by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.windows import Batch, Calendar
from retrain_assets.spec import ModelSpec


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
        window: batches that a model trains on; None for all history.
        batches: windows of the batches, in order.
        late: from which batch on labels come how many batches later than that; None where they always come alike.
    """

    spec: ModelSpec
    frame: pd.DataFrame
    labels: npt.NDArray[Any]
    starts: npt.NDArray[np.int64]
    keys: tuple[str, ...]
    reserved: npt.NDArray[np.bool_]
    label_delay: int
    window: int | None
    batches: tuple[Batch, ...]
    late: tuple[int, int] | None = None

    def labelled(self, decided: int) -> int:
        """The newest batch whose labels are there at the end of a batch."""
        newest = decided - self.label_delay
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
        return 0 if self.window is None else max(0, newest + 1 - self.window)

    def first_scored(self, newest: int) -> int:
        """The first batch that such a model is scored on: those whose reserved rows judge it come before the new."""
        return max(0, newest + 1 - self.spec.window.holdout_batches)

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
