"""What persons and other systems tell a model; each is a cause to decide, and only the decision retrains."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from retrain_assets.errors import RefusedError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.reasons import require_reason
from retrain_assets.promotion.model_moves import out_of_service
from retrain_assets.stores.protocols import Stores

SEEN = "seen_as"
"""Where the payload of an event that was found holds what tells it apart."""


def see_events(stores: Stores, model: DeclaredModel, *, now: datetime) -> list[str]:
    """Records the files or rows that `retrain.events` shows and that were not seen before; returns what they say."""
    declared = model.spec.retrain.events
    if declared is None:
        return []
    from retrain_assets.stores.sources.events import new_events

    rows = stores.state.outbox(model=model.name, kinds=["event"], limit=1_000_000)
    known = {str(row.payload[SEEN]) for row in rows if SEEN in row.payload}
    told: list[str] = []
    for found in new_events(declared, root=model.root, since=now - declared.look_back, known=known):
        payload = {"text": found.text, SEEN: found.key}
        if stores.state.append_outbox("event", model.name, payload=payload, key=found.key, now=now) is not None:
            told.append(found.text)
    return told


def record_event(
    stores: Stores,
    model: DeclaredModel,
    kind: Literal["event", "person", "freshness_failed"],
    text: str,
    *,
    now: datetime,
    key: str | None = None,
) -> int | None:
    """Appends the event; with a `key` the same event counts once. Returns its number, or None for a repetition.

    Raises:
        RefusedError: the model was retired, or has another name, or the text is blank.
    """
    require_reason(text, what="what happened" if kind == "event" else "a reason")
    away = out_of_service(stores.state.model_moves(), model.name)
    if away is not None:
        raise RefusedError(away)
    return stores.state.append_outbox(kind, model.name, payload={"text": text}, key=key, now=now)
