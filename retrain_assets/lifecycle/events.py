"""What persons and other systems tell a model; each is a cause to decide, and only the decision retrains."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from retrain_assets.errors import RefusedError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.promotion.model_moves import out_of_service
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
    """Appends the event; with a `key` the same event counts once. Returns its number, or None for a repetition.

    Raises:
        RefusedError: the model was retired, or has another name.
    """
    away = out_of_service(stores.state.model_moves(), model.name)
    if away is not None:
        raise RefusedError(away)
    return stores.state.append_outbox(kind, model.name, payload={"text": text}, key=key, now=now)
