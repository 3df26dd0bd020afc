"""What the state database holds of a model, read at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from retrain_assets.promotion.approvals import Hold
from retrain_assets.promotion.log import Promotion
from retrain_assets.promotion.model_moves import ModelMove
from retrain_assets.reporting.unmade import unmade
from retrain_assets.reporting.waiting import read_holds
from retrain_assets.spec import ModelSpec
from retrain_assets.spec.sources import AskedSource
from retrain_assets.stores.causes import CAUSES, asking, newest_valid
from retrain_assets.stores.contradictions import contradicted
from retrain_assets.stores.source_failures import source_failure

if TYPE_CHECKING:
    from retrain_assets.policy.decision import Decision
    from retrain_assets.stores.protocols import OutboxRow, StateStore, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What the state database holds of one model; nothing before its first run."""

    steps: Sequence[Step] = ()
    decisions: Sequence[Decision] = ()
    promotions: Sequence[Promotion] = ()
    working: str | None = None
    source_failure: str | None = None
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    deliveries: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    label_deliveries: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    moves: Sequence[ModelMove] = ()
    holds: Sequence[Hold] = ()
    asked: Sequence[OutboxRow] = ()
    contradicted: str | None = None
    unmade: tuple[str, ...] = ()

    @classmethod
    def read(cls, state: StateStore, spec: ModelSpec, *, now: datetime) -> Records:
        """All records of the model, as they are now."""
        model, log = spec.name, state.promotions(spec.name)
        seen = state.outbox(model=model, kinds=["batch_seen", "labels_seen"], limit=1_000_000)
        told = state.outbox(model=model, kinds=["missing", "ingested"], limit=1_000_000)
        decisions = state.decisions(model)
        return cls(
            steps=state.steps(model),
            decisions=decisions,
            promotions=log,
            working=state.lease_owner(model, now=now),
            source_failure=source_failure(state, model),
            missing=_missing(told, now),
            unread=() if isinstance(spec.source, AskedSource) else _unread(seen, told),
            deliveries={row.batch or "": row.recorded_at for row in seen if row.kind == "batch_seen"},
            label_deliveries={row.batch or "": row.recorded_at for row in seen if row.kind == "labels_seen"},
            moves=[move for move in state.model_moves() if model in (move.model, move.previous)],
            holds=read_holds(state, spec, log),
            asked=asking(state.outbox(model=model, kinds=[*CAUSES], limit=1_000_000), newest_valid(decisions)),
            contradicted=contradicted(state, model),
            unmade=unmade(state, model),
        )


def _unread(seen: Sequence[OutboxRow], told: Sequence[OutboxRow]) -> tuple[str, ...]:
    """The batches that were read and have come anew since; a source that must be asked does not show which have."""
    newest = {row.batch or "": row.id for row in seen if row.kind == "batch_seen"}
    read = {row.batch or "": int(row.payload["seen_id"]) for row in told if row.kind == "ingested"}
    return tuple(sorted(batch for batch, seen_id in read.items() if newest.get(batch, 0) > seen_id))


def _missing(rows: Sequence[OutboxRow], now: datetime) -> tuple[str, ...]:
    """The batches that were due and have no rows yet; what a clock told that has gone back since is not."""
    absent: set[str] = set()
    for row in rows:
        if row.kind == "missing":
            if row.recorded_at <= now:
                absent.add(row.batch or "")
        elif not row.payload.get("empty"):
            absent.discard(row.batch or "")
    return tuple(sorted(absent))
