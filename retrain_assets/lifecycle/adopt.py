"""Taking over a model that MLflow already holds: it becomes a version of ours and champion by a person's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from retrain_assets.data.profile import TableProfile
from retrain_assets.data.targets import read_targets, target_kind
from retrain_assets.data.windows import Batch
from retrain_assets.drift.reference import ReferenceProfile
from retrain_assets.errors import InsufficientDataError, RefusedError
from retrain_assets.lifecycle.cards import card_texts, declared_schema
from retrain_assets.lifecycle.ingest import keep
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.proving import prove
from retrain_assets.lifecycle.reasons import require_reason
from retrain_assets.lifecycle.reconciling import project
from retrain_assets.lifecycle.versions import move, require_registry
from retrain_assets.lifecycle.watch import profile, read_raw, read_validated, split
from retrain_assets.lifecycle.withholding import withholding, words_of
from retrain_assets.promotion.identity import hashes_of
from retrain_assets.promotion.log import Promotion
from retrain_assets.reporting.model_card import Adoption, model_card
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import Manifest, ModelBundle, ModelVersion
from retrain_assets.training.environment import code_version, libraries, threads
from retrain_assets.training.golden import golden_rows
from retrain_assets.training.model_hash import model_hash

_SHOWN_CLASSES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The estimator that is taken over, and from where. `inputs` are the columns of its signature, if it has one."""

    estimator: Any
    name: str
    version: int
    content_hash: str
    inputs: tuple[str, ...]


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
    _require_task(model, origin)
    batch = _newest_batch(model, now)
    # Neither is the batch's watch: those of the batches that wait come in their order, and this one's among them.
    keep(stores, model, batch, now=now)
    checked = split(stores, model, batch, run_id=run_id)
    if checked.refused is not None:
        raise InsufficientDataError(
            f"batch {batch} of {model.name}, on which to prove the model, is refused: {checked.refused}"
        )
    _require_classes(stores, model, origin, batch)
    reference = profile(stores, model, batch, now=now, run_id=run_id).profile
    rows = golden_rows(read_validated(stores, model, batch))
    bundle = _bundle(model, origin, batch, rows, reference, training_end)
    require_registry(stores, model)
    word = Adoption(estimator=_named(origin), origin=f"{origin.name} v{origin.version}", actor=actor, reason=reason)
    version = _register(stores, model, origin, bundle, rows, word, now=now)
    promotion = stores.state.append_promotion(
        Promotion(
            id=0,
            model=model.name,
            version=version.version,
            action="adopt",
            previous_id=None,
            batch=None,
            attempt=None,
            as_of=training_end,
            training_end=training_end,
            actor=actor,
            reason=reason,
            promoted_at=now,
            evidence={
                "origin": f"{origin.name} v{origin.version}",
                "content_hash": origin.content_hash,
                **hashes_of(version),
            },
        )
    )
    project(stores, model, promotion, now=now)
    return promotion


def _require_task(model: DeclaredModel, origin: Origin) -> None:
    """A classifier answers a regression too, with classes as numbers."""
    classes = getattr(origin.estimator, "classes_", None)
    classes = () if classes is None else classes
    if model.spec.task == "regression":
        needed = None if len(classes) == 0 else "a regressor"
    else:
        scores = len(classes) >= 2 and hasattr(origin.estimator, "predict_proba")
        needed = None if scores else "a classifier of at least two classes with predict_proba"
    if needed is not None:
        raise RefusedError(
            f"{origin.name} v{origin.version} must be {needed}, as `metric: {model.spec.metric}` needs "
            f"(got {type(origin.estimator).__name__})"
        )


def _require_classes(stores: Stores, model: DeclaredModel, origin: Origin, batch: Batch) -> None:
    """Its classes are labels of the model, of the same type: no label would ever be what another one foretells.

    What the labels are, the schema of the target says, else the newest batch; where neither does, nobody knows yet.
    """
    if model.spec.task == "regression":
        return
    target, schema = model.spec.target.column, model.contract.schema
    delivered = read_raw(stores, model, batch)[0] if model.label_source is None else []
    frames = [frame for _, frame in delivered]
    seen = read_targets(frames, model.spec, schema)[0].dropna()
    declared = schema.columns.get(target)
    if (declared is None or declared.dtype is None) and seen.empty:
        return
    classes = pd.Series(origin.estimator.classes_.tolist(), dtype="object")
    kind = target_kind(frames, model.spec, schema)
    read, none_of_ours = read_targets([classes.to_frame(target)], model.spec, schema, kind=kind)
    same = [of_model == of_label for of_model, of_label in zip(classes, read.astype("object"), strict=True)]
    if none_of_ours.any() or not all(same) or not (seen.empty or seen.isin(read).any()):
        labels = f", such as {seen.tolist()[0]!r}" if len(seen) and target not in model.spec.personal_columns else ""
        raise RefusedError(
            f"{origin.name} v{origin.version} must have labels of '{target}' as classes ({kind}{labels}; "
            f"got {', '.join(map(repr, classes.tolist()[:_SHOWN_CLASSES]))}): train it on the labels that are delivered"
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
        params=_params(origin.estimator),
        model_hash=model_hash(pipeline, golden=rows, classes=classes),
        trusted_types=model.spec.estimator.trusted_types,
    )
    return ModelBundle(
        pipeline=pipeline,
        reference=ReferenceProfile(kind="recent", profiles={batch.key: reference}),
        manifest=manifest,
        sources={} if transform is None else {transform.module: transform.source},
    )


def _named(origin: Origin) -> str:
    kind = type(origin.estimator)
    return f"{kind.__module__}.{kind.__qualname__}"


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
        name=f"adopt {origin.name} v{origin.version}",
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


def _params(estimator: Any) -> Mapping[str, Any]:
    return estimator.get_params(deep=False)
