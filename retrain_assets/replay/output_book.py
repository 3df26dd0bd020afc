"""What the models of a history said of its batches, and what then happened, as drift reports compare it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.profile import TableProfile
from retrain_assets.data.windows import Calendar
from retrain_assets.drift.levels import output_settings_of
from retrain_assets.drift.outputs import Outputs, profile_outputs
from retrain_assets.drift.reference import ReferenceProfile
from retrain_assets.errors import DataError
from retrain_assets.lifecycle.outputs import spread
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets.replay.stream import Stream
from retrain_assets.spec import ModelSpec

OF_MODELS = ("importance", "attribution")
"""Outputs that take predictions of changed rows: a replay keeps the scores of its models, and not the models."""


def refuse_of_models(spec: ModelSpec) -> None:
    """Raises where a declaration names an output that a replay cannot have.

    Raises:
        DataError: it does.
    """
    named = [output for output in spec.drift.outputs if output in OF_MODELS]
    if named:
        raise DataError(
            f"drift.outputs of model '{spec.name}' must not name {' or '.join(named)} in a replay of a trigger of "
            "drift: it takes the models themselves, and a replay keeps their scores only. Leave one of the two out."
        )


class OutputBook:
    """Outputs of one history.

    Args:
        stream: the history.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._calendar = Calendar(stream.spec.batches)
        self._shows_labels = stream.spec.target.column not in stream.spec.personal_columns

    def with_outputs(self, inputs: ReferenceProfile, model: int, book: Scorebook) -> ReferenceProfile:
        """The reference of a model, with its outputs on the reserved rows and the labels of all rows."""
        if not self._stream.spec.drift.outputs:
            return inputs
        outputs: dict[str, TableProfile] = {}
        for key, batch in self._stream.reference_of(model).items():
            low, high = self._stream.starts[batch : batch + 2]
            held = spread(pd.DataFrame(index=np.flatnonzero(self._stream.reserved[low:high]))).index.to_numpy()
            if len(held):
                outputs[key] = profile_outputs(
                    book.scores(model, batch)[held],
                    label=self._labels(batch),
                    residual=self._residuals(book, model, batch, held),
                    novelty=self._novelty(inputs, batch, held),
                )
        return replace(inputs, outputs=outputs)

    def of(self, batch: int, champion: int, reference: ReferenceProfile, book: Scorebook) -> Outputs | None:
        """Those of a batch, with labels of the newest batch after the champion's training that has them by its end."""
        spec, window = self._stream.spec.drift, self._stream.batches[batch]
        settings = output_settings_of(spec, self._calendar.per_year)
        fitted = reference.fitted_outputs(window, self._calendar, spec.reference_batches, settings)
        rows = spread(pd.DataFrame(index=np.arange(self._stream.rows[batch]))).index.to_numpy()
        if fitted is None or not len(rows):
            return None
        newest = self._stream.labelled(batch)
        labelled = newest if newest > champion and self._shows_labels else None
        return Outputs(
            current=profile_outputs(
                book.scores(champion, batch)[rows],
                label=None if labelled is None else self._labels(labelled),
                residual=None if labelled is None else self._residuals(book, champion, labelled, slice(None)),
                novelty=self._novelty(reference, batch, rows),
            ),
            reference=fitted,
            labelled=None if labelled is None else self._stream.batches[labelled].key,
        )

    def _labels(self, batch: int) -> pd.Series | None:
        return pd.Series(self._stream.labels_of(batch)) if self._shows_labels else None

    def _residuals(
        self, book: Scorebook, model: int, batch: int, rows: npt.NDArray[np.int64] | slice
    ) -> npt.NDArray[np.float64] | None:
        return book.residuals(model, batch)[rows] if self._shows_labels else None

    def _novelty(
        self, reference: ReferenceProfile, batch: int, rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64] | None:
        spec = self._stream.spec.drift
        if "novelty" not in spec.outputs:
            return None
        return reference.novelty(spec.columns).scores(self._stream.rows_of(batch).iloc[rows])
