"""A model as a whole gets another name, is retired, or returns; its history goes with it."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from retrain_assets.errors import LeaseHeldError, RefusedError, StoreError
from retrain_assets.lifecycle.ledger import RENAMING, held_by
from retrain_assets.lifecycle.mirroring import mirror_head
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.reasons import require_reason
from retrain_assets.lifecycle.reconciling import CHAMPION, PROMOTION_TAG, project
from retrain_assets.lifecycle.waiting import holds, void
from retrain_assets.promotion.model_moves import ModelAction, ModelMove, is_retired, out_of_service
from retrain_assets.spec import ModelSpec
from retrain_assets.spec.base import MODEL_NAME
from retrain_assets.stores.protocols import Stores

_UNTIL_DONE = timedelta(days=36500)
"""A renaming that was killed holds its model until it is given again: half of it has another name."""
_FOR_ONE_MOVE = timedelta(minutes=10)


def in_service(stores: Stores, models: Mapping[str, DeclaredModel]) -> Mapping[str, DeclaredModel]:
    """The models that a run may work on: neither retired nor declared by a name that they had."""
    moves = stores.state.model_moves()
    if not moves:
        return models
    return {name: model for name, model in models.items() if out_of_service(moves, name) is None}


def rename(stores: Stores, model: DeclaredModel, name: str, *, reason: str, actor: str, now: datetime) -> DeclaredModel:
    """Gives a model another name, under which all its history is found from then on.

    Registry, tables and state database follow one another. While it is not done nobody can work on either name, and
    after a kill the same call goes on where it stopped. In the state database all rows change in one transaction; the
    chain over them stays whole, because each of its entries keeps the name that the model had.

    Args:
        stores: all stores.
        model: the model under the name that it has.
        name: the new name.
        reason: stands in the record.
        actor: who wants it.
        now: wall time.

    Returns:
        The model under its new name.

    Raises:
        LeaseHeldError: a run works on it, or somebody on the new name; nothing was changed.
        RefusedError: the new name is none, or has a history of its own, or the reason is blank; nothing was changed.
        StoreError: a registered model of that name is there; nothing was changed.
    """
    require_reason(reason)
    before = model.name
    renamed = replace(model, spec=_named(model.spec, name))
    moves = stores.state.model_moves()
    done = any(move.previous == before and move.model == name for move in moves)
    if done and out_of_service(moves, before):
        _project(stores, renamed, now=now)
        return renamed
    _require_known(stores, before)
    stores.state.require_free(before, name)
    owner = f"{RENAMING}{before} to {name}"
    try:
        for each in (before, name):
            _take(stores, each, owner, _UNTIL_DONE, now)
        stores.registry.rename(before, name)
    except (LeaseHeldError, StoreError):  # nothing has another name yet
        for each in (before, name):
            stores.state.release_lease(each, owner)
        raise
    stores.tables.rename(before, name)
    move = ModelMove(model=name, action="rename", previous=before, actor=actor, reason=reason, moved_at=now)
    stores.state.move_model(move)
    _project(stores, renamed, now=now)
    return renamed


def retire(stores: Stores, model: DeclaredModel, *, reason: str, actor: str, now: datetime) -> None:
    """Takes a model out of service: no run works on it, nobody is champion, and all of its history stays.

    What waits for an approval is void, and so is an approval that was given and not carried out. Safe to repeat: after
    a kill the same call finishes it.

    Raises:
        LeaseHeldError: a run works on it.
        RefusedError: nothing is known of it, it has another name, or the reason is blank.
    """
    require_reason(reason)
    _require_known(stores, model.name)
    with _held(stores, model.name, now=now):
        for hold in holds(stores.state, model):
            if hold.open:
                void(stores, model, hold.request, f"{model.name} was retired: {reason}", now=now)
        if not _is_retired(stores, model.name):
            stores.state.move_model(_move(model, "retire", reason, actor, now))
        if mirror_head(stores, model.name, now=now) is None:
            stores.registry.remove_alias(model.name, CHAMPION)


def take_back(stores: Stores, model: DeclaredModel, *, reason: str, actor: str, now: datetime) -> None:
    """Takes a retired model into service again, with the champion that it had.

    Raises:
        LeaseHeldError: somebody works on it.
        RefusedError: it is not retired, or the reason is blank.
    """
    require_reason(reason)
    if not _is_retired(stores, model.name):
        raise RefusedError(f"{model.name} is not retired: there is nothing to undo")
    with _held(stores, model.name, now=now):
        # The tag says that the registry has not seen it: the alias that comes back was not deleted by hand.
        stores.registry.tag_model(model.name, {PROMOTION_TAG: ""})
        stores.state.move_model(_move(model, "return", reason, actor, now))
        _project(stores, model, now=now)


def _named(spec: ModelSpec, name: str) -> ModelSpec:
    if name == spec.name:
        raise RefusedError(f"{name} is the name that the model has")
    if not re.fullmatch(MODEL_NAME, name):
        raise RefusedError(f"a model's name must match {MODEL_NAME} (got {name!r})")
    return spec.model_copy(update={"name": name})


def _move(model: DeclaredModel, action: ModelAction, reason: str, actor: str, now: datetime) -> ModelMove:
    return ModelMove(model=model.name, action=action, previous=None, actor=actor, reason=reason, moved_at=now)


def _is_retired(stores: Stores, name: str) -> bool:
    return is_retired(stores.state.model_moves(), name)


def _require_known(stores: Stores, name: str) -> None:
    away = out_of_service(stores.state.model_moves(), name)
    if away is not None and not _is_retired(stores, name):
        raise RefusedError(away)
    if not stores.state.steps(name) and not stores.state.promotions(name) and not stores.state.arrivals(name):
        raise RefusedError(f"nothing is known of {name}: it has no history that could be kept")


def _project(stores: Stores, model: DeclaredModel, *, now: datetime) -> None:
    log = stores.state.promotions(model.name)
    if log and not _is_retired(stores, model.name):
        project(stores, model, log[-1], now=now)
    else:
        mirror_head(stores, model.name, now=now)


@contextmanager
def _held(stores: Stores, name: str, *, now: datetime) -> Generator[None]:
    """Past the question whether it is in service: that is what changes here."""
    owner = f"retirement of {name} at {now.isoformat()}"
    _take(stores, name, owner, _FOR_ONE_MOVE, now)
    try:
        yield
    finally:
        stores.state.release_lease(name, owner)


def _take(stores: Stores, name: str, owner: str, ttl: timedelta, now: datetime) -> None:
    if not stores.state.acquire_lease(name, owner, ttl=ttl, now=now):
        raise LeaseHeldError(held_by(name, stores.state.lease_owner(name, now=now)))
