"""`training_set` and `candidate`: from a decision to a registered version."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

import pandas as pd

from retrain_assets.data.profile import TableProfile
from retrain_assets.data.windows import Batch
from retrain_assets.drift.importances import ImportanceChange
from retrain_assets.drift.reference import ReferenceProfile, reference_batches
from retrain_assets.errors import InsufficientDataError
from retrain_assets.lifecycle.approval_record import approval_text
from retrain_assets.lifecycle.cards import card_of, card_texts
from retrain_assets.lifecycle.champions import champion_version
from retrain_assets.lifecycle.decide import decide_by_hand
from retrain_assets.lifecycle.ledger import record_step
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.one_class import why_one_class
from retrain_assets.lifecycle.outputs import importance_of, outputs_by_batch
from retrain_assets.lifecycle.proving import prove
from retrain_assets.lifecycle.records import Candidate, TrainingSet
from retrain_assets.lifecycle.spending import record_spending
from retrain_assets.lifecycle.standing import was_deduced
from retrain_assets.lifecycle.training_window import (
    declared_profile,
    latest_training_set,
    plan_window,
    read_rows,
    stored_training_sets,
    to_row,
    training_inputs,
)
from retrain_assets.lifecycle.unseen import why_unseen
from retrain_assets.lifecycle.versions import enter_candidate, require_registry, show_challenger
from retrain_assets.lifecycle.withholding import withholding
from retrain_assets.policy.decision import Decision
from retrain_assets.reporting.model_card import APPROVALS
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.baseline import NaiveBaseline
from retrain_assets.training.bundle import Manifest, ModelBundle
from retrain_assets.training.environment import code_version, libraries, threads
from retrain_assets.training.golden import golden_rows
from retrain_assets.training.model_hash import model_hash
from retrain_assets.training.predict import CANNOT_SERVE
from retrain_assets.training.trainer import FittedModel
from retrain_assets.training.trainer import train as fit


@withholding
def freeze_training_set(
    stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime, run_id: str
) -> TrainingSet:
    """Freezes what the newest decision for the batch trains on; frozen before, it is reproduced as it was.

    Without a decision to retrain, this is a person's doing and recorded as the trigger `person`. Fewer labelled rows
    than `window.min_rows`, none that has a required column, or one class only, are not sufficient: the retrain is
    recorded as refused.
    """
    decision = _retrain_decision(stores, model, batch) or decide_by_hand(stores, model, batch, now=now, run_id=run_id)
    made = [frozen for frozen in stored_training_sets(stores, model) if frozen.batch == batch.key]
    same = next((frozen for frozen in made if frozen.attempt == decision.attempt), None)
    frozen = same or _freeze(stores, model, batch, decision, run_id=run_id)
    if same is None:
        table = pd.DataFrame([to_row(kept) for kept in [*made, frozen]])
        stores.tables.write(model.table("training_set"), batch.key, table, run_id=run_id)
    if not frozen.sufficient:
        again = "; what asked for the retrain asks again at the next decision" if was_deduced(decision) else ""
        record_step(
            stores, model, batch, "retrain",
            outcome="refused", cause=decision.cause, as_of=batch.as_of, now=now, run_id=run_id,
            detail={"decision": decision.attempt, "reason": f"{frozen.reason}{again}"},
        )  # fmt: skip
    return frozen


@withholding
def train(
    stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime, run_id: str, tracking_run: str | None = None
) -> Candidate:
    """Fits the declared pipeline on the frozen rows, registers it, and proves that the version loads and scores.

    It is logged to the tracking run of `begin_tracking`, which is opened here if nobody did.
    """
    frozen = latest_training_set(stores, model, batch)
    if not frozen.sufficient:
        raise InsufficientDataError(frozen.reason)
    require_registry(stores, model)
    rows = read_rows(stores, model, frozen, frozen.batches, reserved=False)
    labels, inputs = rows["label"].to_numpy(), training_inputs(model, rows)
    transform, golden = model.transform(), golden_rows(inputs)
    begun = time.process_time()
    fitted = fit(model.spec, inputs, labels, source=transform)
    cpu_seconds = time.process_time() - begun
    hashed = model_hash(fitted.pipeline, golden=golden, classes=fitted.classes)
    baseline = NaiveBaseline.fit(labels, model.spec.metric, fitted.classes)
    manifest = _manifest(model, frozen, fitted, rows=len(rows), hashed=hashed, baseline=baseline)
    bundle = ModelBundle(
        pipeline=fitted.pipeline,
        reference=_reference(stores, model, frozen, fitted),
        manifest=manifest,
        sources={} if transform is None else {transform.module: transform.source},
    )
    tracking_run = tracking_run or begin_tracking(stores, model, batch, run_id=run_id)
    _log_training(stores, model, frozen, manifest, tracking_run)
    require_registry(stores, model)  # a fit takes its time
    version = stores.registry.register(tracking_run, bundle)
    # Before anything else is asked of the tracking server: it has no version of which the record does not know.
    stores.state.record_model_version(version)
    record_spending(stores, model, batch, cpu_seconds=cpu_seconds, version=version.version, now=now)
    enter_candidate(stores, model, version.version, now=now)
    # Until it is evaluated: a version whose evaluation never comes has a card all the same.
    texts = card_texts(card_of(stores, model, frozen, version, manifest))
    stores.registry.log(tracking_run, texts=texts | {APPROVALS: approval_text(stores, model, version)})
    show_challenger(stores, model)
    proven, reason = prove(stores, model, version, golden, expected=bundle)
    return Candidate(
        version=version,
        loads_and_scores=proven,
        reason=reason,
        fit_seconds=fitted.fit_seconds,
        features=fitted.features,
        run_url=stores.registry.run_url(tracking_run),
        importance=_importance_change(stores, model, batch, bundle),
    )


def _manifest(
    model: DeclaredModel, frozen: TrainingSet, fitted: FittedModel, *, rows: int, hashed: str, baseline: NaiveBaseline
) -> Manifest:
    """All that the same fit can be made from again."""
    estimator = model.spec.estimator
    return Manifest(
        model=model.name,
        batch=frozen.batch,
        attempt=frozen.attempt,
        training_end=frozen.training_end,
        training_batches=frozen.batches,
        training_rows=rows,
        data_hash=frozen.data_hash,
        spec_hash=model.spec.spec_hash(),
        training_hash=model.training_hash(),
        code_version=code_version(),
        seed=estimator.seed,
        threads=threads(),
        libraries=libraries(estimator.class_),
        features=fitted.features,
        classes=fitted.classes,
        params=fitted.params,
        model_hash=hashed,
        trusted_types=estimator.trusted_types,
        baseline=baseline,
        declared=model.declared_training(),
    )


def _importance_change(stores: Stores, model: DeclaredModel, batch: Batch, bundle: ModelBundle) -> ImportanceChange:
    """What matters to the candidate, beside what matters to the champion that it would replace, where that is there."""
    champion = champion_version(stores, model, batch.as_of)
    try:
        before = {} if champion is None else stores.registry.load(champion).reference.importance
    except CANNOT_SERVE:
        before = {}  # the evaluation tells why
    return ImportanceChange.between(before, bundle.reference.importance)


def _retrain_decision(stores: Stores, model: DeclaredModel, batch: Batch) -> Decision | None:
    made = [decision for decision in stores.state.decisions(model.name) if decision.batch == batch.key]
    if not made or made[-1].verdict != "retrain" or made[-1].retrospective:
        return None
    return made[-1]


def _freeze(stores: Stores, model: DeclaredModel, batch: Batch, decision: Decision, *, run_id: str) -> TrainingSet:
    window = plan_window(stores, model, batch, as_of=batch.as_of)
    keys = tuple(settled.key for settled in window.batches)
    unseen = why_unseen(stores, model, window.batches)
    enough = window.rows >= model.spec.window.min_rows and unseen is None
    frozen = TrainingSet(
        model=model.name,
        batch=batch.key,
        attempt=decision.attempt,
        as_of=batch.as_of,
        training_end=window.training_end or batch.start,
        batches=keys,
        holdout_batches=tuple(settled.key for settled in window.holdout),
        table_versions=window.table_versions,
        rows=window.rows,
        reserved_rows=window.reserved_rows,
        data_hash=window.data_hash,
        cause=decision.cause,
        sufficient=enough,
        reason=unseen
        or f"{window.rows:,} labelled training rows of {len(keys)} batches; "
        f"window.min_rows is {model.spec.window.min_rows:,}",
        run_id=run_id,
    )
    alone = why_one_class(stores, model, frozen) if enough else None
    return frozen if alone is None else replace(frozen, sufficient=False, reason=alone)


def _reference(stores: Stores, model: DeclaredModel, frozen: TrainingSet, fitted: FittedModel) -> ReferenceProfile:
    keys = reference_batches(model.spec.drift, frozen.batches)
    rows = read_rows(stores, model, frozen, keys)
    table = stores.tables.read(model.table("profile"), keys, version=frozen.table_versions["profile"])
    inputs = ReferenceProfile(
        kind=model.spec.drift.reference,
        profiles={
            str(key): declared_profile(model, TableProfile.from_frame(profiles.drop(columns="ra_batch")))
            for key, profiles in table.groupby("ra_batch", sort=True)
        },
    )
    return replace(
        inputs,
        outputs=outputs_by_batch(model, fitted, rows, inputs),
        importance=importance_of(model, fitted, rows, keys),
    )


def begin_tracking(stores: Stores, model: DeclaredModel, batch: Batch, *, run_id: str) -> str:
    """Opens the tracking run of the newest attempt of a batch, or finds it open."""
    frozen = latest_training_set(stores, model, batch)
    return stores.registry.begin_run(
        model=model.name,
        name=f"{model.name} {frozen.batch} attempt {frozen.attempt}",
        tags={
            "retrain_assets.key": f"{model.name}/{frozen.batch}/{frozen.attempt}/{run_id}",
            "retrain_assets.model": model.name,
            "retrain_assets.batch": frozen.batch,
            "retrain_assets.attempt": str(frozen.attempt),
            "retrain_assets.cause": frozen.cause,
            "dagster/run_id": run_id,
        },
    )


def _log_training(
    stores: Stores, model: DeclaredModel, frozen: TrainingSet, manifest: Manifest, tracking_run: str
) -> None:
    stores.registry.log(
        tracking_run,
        params={
            "estimator": model.spec.estimator.class_,
            "training_rows": manifest.training_rows,
            "training_end": manifest.training_end.isoformat(),
            "data_hash": manifest.data_hash,
            "training_hash": manifest.training_hash,
            "seed": manifest.seed,
            **{f"params.{name}": value for name, value in manifest.params.items()},
        },
    )
    stores.registry.log_input(
        tracking_run,
        name=model.table("validated"),
        source=stores.tables.uri(model.table("validated")),
        digest=frozen.data_hash[:16],
        schema=dict.fromkeys(manifest.features, "feature"),
        context="training",
    )
