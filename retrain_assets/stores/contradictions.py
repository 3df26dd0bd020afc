"""Records of which the registry saw another head: told once in the outbox when it begins, changes, or is over."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrain_assets.stores.protocols import StateStore

CONTRADICTED, AGREES = "record_contradicted", "record_agrees"


def contradicted(state: StateStore, model: str) -> str | None:
    """What the registry said against the record of a model when it was last asked; None where it agreed."""
    rows = state.outbox(model=model, kinds=[CONTRADICTED, AGREES], limit=1_000_000)
    return str(rows[-1].payload["text"]) if rows and rows[-1].kind == CONTRADICTED else None


def note_contradiction(state: StateStore, model: str, said: str | None, head: str | None, *, now: datetime) -> None:
    """Writes down what the registry says where that differs from the last time.

    Args:
        state: the state database.
        model: its name.
        said: what speaks against the record; None where nothing does.
        head: the tag in the registry that proves it.
        now: wall time.
    """
    if said == contradicted(state, model):
        return
    if said is None:
        state.append_outbox(AGREES, model, now=now)
    else:
        state.append_outbox(CONTRADICTED, model, payload={"text": said, "audit_head": head}, now=now)
