"""Sources, of batches or events, that cannot be looked at: told once in the outbox when it begins, changes or ends."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from retrain_assets.stores.protocols import OutboxRow, StateStore

LookedAt = Literal["source", "events"]
"""What failed: any part of a look at the model, or that at `retrain.events`."""


def source_failure(state: StateStore, model: str, *, of: LookedAt = "source", until: int | None = None) -> str | None:
    """Why the last look failed, as of an outbox row; None when it did not."""
    failures = _standing(state, model, of, until)
    return str(failures[-1].payload["error"]) if failures else None


def failing_since(state: StateStore, model: str, *, of: LookedAt = "source") -> datetime | None:
    """When the looks began to fail, each since with whatever error; None when the last did not."""
    failures = _standing(state, model, of, None)
    return failures[0].recorded_at if failures else None


def note_source(state: StateStore, model: str, failure: str | None, *, now: datetime, of: LookedAt = "source") -> None:
    """Writes down how a look ended where that differs from the look before."""
    if failure == source_failure(state, model, of=of):
        return
    if failure is None:
        state.append_outbox(f"{of}_mended", model, now=now)
    else:
        state.append_outbox(f"{of}_failed", model, payload={"error": failure}, now=now)


def _standing(state: StateStore, model: str, of: LookedAt, until: int | None) -> list[OutboxRow]:
    """The failures that nothing has mended since, oldest first."""
    rows = state.outbox(model=model, kinds=[f"{of}_failed", f"{of}_mended"], limit=1_000_000)
    rows = [row for row in rows if until is None or row.id <= until]
    mended = max((at for at, row in enumerate(rows) if row.kind == f"{of}_mended"), default=-1)
    return rows[mended + 1 :]
