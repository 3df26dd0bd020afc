"""`performance` of a batch whose labels have matured: what each version lost there, and what that means."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from retrain_assets.data.labels import labels_as_of
from retrain_assets.data.windows import Batch
from retrain_assets.errors import IntegrityError, NotStoredError
from retrain_assets.lifecycle.champions import champion, registered
from retrain_assets.lifecycle.charting import champion_chart
from retrain_assets.lifecycle.estimating import estimate_of
from retrain_assets.lifecycle.history import holdout_of, losses_in, performance_table, served_losses, told_since
from retrain_assets.lifecycle.ledger import record_step
from retrain_assets.lifecycle.mixing import MEMBER
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.outgrown import why_outgrown
from retrain_assets.lifecycle.partitions import rows_of_batch
from retrain_assets.lifecycle.records import Measured
from retrain_assets.lifecycle.relating import DETAIL as RELATIONS
from retrain_assets.lifecycle.relating import batch_relations
from retrain_assets.lifecycle.rolling_back import roll_back_if_broken
from retrain_assets.lifecycle.settle import labelled_scores, read_labels
from retrain_assets.lifecycle.slicing import DETAIL as SLICES
from retrain_assets.lifecycle.slicing import metrics_of_slices, slice_excess
from retrain_assets.lifecycle.watch import predictions_of, read_predictions, read_validated, with_mode
from retrain_assets.lifecycle.way_out import telling_way_out
from retrain_assets.lifecycle.withholding import withholding
from retrain_assets.performance.decay import ENOUGH_OLDER, BatchLoss, without_decay
from retrain_assets.performance.expected import expectable
from retrain_assets.performance.intervals import MetricEstimate, estimates
from retrain_assets.performance.loss_chart import ChartReading
from retrain_assets.performance.maturity import maturity
from retrain_assets.performance.report import BatchPerformance, performance_frame, with_slices
from retrain_assets.performance.slice_metrics import values_left_out
from retrain_assets.promotion.health import HealthVerdict, champion_is_healthy
from retrain_assets.spec.holdout import holdout_batches
from retrain_assets.stores.protocols import Step, Stores
from retrain_assets.training.predict import CANNOT_SCORE

ESTIMATED = "estimated_"


@withholding
def measure(
    stores: Stores, model: DeclaredModel, batch: Batch, *, as_of: datetime, now: datetime, run_id: str
) -> Measured:
    """Scores the batch against its matured labels, for each version that predicted it.

    The champion of the cutoff is back-scored first where it was trained on older batches only and did not serve here.
    Where another declaration trained it, and it cannot score the rows, its health is unknown.
    """
    validated = read_validated(stores, model, batch)
    # Declared since, and no batch has brought it yet: of the rows of then it is missing.
    lacking = {name: None for name in model.spec.retrain.slices if name not in validated}
    validated = validated.assign(**lacking) if lacking else validated
    known = labels_as_of(read_labels(stores, model, batch), as_of)
    labelled = validated["ra_row_id"].isin(known["ra_row_id"])
    settled = maturity(batch, rows=len(validated), labelled=int(labelled.sum()), as_of=as_of, target=model.spec.target)
    stored = _read_performance(stores, model, batch)
    backscored: tuple[int, ...] = ()
    unscored: str | None = None
    performances: tuple[BatchPerformance, ...] = ()
    left_out: tuple[str, ...] = ()
    kept: dict[str, Any] = {}
    if settled.mature:
        with telling_way_out(stores, model):
            backscored, unscored = _backscore(stores, model, batch, validated, as_of=as_of, run_id=run_id)
            performances, left_out = _performances(stores, model, batch, validated, known, as_of)
        stored = _appended(stored, performances)
        kept = _kept(stores, model, batch, validated, known)
    commit = stores.tables.write(model.table("performance"), batch.key, stored, run_id=run_id)
    judged, chart = _health(stores, model, as_of) if settled.mature else (None, None)
    if unscored is not None:
        judged, chart = HealthVerdict(healthy=None, reason=unscored), None
    health = None if judged is None else judged.healthy
    reason = "; ".join([settled.reason if judged is None else judged.reason, *left_out])
    # Both before the step is written: killed in between, the batch is settled again, which tells and goes back once.
    _tell_if_decided_without(stores, model, batch, as_of=as_of, now=now)
    red = {"champion_is_healthy": reason} if health is False else {}
    rolled_back = roll_back_if_broken(stores, model, as_of=as_of, red=red, now=now)
    record_step(
        stores, model, batch, "settle",
        outcome="done", cause="matured", as_of=as_of, now=now, run_id=run_id,
        detail={
            "mature": settled.mature, "health": health, "reason": reason,
            "rows": settled.rows, "labelled": settled.labelled,
            "trainable": int((labelled & ~validated["ra_reserved"]).sum()),
            **kept,
        },
    )  # fmt: skip
    return Measured(
        performances=performances,
        backscored=backscored,
        health=health,
        reason=reason,
        commit=commit,
        rolled_back=rolled_back,
        judged=judged,
        chart=chart,
        slices_left_out=values_left_out(validated.loc[labelled, list(model.spec.retrain.slices)])
        if performances
        else {},
    )


def _kept(
    stores: Stores, model: DeclaredModel, batch: Batch, validated: pd.DataFrame, known: pd.DataFrame
) -> dict[str, Any]:
    """What later decisions and windows read of the batch without its rows; only what the declaration asks for."""
    slices = slice_excess(stores, model, validated, read_predictions(stores, model, batch), known)
    found = {SLICES: slices, RELATIONS: batch_relations(model, validated, known)}
    return {name: values for name, values in found.items() if values}


def _read_performance(stores: Stores, model: DeclaredModel, batch: Batch) -> pd.DataFrame:
    """All measurements of a batch; empty when there are none."""
    try:
        return rows_of_batch(stores, model, "performance", batch)
    except NotStoredError:
        return performance_frame([])


def _backscore(
    stores: Stores, model: DeclaredModel, batch: Batch, validated: pd.DataFrame, *, as_of: datetime, run_id: str
) -> tuple[tuple[int, ...], str | None]:
    """The versions that were scored now, and why the champion could not."""
    current = champion(stores, model, as_of)
    if current is None or current.training_end > batch.start:
        return (), None
    stored = read_predictions(stores, model, batch)
    if (stored["version"] == current.version).any():
        return (), None
    version = registered(stores, model, current.version)
    try:
        scored = predictions_of(stores, model, version, validated)
    except CANNOT_SCORE as error:
        why = why_outgrown(model, version, error)
        if why is None:
            raise
        return (), why
    table = with_mode(stored, scored, "backscored")
    stores.tables.write(model.table("predictions"), batch.key, table, run_id=run_id)
    return (current.version,), None


def _performances(
    stores: Stores, model: DeclaredModel, batch: Batch, validated: pd.DataFrame, known: pd.DataFrame, as_of: datetime
) -> tuple[tuple[BatchPerformance, ...], tuple[str, ...]]:
    """The measurements, and which versions could not be measured."""
    predictions, current = read_predictions(stores, model, batch), champion(stores, model, as_of)
    made: list[BatchPerformance] = []
    left_out = dict[int, str]()
    for _, rows in predictions.groupby(["version", "mode"], sort=True):
        version, mode = int(rows["version"].iloc[0]), rows["mode"].iloc[0]
        try:
            classes = stores.registry.load(registered(stores, model, version)).manifest.classes
        except (NotStoredError, IntegrityError) as error:
            if current is None or version == current.version:
                raise
            # A champion of before, whose files are gone or others, holds up no labels; a store that is away does.
            stores.registry.load(registered(stores, model, current.version), cached=False)
            left_out[version] = f"v{version} was not measured: {error}"
            continue
        labels, scores = labelled_scores(rows, known, model, classes)
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
                # What a member of a mixture said alone was served to nobody.
                slices=()
                if mode == MEMBER
                else metrics_of_slices(model, validated, rows, known, (labels, scores), rng=rng),
            )
        )
    return tuple(made), tuple(left_out.values())


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
    known = with_slices(stored)
    new = [made for performance in performances if len(made := _unknown_of(performance.to_frame(), known))]
    if not new:
        return stored
    return pd.concat([known, *new] if len(known) else new, ignore_index=True)


def _unknown_of(made: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """The measurements that are not stored: each slice by itself, so that one that was declared since is added."""
    key = ["version", "mode", "label_revision", "slice", "metric", "value"]
    known = made[key].merge(stored[key], on=key)["slice"] if len(stored) else ()
    return made[~made["slice"].isin(known)]


def _health(stores: Stores, model: DeclaredModel, as_of: datetime) -> tuple[HealthVerdict, ChartReading | None]:
    """The verdict on the champion as of a moment, and the chart of its losses."""
    current = champion(stores, model, as_of)
    if current is None:
        return HealthVerdict(healthy=None, reason="bootstrapping: there is no champion to judge"), None
    measured = performance_table(stores, model)
    own = losses_in(measured, model, current.version, told_since(model, current), as_of=as_of)
    before = _before(stores, model, measured, own[0].batch, as_of) if own else []
    verdict = champion_is_healthy(
        own,
        holdout_of(current),
        model.spec.retrain.decay,
        before=before,
        holdout_batches=holdout_batches(model.spec),
        metric=model.spec.metric,
    )
    return verdict, champion_chart(stores, model, current, own, as_of=as_of)


def _before(
    stores: Stores, model: DeclaredModel, measured: pd.DataFrame, first: str, as_of: datetime
) -> list[tuple[BatchLoss, ...]]:
    """What the newest champions before a batch lost on those that they served, without their decay; oldest first."""
    runs: list[tuple[BatchLoss, ...]] = []
    promoted = {made.version: made for made in stores.state.promotions(model.name) if made.as_of <= as_of}
    for made in reversed(promoted.values()):
        served = served_losses(measured, model, as_of=as_of, version=made.version)
        older = [loss for loss in served if loss.batch < first]
        sound = without_decay(
            older, holdout_of(made), model.spec.retrain.decay, holdout_batches=holdout_batches(model.spec)
        )
        runs += [sound] if sound else []
        if sum(map(len, runs)) >= ENOUGH_OLDER:
            break
    return sorted(runs, key=lambda run: run[-1].batch)


def _tell_if_decided_without(
    stores: Stores, model: DeclaredModel, batch: Batch, *, as_of: datetime, now: datetime
) -> None:
    """Labels that a decision could have read, and that were not there when it was made, are a cause to decide again.

    The same labels once more are none: a run that settled the batch to the end has written them.
    """
    decisions = stores.state.decisions(model.name)
    written = stores.tables.commits(model.table("labels")).get(batch.key)
    if written is None or not decisions or as_of > decisions[-1].as_of:
        return
    settled = {step.run_id for step in stores.state.steps(model.name, batch.key) if _has_settled(step)}
    if written.run_id not in settled:
        key = f"{batch.key}/{written.content_hash}"
        stores.state.append_outbox("correction", model.name, batch=batch.key, payload={}, key=key, now=now)


def _has_settled(step: Step) -> bool:
    return (step.job, step.outcome) == ("settle", "done")
