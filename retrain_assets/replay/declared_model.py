"""A stream from the history of a declared model: what its lifecycle validated, labelled and reserved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from retrain_assets.data.labels import labels_as_of
from retrain_assets.data.time_order import in_time_order
from retrain_assets.data.windows import Batch
from retrain_assets.errors import DataError
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.history import settled_batches
from retrain_assets.lifecycle.spending import spent
from retrain_assets.replay.stream import LEAST_BATCHES, Stream
from retrain_assets.replay.windows import Window
from retrain_assets.stores.protocols import Stores


def stream_of_model(stores: Stores, model: DeclaredModel) -> Stream:
    """All batches of a model whose labels have matured, with their labels as they were when they matured.

    A label that was corrected later enters with its first value: no decision of the past knew the other.

    Raises:
        DataError: too little has matured, or the metric cannot be replayed.
    """
    spec = model.spec
    decisions = stores.state.decisions(model.name)
    newest = max((decision.as_of for decision in decisions), default=None)
    settled = () if newest is None else settled_batches(stores, model, as_of=newest)
    known = _first_known(stores, model)
    labelled = _labelled(stores, model, settled, known) if settled else pd.DataFrame({"ra_batch": []})
    # What came again with other rows after its labels had matured may have none of them left.
    batches = tuple(batch for batch in settled if batch.key in set(labelled["ra_batch"]))
    if len(batches) < LEAST_BATCHES:
        raise DataError(
            f"a replay of '{model.name}' needs at least {LEAST_BATCHES} batches whose labels have matured "
            f"(got {len(batches)}): run it for longer, or replay a file with --data"
        )
    rows = in_time_order(labelled, spec.event_time)
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
        label_delay=label_delay(model, batches, known),
        window=_window(model, batches),
        batches=batches,
        training_seconds=_training_seconds(stores, model, batches[-1].end),
    )


def first_trainable(stream: Stream, lag: int = 0) -> int:
    """How many batches train the first model, as the trigger `first_model` has it.

    They are those until `window.min_rows` rows are there to train it, and `promote.min_rows` reserved ones to judge it.

    Args:
        stream: the history of the model.
        lag: batches from a promotion until it serves.

    Raises:
        DataError: they never are, early enough.
    """
    spec = stream.spec
    for newest in range(len(stream) - stream.label_delay - 2 - lag):
        low, high = stream.starts[stream.first_scored(newest)], stream.starts[newest + 1]
        judging = int(stream.reserved[low:high].sum())
        if len(stream.training_rows(newest)) >= spec.window.min_rows and judging >= spec.promote.min_rows:
            return newest + 1
    raise DataError(
        f"the matured batches of '{spec.name}' never hold window.min_rows = {spec.window.min_rows:,} rows to train by "
        f"and promote.min_rows = {spec.promote.min_rows:,} reserved ones to judge by, early enough to be followed by a "
        "decision"
    )


def _labelled(
    stores: Stores, model: DeclaredModel, batches: tuple[Batch, ...], known: Mapping[str, datetime]
) -> pd.DataFrame:
    keys = [batch.key for batch in batches]
    rows = stores.tables.read(model.table("validated"), keys)
    stored = stores.tables.read(model.table("labels"), keys)
    labels = [labels_as_of(stored[stored["ra_batch"] == key], known[key]).assign(ra_batch=key) for key in keys]
    return rows.merge(pd.concat(labels)[["ra_batch", "ra_row_id", "label"]], on=["ra_batch", "ra_row_id"], how="inner")


def _first_known(stores: Stores, model: DeclaredModel) -> dict[str, datetime]:
    """As of when the labels of each batch were first settled as mature: with the end of a later batch, mostly."""
    first: dict[str, datetime] = {}
    for step in stores.state.steps(model.name):
        if step.job == "settle" and step.outcome == "done" and step.detail.get("mature"):
            first.setdefault(step.batch, step.as_of)
    return first


def label_delay(model: DeclaredModel, batches: tuple[Batch, ...], known: Mapping[str, datetime]) -> int:
    """Batches until a decision sees the labels of a batch: the median of the history.

    At least one: what has matured by the end of batch K is settled before K is watched, so that the decision of K never
    sees labels of K itself.

    Args:
        model: whose calendar counts.
        batches: of the history.
        known: as of when the labels of each were first settled as mature.
    """
    delays = sorted(_batches_until(model, batch, known[batch.key]) for batch in batches)
    return delays[len(delays) // 2]


def _batches_until(model: DeclaredModel, batch: Batch, known: datetime) -> int:
    delay, following = 1, model.calendar.next(batch)
    while following is not None and following.end < known:
        delay, following = delay + 1, model.calendar.next(following)
    return delay


def _training_seconds(stores: Stores, model: DeclaredModel, until: datetime) -> float | None:
    """The median of what trainings took; None where `retrain.spend` does not ask."""
    measured = [seconds for _, seconds in spent(stores, model, as_of=until)]
    return float(np.median(measured)) if measured else None


def _window(model: DeclaredModel, batches: tuple[Batch, ...]) -> Window:
    """The declared window in batches; None for all history."""
    span = model.spec.window.train
    if isinstance(span, str):
        return None if span == "all_history" else span
    newest = batches[-1]
    return max(1, sum(batch.start >= newest.end - span for batch in batches))
