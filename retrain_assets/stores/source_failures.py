"""Sources that cannot be looked at: told once in the outbox when it begins, changes, or is over."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrain_assets.stores.protocols import StateStore

FAILED, MENDED = "source_failed", "source_mended"


def source_failure(state: StateStore, model: str) -> str | None:
    """Why the last look at the source of a model failed; None when it did not."""
    rows = state.outbox(model=model, kinds=[FAILED, MENDED], limit=1_000_000)
    return str(rows[-1].payload["error"]) if rows and rows[-1].kind == FAILED else None


def note_source(state: StateStore, model: str, failure: str | None, *, now: datetime) -> None:
    """Writes down how a look ended where that differs from the look before."""
    if failure == source_failure(state, model):
        return
    if failure is None:
        state.append_outbox(MENDED, model, now=now)
    else:
        state.append_outbox(FAILED, model, payload={"error": failure}, now=now)
