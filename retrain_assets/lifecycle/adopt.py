"""Taking over a model that MLflow already holds: it becomes a version of ours and champion by a person's word."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from retrain_assets.data.profile import TableProfile
from retrain_assets.data.windows import Batch
from retrain_assets.drift.reference import ReferenceProfile
from retrain_assets.errors import InsufficientDataError, RefusedError
from retrain_assets.lifecycle.cards import card_texts, declared_schema
from retrain_assets.lifecycle.ingest import keep
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.origin import require_classes, require_task
from retrain_assets.lifecycle.proving import prove
from retrain_assets.lifecycle.reasons import require_reason
from retrain_assets.lifecycle.reconciling import project
from retrain_assets.lifecycle.versions import move, require_registry
from retrain_assets.lifecycle.watch import profile, read_validated, split
from retrain_assets.lifecycle.withholding import withholding, words_of
from retrain_assets.promotion.identity import hashes_of
from retrain_assets.promotion.log import Promotion
from retrain_assets.reporting.model_card import Adoption, model_card
from retrain_assets.stores.adoption import Origin
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import Manifest, ModelBundle, ModelVersion
from retrain_assets.training.environment import code_version, libraries, threads
from retrain_assets.training.golden import golden_rows
from retrain_assets.training.model_hash import model_hash


@withholding
def adopt(
    stores: Stores,
    model: DeclaredModel,
    origin: Origin,
    *,
    training_end: datetime,
    actor: str,
    reason: str,
    now: datetime,
    run_id: str,
) -> Promotion:
    """Registers the estimator as a version of the declared model, proves it on rows of the newest batch, promotes it.

    Its reference for drift is the newest batch: what it was trained on is not known. It serves from the batch after
    `training_end` on.

    Raises:
        RefusedError: the model has a champion already, the estimator is of another task or has other classes, or the
            reason is blank.
        InsufficientDataError: the source has no batch to prove the model on.
        DataError: the model cannot score the declared rows.
    """
    require_reason(reason)
    if stores.state.promotions(model.name):
        raise RefusedError(f"{model.name} has a champion already: a retrain may replace it, an adoption may not")
    require_task(model, origin)
    batch = _newest_batch(model, now)
    # Neither is the batch's watch: those of the batches that wait come in their order, and this one's among them.
    keep(stores, model, batch, now=now)
    checked = split(stores, model, batch, run_id=run_id)
    if checked.refused is not None:
        raise InsufficientDataError(
            f"batch {batch} of {model.name}, on which to prove the model, is refused: {checked.refused}"
        )
    require_classes(stores, model, origin, batch)
    reference = profile(stores, model, batch, now=now, run_id=run_id).profile
    rows = golden_rows(read_validated(stores, model, batch))
    bundle = _bundle(model, origin, batch, rows, reference, training_end)
    require_registry(stores, model)
    word = Adoption(estimator=origin.estimator_name, origin=str(origin), actor=actor, reason=reason)
    version = _register(stores, model, origin, bundle, rows, word, now=now)
    promotion = stores.state.append_promotion(
        _link(version, origin, as_of=training_end, actor=actor, reason=reason, now=now)
    )
    project(stores, model, promotion, now=now)
    return promotion


def _link(
    version: ModelVersion, origin: Origin, *, as_of: datetime, actor: str, reason: str, now: datetime
) -> Promotion:
    return Promotion(
        id=0,
        model=version.model,
        version=version.version,
        action="adopt",
        previous_id=None,
        batch=None,
        attempt=None,
        as_of=as_of,
        training_end=as_of,
        actor=actor,
        reason=reason,
        promoted_at=now,
        evidence={"origin": str(origin), "content_hash": origin.content_hash, **hashes_of(version)},
    )


def _newest_batch(model: DeclaredModel, now: datetime) -> Batch:
    closed = list(model.calendar.until(now))
    listed = model.source.listing(closed)
    if not listed:
        raise InsufficientDataError(
            f"the source of {model.name} has no batch on which to prove the model: deliver one, or mend source"
        )
    return model.calendar.batch(max(listed))


def _bundle(
    model: DeclaredModel,
    origin: Origin,
    batch: Batch,
    rows: pd.DataFrame,
    reference: TableProfile,
    training_end: datetime,
) -> ModelBundle:
    from retrain_assets.training.adopted import adopted_pipeline

    transform = model.transform()
    pipeline = adopted_pipeline(model.spec, origin.estimator, rows, inputs=origin.inputs, source=transform)
    classes = tuple(getattr(origin.estimator, "classes_", ())) if model.spec.task == "classification" else ()
    manifest = Manifest(
        model=model.name,
        batch=batch.key,
        attempt=0,
        training_end=training_end,
        training_batches=(),
        training_rows=0,
        data_hash=origin.content_hash,
        spec_hash=model.spec.spec_hash(),
        training_hash=model.training_hash(),
        code_version=code_version(),
        seed=model.spec.estimator.seed,
        threads=threads(),
        libraries=libraries(model.spec.estimator.class_),
        features=tuple(pipeline.named_steps["columns"].columns),
        classes=tuple(value.item() if hasattr(value, "item") else value for value in classes),
        params=origin.estimator.get_params(deep=False),
        model_hash=model_hash(pipeline, golden=rows, classes=classes),
        trusted_types=model.spec.estimator.trusted_types,
    )
    return ModelBundle(
        pipeline=pipeline,
        reference=ReferenceProfile(kind="recent", profiles={batch.key: reference}),
        manifest=manifest,
        sources={} if transform is None else {transform.module: transform.source},
    )


def _register(
    stores: Stores,
    model: DeclaredModel,
    origin: Origin,
    bundle: ModelBundle,
    rows: pd.DataFrame,
    word: Adoption,
    *,
    now: datetime,
) -> ModelVersion:
    """The version. Its run is open: killed before the promotion, the same command finds it; to show that ends it."""
    made = bundle.manifest
    # The same command, given again after a kill, finds its run and what is registered there.
    key = f"{model.name}/adopt/{made.data_hash}/{made.training_hash}/{made.batch}/{made.training_end.isoformat()}"
    run = stores.registry.begin_run(
        model=model.name,
        name=f"adopt {origin}",
        tags={"retrain_assets.key": key, "retrain_assets.adopted": origin.content_hash},
    )
    recorded: ModelVersion | None = None
    try:
        version = stores.registry.register(run, bundle)
        # Before anything else may fail: the registry has no version of which the record does not know.
        stores.state.record_model_version(version)
        recorded = version
        proven, reason = prove(stores, model, version, rows, expected=bundle)
        if not proven:
            raise RefusedError(reason)
        card = model_card(model.spec, version, bundle.manifest, schema=declared_schema(model), adoption=word)
        stores.registry.log(run, texts=card_texts(card))
    except BaseException as error:
        if recorded is not None:  # no version is left without a stage: the same command registers another one
            why = words_of(error, model) if isinstance(error, Exception) else "it was stopped"
            move(stores, model, recorded.version, "retired", f"its adoption failed: {why}", now=now)
        stores.registry.end_run(run, "FAILED")
        raise
    return version
