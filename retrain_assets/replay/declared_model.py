"""A stream from the history of a declared model: what its lifecycle validated, labelled and reserved."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retrain_assets.data.labels import labels_as_of
from retrain_assets.data.time_order import in_time_order
from retrain_assets.data.windows import Batch
from retrain_assets.errors import DataError
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.history import settled_batches
from retrain_assets.replay.stream import Stream
from retrain_assets.replay.windows import Window
from retrain_assets.stores.protocols import Stores

LEAST_BATCHES = 6


def stream_of_model(stores: Stores, model: DeclaredModel) -> Stream:
    """All batches of a model whose labels have matured, with their labels as they were when they matured.

    A label that was corrected later enters with its first value: no decision of the past knew the other.

    Raises:
        DataError: too little has matured, or the metric cannot be replayed.
    """
    spec = model.spec
    decisions = stores.state.decisions(model.name)
    newest = max((decision.as_of for decision in decisions), default=None)
    batches = () if newest is None else settled_batches(stores, model, as_of=newest)
    if len(batches) < LEAST_BATCHES:
        raise DataError(
            f"a replay of '{model.name}' needs at least {LEAST_BATCHES} batches whose labels have matured "
            f"(got {len(batches)}): run it for longer, or replay a file with --data"
        )
    rows = in_time_order(_labelled(stores, model, batches), spec.event_time)
    keys = tuple(batch.key for batch in batches)
    position = rows["ra_batch"].map({key: k for k, key in enumerate(keys)}).to_numpy()
    order = np.argsort(position, kind="stable")
    rows, position = rows.iloc[order].reset_index(drop=True), position[order]
    labels = rows["label"].to_numpy()
    labels = labels.astype(np.float64) if spec.task == "regression" else np.asarray(labels.tolist())
    if spec.metric == "brier" and len(np.unique(labels)) > 2:
        raise DataError("a replay judges `brier` for two classes only: declare log_loss, or replay a file with --data")
    return Stream(
        spec=spec,
        frame=rows.drop(columns=["label", "ra_batch", "ra_reserved"]),
        labels=labels,
        starts=np.searchsorted(position, np.arange(len(keys) + 1)),
        keys=keys,
        reserved=rows["ra_reserved"].to_numpy(dtype=bool),
        label_delay=_label_delay(model, batches),
        window=_window(model, batches),
        batches=batches,
    )


def first_trainable(stream: Stream) -> int:
    """How many batches train the first model, as the trigger `first_model` has it: until `window.min_rows` are there.

    Raises:
        DataError: they never are, early enough.
    """
    for newest in range(len(stream) - stream.label_delay - 2):
        if len(stream.training_rows(newest)) >= stream.spec.window.min_rows:
            return newest + 1
    raise DataError(
        f"the matured batches of '{stream.spec.name}' never hold window.min_rows = {stream.spec.window.min_rows:,} "
        "rows early enough to be followed by a decision"
    )


def _labelled(stores: Stores, model: DeclaredModel, batches: tuple[Batch, ...]) -> pd.DataFrame:
    keys = [batch.key for batch in batches]
    rows = stores.tables.read(model.table("validated"), keys)
    stored = stores.tables.read(model.table("labels"), keys)
    known = [
        labels_as_of(stored[stored["ra_batch"] == batch.key], model.matured_at(batch)).assign(ra_batch=batch.key)
        for batch in batches
    ]
    return rows.merge(pd.concat(known)[["ra_batch", "ra_row_id", "label"]], on=["ra_batch", "ra_row_id"], how="inner")


def _label_delay(model: DeclaredModel, batches: tuple[Batch, ...]) -> int:
    """Batches from the end of a batch until its labels have matured."""
    first = batches[0]
    delay, batch = 0, first
    while batch.end < model.matured_at(first):
        following = model.calendar.next(batch)
        if following is None:
            break
        delay, batch = delay + 1, following
    return delay


def _window(model: DeclaredModel, batches: tuple[Batch, ...]) -> Window:
    """The declared window in batches; None for all history."""
    span = model.spec.window.train
    if isinstance(span, str):
        return None if span == "all_history" else span
    newest = batches[-1]
    return max(1, sum(batch.start >= newest.end - span for batch in batches))
