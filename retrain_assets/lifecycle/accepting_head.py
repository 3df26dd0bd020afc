"""A state database that was restored, accepted by a person: the registry follows it from here on."""

from __future__ import annotations

from datetime import datetime

from retrain_assets.errors import RefusedError
from retrain_assets.lifecycle.mirroring import HEAD_TAG, contradiction, head_tag
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.reasons import require_reason
from retrain_assets.lifecycle.reconciling import PROMOTION_TAG, Reconciled, reconcile
from retrain_assets.promotion.model_moves import ModelMove
from retrain_assets.stores.protocols import Stores


def accept_head(stores: Stores, model: DeclaredModel, *, reason: str, actor: str, now: datetime) -> Reconciled:
    """Takes the state database for the right one although the registry saw another record, and says so in the chain.

    The head that the registry had seen stands in the record from then on, with who accepted what and why.

    Raises:
        RefusedError: the registry saw nothing else, or the reason is blank: nothing was changed.
    """
    require_reason(reason)
    tags = stores.registry.model_tags(model.name)
    if contradiction(stores.state.audit_entries(model.name), tags, model.name) is None:
        raise RefusedError(f"the record of {model.name} holds the head that the registry saw: nothing to accept")
    stores.state.move_model(
        ModelMove(model=model.name, action="accept", previous=tags[HEAD_TAG], actor=actor, reason=reason, moved_at=now)
    )
    # Without the number of the promotion an alias that differs is left over from the other record, not moved by hand.
    entries = stores.state.audit_entries(model.name)
    stores.registry.tag_model(model.name, {PROMOTION_TAG: "", **head_tag(entries)})
    return reconcile(stores, model, now=now)
