"""A state database that was restored, accepted by a person: the registry follows it from here on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from retrain_assets.errors import NotStoredError, RefusedError
from retrain_assets.lifecycle.mirroring import HEAD_TAG, contradiction, head_tag
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.reasons import require_reason
from retrain_assets.lifecycle.reconciling import CHAMPION, PROMOTION_TAG, Reconciled, reconcile
from retrain_assets.lifecycle.versions import STAGES_TAG, show_challenger, stage_of
from retrain_assets.promotion.model_moves import ModelMove
from retrain_assets.stores.protocols import Stores

UNRECORDED = "not in the record"
"""Stage of a version in the registry's tags that was champion by a record which does not stand."""


def accept_head(stores: Stores, model: DeclaredModel, *, reason: str, actor: str, now: datetime) -> Reconciled:
    """Takes the state database for the right one although the registry saw another record, and says so in the chain.

    The head that the registry had seen stands in the record from then on, with who accepted what and why. A champion
    of whom the accepted record knows nothing is shown as one no longer; safe to repeat after a kill on the way.

    Raises:
        RefusedError: the registry saw nothing else, or the reason is blank: nothing was changed.
    """
    require_reason(reason)
    tags = stores.registry.model_tags(model.name)
    if contradiction(stores.state.audit_entries(model.name), tags, model.name) is None:
        raise RefusedError(f"the record of {model.name} holds the head that the registry saw: nothing to accept")
    if not _accepted(stores, model, tags[HEAD_TAG]):
        stores.state.move_model(
            ModelMove(
                model=model.name, action="accept", previous=tags[HEAD_TAG], actor=actor, reason=reason, moved_at=now
            )
        )
    _forget(stores, model, tags)
    # Without the number of the promotion an alias that differs is left over from the other record, not moved by hand;
    # and how many moves of the other one were shown says nothing of this one.
    entries = stores.state.audit_entries(model.name)
    stores.registry.tag_model(model.name, {PROMOTION_TAG: "", STAGES_TAG: "", **head_tag(entries)})
    return reconcile(stores, model, now=now)


def _accepted(stores: Stores, model: DeclaredModel, head: str) -> bool:
    """Whether the newest move of the model accepted this head: a kill came before the registry was told."""
    own = [move for move in stores.state.model_moves() if move.model == model.name]
    return bool(own) and (own[-1].action, own[-1].previous) == ("accept", head)


def _forget(stores: Stores, model: DeclaredModel, tags: Mapping[str, str]) -> None:
    """Takes away what the registry shows of a champion that the accepted record does not have."""
    log = stores.state.promotions(model.name)
    shown = tags.get(CHAMPION, "")
    if shown.isdigit() and (not log or log[-1].version != int(shown)):
        with suppress(NotStoredError):  # deleted by hand: nothing shows it
            stage = stage_of(stores, model, int(shown)) or UNRECORDED
            stores.registry.tag_version(model.name, int(shown), {"stage": stage})
    if not log:
        stores.registry.remove_alias(model.name, CHAMPION)
        show_challenger(stores, model)
        stores.registry.tag_model(model.name, {CHAMPION: ""})
