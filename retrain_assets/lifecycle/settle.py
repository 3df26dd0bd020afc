"""`labels` of a batch: what is delivered by now, and whether it is enough."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from retrain_assets.data.delivered_labels import DeliveredLabels, join_labels, labels_of_rows
from retrain_assets.data.labels import MergedLabels, labels_as_of, merge_labels, no_labels
from retrain_assets.data.windows import Batch
from retrain_assets.errors import NotStoredError
from retrain_assets.lifecycle.label_source import read_label_files
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.partitions import rows_of_batch
from retrain_assets.lifecycle.records import LabelsSettled
from retrain_assets.lifecycle.standing import PENDING
from retrain_assets.lifecycle.watch import read_raw, read_validated
from retrain_assets.lifecycle.withholding import withholding
from retrain_assets.performance.maturity import Maturity, maturity, observed_delay
from retrain_assets.performance.scores import Scores
from retrain_assets.stores.protocols import Stores

UNPLACED = "labels_unplaced"
"""The outbox row of a settling that had labels of no row of the batch, or without a time that can be."""


@withholding
def settle_labels(
    stores: Stores, model: DeclaredModel, batch: Batch, *, as_of: datetime, now: datetime, run_id: str
) -> LabelsSettled:
    """Adds the labels that are known by now to those that are stored; corrections append.

    Of delivered ones that become known later the ledger tells when: then the batch is settled again. It also tells of
    those that are no row's of the batch: they are read again with the next delivery of its rows or of its labels.
    """
    rows, stored = read_validated(stores, model, batch), read_labels(stores, model, batch)
    delivered, unreadable = _delivered(stores, model, batch, rows, now=now, run_id=run_id)
    merged = merge_labels(stored, delivered.labels, as_of=as_of)
    commit = stores.tables.write(model.table("labels"), batch.key, merged.labels, run_id=run_id)
    _tell_pending(stores, model, batch, merged, now=now)
    _tell_unplaced(stores, model, batch, delivered, now=now, run_id=run_id)
    settled = label_maturity(model, batch, rows, labels_as_of(merged.labels, as_of), as_of=as_of)
    return LabelsSettled(
        rows=settled.rows,
        labelled=settled.labelled,
        mature=settled.mature,
        reason="; ".join([settled.reason, *unreadable]),
        ambiguous=merged.ambiguous,
        corrected=merged.corrected,
        pending=merged.pending,
        unreadable=delivered.unreadable,
        unreadable_values=delivered.unreadable_values,
        quarantined=delivered.quarantined,
        unknown=delivered.unknown,
        unknown_ids=delivered.unknown_ids,
        early=delivered.early,
        undated=delivered.undated,
        as_of=as_of,
        commit=commit,
        delay=observed_delay(
            batch,
            merged.labels[merged.labels["available_at"] <= pd.Timestamp(as_of)],
            model.spec.target,
            model.calendar,
        ),
    )


def _tell_pending(stores: Stores, model: DeclaredModel, batch: Batch, merged: MergedLabels, *, now: datetime) -> None:
    if merged.pending_from is not None and merged.pending_until is not None:
        stores.state.append_outbox(
            PENDING,
            model.name,
            batch=batch.key,
            payload={"from": merged.pending_from.isoformat(), "until": merged.pending_until.isoformat()},
            now=now,
        )


def _tell_unplaced(
    stores: Stores, model: DeclaredModel, batch: Batch, delivered: DeliveredLabels, *, now: datetime, run_id: str
) -> None:
    if delivered.quarantined or delivered.unknown or delivered.early or delivered.undated:
        stores.state.append_outbox(
            UNPLACED,
            model.name,
            batch=batch.key,
            payload={
                "quarantined": delivered.quarantined,
                "unknown": delivered.unknown,
                "ids": list(delivered.unknown_ids),
                "early": delivered.early,
                "undated": delivered.undated,
                "run_id": run_id,
            },
            now=now,
        )


def label_maturity(
    model: DeclaredModel, batch: Batch, rows: pd.DataFrame, known: pd.DataFrame, *, as_of: datetime
) -> Maturity:
    """Whether enough of the batch's rows have a label that is known by the cutoff."""
    labelled = int(rows["ra_row_id"].isin(known["ra_row_id"]).sum())
    return maturity(batch, rows=len(rows), labelled=labelled, as_of=as_of, target=model.spec.target)


def read_labels(stores: Stores, model: DeclaredModel, batch: Batch) -> pd.DataFrame:
    """All revisions of a batch's labels; empty when none were settled."""
    try:
        return rows_of_batch(stores, model, "labels", batch)
    except NotStoredError:
        return no_labels()


def labelled_scores(
    predictions: pd.DataFrame, labels: pd.DataFrame, model: DeclaredModel, classes: tuple[object, ...]
) -> tuple[np.ndarray, Scores]:
    """Labels and scores of the rows that have both, in the order of the predictions."""
    place = pd.Index(labels["ra_row_id"]).get_indexer(pd.Index(predictions["ra_row_id"]))
    both = place >= 0
    probabilities = predictions["probabilities"][both]
    if probabilities.empty and len(classes) > 2:
        # Without a row that has both, nothing but the classes tells how many probabilities each would have.
        values = np.empty((0, len(classes)))
    elif len(probabilities) > 0 and probabilities.notna().all():
        values = np.vstack(probabilities.tolist())
    else:
        values = predictions["score"][both].to_numpy(dtype=float)
    return labels["label"].take(place[both]).to_numpy(), Scores(values=values, classes=classes)


def _delivered(
    stores: Stores, model: DeclaredModel, batch: Batch, rows: pd.DataFrame, *, now: datetime, run_id: str
) -> tuple[DeliveredLabels, tuple[str, ...]]:
    """The labels that can be had now for validated rows, and why some files cannot be read."""
    stored = some_labels(stores, model)
    if model.label_source is None:
        raw = read_raw(stores, model, batch)
        ids = model.ids_read.get(raw.content)
        return labels_of_rows(raw.frames, model.contract, batch, rows, stored=stored, ids=ids), ()
    files = read_label_files(stores, model.label_source, model, batch, now=now, run_id=run_id)
    delivered = join_labels(
        files.frames,
        model.contract,
        rows,
        stored=stored,
        quarantine=lambda: rows_of_batch(stores, model, "quarantine", batch)["row_id"].dropna().tolist(),
    )
    return delivered, files.unreadable


def some_labels(stores: Stores, model: DeclaredModel) -> pd.Series | None:
    """Labels of the first batch that has any: their type is that of all labels of the model."""
    table = model.table("labels")
    first = next((key for key, commit in stores.tables.commits(table).items() if commit.rows), None)
    return None if first is None else stores.tables.read(table, [first])["label"]
