"""Versions that the registry has and the record has not: what a kill between the two writes leaves behind."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from retrain_assets.errors import IntegrityError, NotStoredError
from retrain_assets.lifecycle.approval_record import approval_text
from retrain_assets.lifecycle.cards import card_of, card_texts, declared_schema
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.training_window import stored_training_sets
from retrain_assets.lifecycle.versions import move, stage_of
from retrain_assets.reporting.card_pages import ModelCard
from retrain_assets.reporting.model_card import APPROVALS, Adoption, model_card
from retrain_assets.stores.protocols import ShownModel, Stores
from retrain_assets.training.bundle import ModelVersion

LEFT_OVER = "left over: registered by a run that was stopped, or whose record was lost"


def record_left_over(stores: Stores, model: DeclaredModel, shown: ShownModel, *, now: datetime) -> tuple[int, ...]:
    """Records each version that a stopped run of the platform left in the registry, as retired; returns their numbers.

    What persons registered or copied there is not touched, and can be adopted. The caller holds the model's lease: no
    run is between the two writes. Repeated after a kill it goes on, because the record is written last.

    Args:
        stores: all stores.
        model: the declared model.
        shown: what the registry shows of it. Where as many versions are recorded as it has, it is not asked for them.
        now: wall time.

    Raises:
        StoreError: the registry cannot be asked.
    """
    known = {version.version for version in stores.state.model_versions(model.name)}
    if len(known) >= shown.newest:
        return ()
    found = [version for version in stores.registry.made_here(model.name) if version.version not in known]
    for version in found:
        if stage_of(stores, model, version.version) is None:
            move(stores, model, version.version, "retired", LEFT_OVER, now=now)
        stores.registry.tag_version(model.name, version.version, {"left_over": LEFT_OVER})
        _complete_run(stores, model, version)
        stores.state.record_model_version(version)
    return tuple(version.version for version in found)


def _complete_run(stores: Stores, model: DeclaredModel, version: ModelVersion) -> None:
    """Its card, as every version has one. Of a run or files that are gone there is nothing more to tell."""
    with suppress(NotStoredError, IntegrityError):
        stores.registry.log(
            version.run_id,
            tags={"retrain_assets.outcome": "interrupted", "retrain_assets.reason": LEFT_OVER},
            texts=card_texts(_card(stores, model, version)) | {APPROVALS: approval_text(stores, model, version)},
        )
        stores.registry.end_run(version.run_id, "KILLED")


def _card(stores: Stores, model: DeclaredModel, version: ModelVersion) -> ModelCard:
    # Its hash is the registry's own word, which vouches for nothing: what may run code is not loaded.
    manifest, made = stores.registry.manifest(version), (version.batch, version.attempt, version.data_hash)
    for frozen in stored_training_sets(stores, model):
        if (frozen.batch, frozen.attempt, frozen.data_hash) == made:
            return card_of(stores, model, frozen, version, manifest)
    # No training set of ours: a person was about to adopt it.
    unknown = Adoption(estimator="unknown", origin="a version", actor="a command that was stopped", reason=LEFT_OVER)
    return model_card(model.spec, version, manifest, schema=declared_schema(model), adoption=unknown)
