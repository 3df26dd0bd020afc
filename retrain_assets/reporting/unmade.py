"""What the platform wanted to do by itself since the newest promotion, and could not or must not: a person may."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrain_assets.stores.protocols import OutboxRow, StateStore

WANTED = {"rollback_failed": "a rollback could not be made", "recall_not_made": "a recall was not made"}


def unmade(state: StateStore, model: str) -> tuple[str, ...]:
    """The newest of each kind, each as a sentence; none of what a promotion, a rollback or a recall came after."""
    newest: dict[str, OutboxRow] = {}
    for row in state.outbox(model=model, kinds=["promotion", *WANTED], limit=1_000_000):
        if row.kind == "promotion":
            newest.clear()
        else:
            newest[row.kind] = row
    return tuple(f"{WANTED[kind]} ({row.payload['failed']}): {row.payload['text']}" for kind, row in newest.items())
