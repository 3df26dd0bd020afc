"""Where the versions of a model stand, and the moves that the lifecycle and persons make."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from retrain_assets.errors import NotStoredError, RefusedError
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.reasons import require_reason
from retrain_assets.promotion.approvals import PLATFORM
from retrain_assets.promotion.stages import Stage, StageMove, stages
from retrain_assets.stores.protocols import ShownModel, Stores

CHALLENGER = "challenger"
"""Alias in the registry."""
STAGES_TAG = "stages"
"""Of the registered model: how many moves the stage tags of its versions show."""


def stage_of(stores: Stores, model: DeclaredModel, version: int) -> Stage | None:
    """Where a version stands; None for one from before stages were recorded."""
    return stages(stores.state.stage_moves(model.name)).get(version)


def enter_candidate(stores: Stores, model: DeclaredModel, version: int, *, now: datetime) -> None:
    """A registered version is a candidate; one that has come further stays where it is."""
    if stage_of(stores, model, version) is None:
        move(stores, model, version, "candidate", "registered", now=now)


def move(
    stores: Stores,
    model: DeclaredModel,
    version: int,
    stage: Stage,
    reason: str,
    *,
    actor: str = PLATFORM,
    now: datetime,
) -> None:
    """Moves a version, if the move is legal.

    Raises:
        RefusedError: it is not.
    """
    stores.state.move_stage(
        StageMove(
            model=model.name,
            version=version,
            stage=stage,
            previous=None,
            actor=actor,
            reason=reason,
            moved_at=now,
        )
    )


def show_challenger(stores: Stores, model: DeclaredModel, *, shown: ShownModel | None = None) -> None:
    """Points the registry's alias at the newest version while it challenges the champion, and takes it away after.

    Where it was read what the registry shows, nothing is written that is there.
    """
    newest = max((version.version for version in stores.state.model_versions(model.name)), default=None)
    if newest is not None and stage_of(stores, model, newest) not in ("candidate", "challenger"):
        newest = None
    if shown is not None and shown.aliases.get(CHALLENGER) == newest:
        return
    if newest is not None:
        stores.registry.set_alias(model.name, CHALLENGER, newest)
    else:
        stores.registry.remove_alias(model.name, CHALLENGER)


def show_stage(stores: Stores, model: str, version: int, stage: Stage) -> None:
    """Tags a version with where it stands; one that was deleted by hand needs no tag."""
    with suppress(NotStoredError):
        stores.registry.tag_version(model, version, {"stage": stage})


def show_stages(stores: Stores, model: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Tags each version that moved since the registry last looked; returns the tag that says how far it has come.

    Args:
        stores: the record, and the registry.
        model: its name.
        tags: of the registered model. One that was changed by hand says nothing: all versions are tagged again.
    """
    moves, seen = stores.state.stage_moves(model), tags.get(STAGES_TAG, "0")
    if seen == str(len(moves)):
        return {}
    for version, stage in stages(moves[int(seen) if seen.isdecimal() else 0 :]).items():
        show_stage(stores, model, version, stage)
    return {STAGES_TAG: str(len(moves))}


def require_registry(stores: Stores, model: DeclaredModel) -> None:
    """Another registry, or an empty one, would number from one again; a version is recorded once.

    Raises:
        StoreError: versions of the model were registered, and the registry has no such model.
    """
    for newest in stores.state.model_versions(model.name)[-1:]:
        stores.registry.place(newest)


def barred(stores: Stores, model: DeclaredModel) -> dict[str, int]:
    """Hashes of the models that were rolled back and not cleared, each with its version.

    By the hash, because the same data trained again gives the same model under a new number.
    """
    standing = stages(stores.state.stage_moves(model.name))
    return {
        version.model_hash: version.version
        for version in stores.state.model_versions(model.name)
        if standing.get(version.version) == "rolled_back"
    }


def clear(stores: Stores, model: DeclaredModel, version: int, *, actor: str, reason: str, now: datetime) -> None:
    """Allows a version that was rolled back to be promoted or recalled again; nothing is promoted by that.

    Raises:
        NotStoredError: there is no such version.
        RefusedError: it was not rolled back, or the reason is blank.
    """
    require_reason(reason)
    registered(stores, model, version)
    stage = stage_of(stores, model, version)
    if stage != "rolled_back":
        raise RefusedError(f"{model.name} v{version} is {stage or 'not rolled back'}: there is nothing to clear")
    move(stores, model, version, "retired", reason, actor=actor, now=now)
