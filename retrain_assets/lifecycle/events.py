"""What persons and other systems tell a model; each is a cause to decide, and only the decision retrains."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from retrain_assets.errors import RefusedError, RetrainAssetsError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.reasons import require_reason
from retrain_assets.promotion.model_moves import out_of_service
from retrain_assets.spec import EventsSpec
from retrain_assets.stores.protocols import Stores
from retrain_assets.stores.source_failures import failing_since, note_source

SEEN = "seen_as"
"""Where the payload of an event that was found holds what tells it apart."""


def see_events(stores: Stores, model: DeclaredModel, *, now: datetime) -> list[str]:
    """Records the files or rows that `retrain.events` shows and that were not seen before; returns what they say.

    A look that fails is written down, too: until one succeeds nobody knows whether there is an event.
    """
    if model.spec.retrain.events is None:
        return []
    try:
        told = _new_events(stores, model, model.spec.retrain.events, now=now)
    except Exception as error:
        failure = str(error) if isinstance(error, RetrainAssetsError) else f"{type(error).__name__}: {error}"
        note_source(stores.state, model.name, failure, now=now, of="events")
        raise
    note_source(stores.state, model.name, None, now=now, of="events")
    return told


def _new_events(stores: Stores, model: DeclaredModel, declared: EventsSpec, *, now: datetime) -> list[str]:
    from retrain_assets.stores.sources.events import new_events

    rows = stores.state.outbox(model=model.name, kinds=["event"], limit=1_000_000)
    known = {str(row.payload[SEEN]) for row in rows if SEEN in row.payload}
    told: list[str] = []
    since = _looked_until(stores, model, now) - declared.look_back
    for found in new_events(declared, root=model.root, since=since, known=known):
        payload = {"text": found.text, SEEN: found.key}
        if stores.state.append_outbox("event", model.name, payload=payload, key=found.key, now=now) is not None:
            told.append(found.text)
    return told


def _looked_until(stores: Stores, model: DeclaredModel, now: datetime) -> datetime:
    """Up to when nothing can have been missed: looks failed since then, or nothing was done for the model."""
    failing = failing_since(stores.state, model.name, of="events")
    last = max((step.finished_at for step in stores.state.steps(model.name)), default=now)
    return min(now, last, failing or now)


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
