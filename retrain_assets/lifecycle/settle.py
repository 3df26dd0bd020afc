"""`labels` and `performance` of a batch whose labels have matured."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from retrain_assets.data.labels import (
    DeliveredLabels,
    join_labels,
    labels_as_of,
    labels_of_rows,
    merge_labels,
    no_labels,
)
from retrain_assets.data.windows import Batch
from retrain_assets.errors import NotStoredError
from retrain_assets.lifecycle.champions import champion, registered
from retrain_assets.lifecycle.estimating import estimate_of
from retrain_assets.lifecycle.history import champion_losses, holdout_of
from retrain_assets.lifecycle.label_source import read_label_files
from retrain_assets.lifecycle.ledger import record_step
from retrain_assets.lifecycle.mixing import MEMBER
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.partitions import rows_of_batch
from retrain_assets.lifecycle.records import LabelsSettled, Measured
from retrain_assets.lifecycle.relating import DETAIL as RELATIONS
from retrain_assets.lifecycle.relating import batch_relations
from retrain_assets.lifecycle.rolling_back import roll_back_if_broken
from retrain_assets.lifecycle.slicing import DETAIL, slice_excess
from retrain_assets.lifecycle.watch import predictions_of, read_predictions, read_raw, read_validated
from retrain_assets.lifecycle.withholding import withholding
from retrain_assets.performance.expected import expectable
from retrain_assets.performance.intervals import MetricEstimate, estimates
from retrain_assets.performance.maturity import Maturity, maturity, observed_delay
from retrain_assets.performance.report import BatchPerformance, performance_frame
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.health import champion_is_healthy
from retrain_assets.spec.holdout import holdout_batches
from retrain_assets.stores.protocols import Stores

ESTIMATED = "estimated_"


@withholding
def settle_labels(
    stores: Stores, model: DeclaredModel, batch: Batch, *, as_of: datetime, now: datetime, run_id: str
) -> LabelsSettled:
    """Adds the labels that are delivered by now to those that are stored; corrections append."""
    rows, stored = read_validated(stores, model, batch), read_labels(stores, model, batch)
    delivered, unreadable = _delivered(stores, model, batch, rows, now=now, run_id=run_id)
    merged = merge_labels(stored, delivered.labels, as_of=as_of)
    commit = stores.tables.write(model.table("labels"), batch.key, merged.labels, run_id=run_id)
    settled = label_maturity(model, batch, rows, labels_as_of(merged.labels, as_of), as_of=as_of)
    return LabelsSettled(
        rows=settled.rows,
        labelled=settled.labelled,
        mature=settled.mature,
        reason="; ".join([settled.reason, *unreadable]),
        duplicates=merged.duplicates,
        corrected=merged.corrected,
        unreadable=delivered.unreadable,
        unreadable_values=delivered.unreadable_values,
        as_of=as_of,
        commit=commit,
        delay=observed_delay(
            batch, merged.labels[merged.labels["available_at"] <= pd.Timestamp(as_of)], model.spec.target
        ),
    )


def label_maturity(
    model: DeclaredModel, batch: Batch, rows: pd.DataFrame, known: pd.DataFrame, *, as_of: datetime
) -> Maturity:
    """Whether enough of the batch's rows have a label that is known by the cutoff."""
    labelled = int(rows["ra_row_id"].isin(known["ra_row_id"]).sum())
    return maturity(batch, rows=len(rows), labelled=labelled, as_of=as_of, target=model.spec.target)


@withholding
def measure(
    stores: Stores, model: DeclaredModel, batch: Batch, *, as_of: datetime, now: datetime, run_id: str
) -> Measured:
    """Scores the batch against its matured labels, for each version that predicted it.

    The champion of the cutoff is back-scored first where it was trained on older batches only and did not serve here.
    """
    validated = read_validated(stores, model, batch)
    known = labels_as_of(read_labels(stores, model, batch), as_of)
    labelled = validated["ra_row_id"].isin(known["ra_row_id"])
    settled = maturity(batch, rows=len(validated), labelled=int(labelled.sum()), as_of=as_of, target=model.spec.target)
    stored = read_performance(stores, model, batch)
    backscored: tuple[int, ...] = ()
    performances: tuple[BatchPerformance, ...] = ()
    slices: dict[str, float] = {}
    related: dict[str, float] = {}
    if settled.mature:
        backscored = _backscore(stores, model, batch, validated, as_of=as_of, run_id=run_id)
        performances = _performances(stores, model, batch, known, as_of)
        stored = _appended(stored, performances)
        slices = slice_excess(stores, model, validated, read_predictions(stores, model, batch), known)
        related = batch_relations(model, validated, known)
    commit = stores.tables.write(model.table("performance"), batch.key, stored, run_id=run_id)
    health, reason = _health(stores, model, as_of) if settled.mature else (None, settled.reason)
    # Before the step is written: killed in between, the batch is settled again, and the older champion is not watched.
    red = {"champion_is_healthy": reason} if health is False else {}
    rolled_back = roll_back_if_broken(stores, model, as_of=as_of, red=red, now=now)
    record_step(
        stores, model, batch, "settle",
        outcome="done", cause="matured", as_of=as_of, now=now, run_id=run_id,
        detail={
            "mature": settled.mature, "health": health, "reason": reason,
            "rows": settled.rows, "labelled": settled.labelled,
            "trainable": int((labelled & ~validated["ra_reserved"]).sum()),
            **({DETAIL: slices} if slices else {}),
            **({RELATIONS: related} if related else {}),
        },
    )  # fmt: skip
    _tell_if_decided_without(stores, model, batch, commit.content_hash, as_of=as_of, now=now)
    return Measured(
        performances=performances,
        backscored=backscored,
        health=health,
        reason=reason,
        commit=commit,
        rolled_back=rolled_back,
    )


def read_labels(stores: Stores, model: DeclaredModel, batch: Batch) -> pd.DataFrame:
    """All revisions of a batch's labels; empty when none were settled."""
    try:
        return rows_of_batch(stores, model, "labels", batch)
    except NotStoredError:
        return no_labels()


def read_performance(stores: Stores, model: DeclaredModel, batch: Batch) -> pd.DataFrame:
    """All measurements of a batch; empty when there are none."""
    try:
        return rows_of_batch(stores, model, "performance", batch)
    except NotStoredError:
        return performance_frame([])


def labelled_scores(
    predictions: pd.DataFrame, labels: pd.DataFrame, model: DeclaredModel, classes: tuple[object, ...]
) -> tuple[np.ndarray, Scores]:
    """Labels and scores of the rows that have both, in the order of the predictions."""
    place = pd.Index(labels["ra_row_id"]).get_indexer(pd.Index(predictions["ra_row_id"]))
    joined = predictions[place >= 0].assign(label=labels["label"].array[place[place >= 0]])
    multi = len(joined) > 0 and joined["probabilities"].notna().all()
    values = np.vstack(joined["probabilities"].tolist()) if multi else joined["score"].to_numpy(dtype=float)
    return joined["label"].to_numpy(), Scores(values=values, classes=classes)


def _delivered(
    stores: Stores, model: DeclaredModel, batch: Batch, rows: pd.DataFrame, *, now: datetime, run_id: str
) -> tuple[DeliveredLabels, tuple[str, ...]]:
    """The labels that can be had now for validated rows, and why some files cannot be read."""
    stored = _some_labels(stores, model)
    if model.label_source is None:
        frames, _ = read_raw(stores, model, batch)
        return labels_of_rows(frames, model.contract, batch, rows, stored=stored), ()
    files = read_label_files(stores, model.label_source, model, batch, now=now, run_id=run_id)
    return join_labels(files.frames, model.contract, rows, stored=stored), files.unreadable


def _some_labels(stores: Stores, model: DeclaredModel) -> pd.Series | None:
    """Labels of the first batch that has any: their type is that of all labels of the model."""
    table = model.table("labels")
    first = next((key for key, commit in stores.tables.commits(table).items() if commit.rows), None)
    return None if first is None else stores.tables.read(table, [first])["label"]


def _backscore(
    stores: Stores, model: DeclaredModel, batch: Batch, validated: pd.DataFrame, *, as_of: datetime, run_id: str
) -> tuple[int, ...]:
    current = champion(stores, model, as_of)
    if current is None or current.training_end > batch.start:
        return ()
    stored = read_predictions(stores, model, batch)
    if (stored["version"] == current.version).any():
        return ()
    version = registered(stores, model, current.version)
    scored = predictions_of(stores, model, version, validated)
    table = (
        pd.concat([stored, scored.assign(mode="backscored")], ignore_index=True)
        if len(stored)
        else scored.assign(mode="backscored")
    )
    stores.tables.write(model.table("predictions"), batch.key, table, run_id=run_id)
    return (current.version,)


def _performances(
    stores: Stores, model: DeclaredModel, batch: Batch, known: pd.DataFrame, as_of: datetime
) -> tuple[BatchPerformance, ...]:
    predictions = read_predictions(stores, model, batch)
    made: list[BatchPerformance] = []
    for _, rows in predictions.groupby(["version", "mode"], sort=True):
        version, mode = int(rows["version"].iloc[0]), rows["mode"].iloc[0]
        bundle = stores.registry.load(registered(stores, model, version))
        labels, scores = labelled_scores(rows, known, model, bundle.manifest.classes)
        rng = np.random.default_rng([version, len(labels)])
        names = list(dict.fromkeys((model.spec.metric, *expectable(model.spec.metric), *model.spec.report_metrics)))
        metrics = estimates(names, labels, scores, confidence=model.spec.promote.confidence, rng=rng)
        foretold = _foretold(stores, model, batch, version, mode, len(labels), predictions)
        made.append(
            BatchPerformance(
                model=model.name,
                batch=batch.key,
                version=version,
                mode=mode,
                label_revision=int(known["revision"].max()) if len(known) else 0,
                rows=len(labels),
                as_of=as_of,
                metrics=(*metrics, *foretold),
            )
        )
    return tuple(made)


def _foretold(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    version: int,
    mode: str,
    rows: int,
    predictions: pd.DataFrame,
) -> tuple[MetricEstimate, ...]:
    """What was estimated before the labels came, beside what they say: of what the champion said alone."""
    alone = MEMBER if (predictions["mode"] == MEMBER).any() else "served"
    made = estimate_of(stores, model, batch, version) if mode == alone else None
    if made is None:
        return ()
    return (
        MetricEstimate(
            metric=f"{ESTIMATED}{model.spec.metric}",
            value=made.value,
            lower=made.lower,
            upper=made.upper,
            standard_error=made.standard_error,
            rows=rows,
        ),
    )


def _appended(stored: pd.DataFrame, performances: tuple[BatchPerformance, ...]) -> pd.DataFrame:
    """Measurements are added, never replaced: a decision of the past must find what it saw."""
    frames = [stored] if len(stored) else []
    for performance in performances:
        made = performance.to_frame()
        key = ["version", "mode", "label_revision", "metric", "value"]
        known = len(stored) > 0 and not made[key].merge(stored[key], on=key).empty
        if not known:
            frames.append(made)
    return pd.concat(frames, ignore_index=True) if frames else stored


def _health(stores: Stores, model: DeclaredModel, as_of: datetime) -> tuple[bool | None, str]:
    current = champion(stores, model, as_of)
    if current is None:
        return None, "bootstrapping: there is no champion to judge"
    verdict = champion_is_healthy(
        champion_losses(stores, model, current, as_of=as_of),
        holdout_of(current),
        model.spec.retrain.decay,
        holdout_batches=holdout_batches(model.spec),
        metric=model.spec.metric,
    )
    return verdict.healthy, verdict.reason


def _tell_if_decided_without(
    stores: Stores, model: DeclaredModel, batch: Batch, content_hash: str, *, as_of: datetime, now: datetime
) -> None:
    """Labels that a decision could have read, and that were not there when it was made, are a cause to decide again."""
    decisions = stores.state.decisions(model.name)
    if decisions and as_of <= decisions[-1].as_of:
        key = f"{batch.key}/{content_hash}"
        stores.state.append_outbox("correction", model.name, batch=batch.key, payload={}, key=key, now=now)
