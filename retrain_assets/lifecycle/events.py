"""What persons and other systems tell a model; each is a cause to decide, and only the decision retrains."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.stores.protocols import Stores


def record_event(
    stores: Stores,
    model: DeclaredModel,
    kind: Literal["event", "person", "freshness_failed"],
    text: str,
    *,
    now: datetime,
    key: str | None = None,
) -> int | None:
    """Appends the event; with a `key` the same event counts once. Returns its number, or None for a repetition."""
    return stores.state.append_outbox(kind, model.name, payload={"text": text}, key=key, now=now)
