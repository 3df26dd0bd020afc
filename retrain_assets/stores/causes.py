"""What asks for another decision of a model: rows of the outbox that came after the decision in force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrain_assets.policy.decision import Decision
    from retrain_assets.stores.protocols import OutboxRow

CAUSES = {
    "event": "event",
    "person": "person",
    "freshness_failed": "freshness",
    "declared": "declaration",
    "correction": "labels",
    "redelivered": "redelivery",
    "rolled_back": "rollback",
    "hold_resumed": "person",
    "hold_rejected": "person",
}
"""Outbox rows that ask for a decision, and the cause that they are."""


def newest_valid(decisions: Sequence[Decision]) -> Decision | None:
    """The decision in force: a retrospective one launches nothing, and answers no event."""
    return next((decision for decision in reversed(decisions) if not decision.retrospective), None)


def asking(rows: Iterable[OutboxRow], in_force: Decision | None) -> tuple[OutboxRow, ...]:
    """Those of a model's outbox rows, oldest first, that ask for a decision since the one in force."""
    watermark = int(in_force.state.get("outbox_id", 0)) if in_force is not None else 0
    asked = [row for row in rows if row.kind in CAUSES]
    # The first declaration is a beginning; only a further one is a change.
    first = next((row for row in asked if row.kind == "declared"), None)
    return tuple(row for row in asked if row is not first and row.id > watermark)
