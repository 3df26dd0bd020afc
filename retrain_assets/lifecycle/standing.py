"""Where a model stands: what was seen of it and done for it, read once from the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.policy.decision import Decision
from retrain_assets.stores.causes import CAUSES, asking, newest_valid
from retrain_assets.stores.protocols import OutboxRow, Step, Stores
from retrain_assets.stores.tries import TRIES, Rest, failures_in_a_row, rest_after

PENDING = "labels_pending"
"""Outbox row: a delivery held labels that become known only after the moment as of which their batch was settled."""

Readiness = Literal["ready", "given_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Facts of one model.

    `seen` and `labels_seen` are the newest deliveries by batch, `ingested` and `labels_read` the numbers of the
    deliveries that were read; `labels_pending` tells from and until when the labels become known that were delivered
    before; `causes` ask for a decision since the one in force.
    """

    seen: dict[str, OutboxRow]
    ingested: dict[str, int]
    labels_seen: dict[str, OutboxRow]
    labels_read: dict[str, int]
    labels_pending: dict[str, tuple[datetime, datetime]]
    missing: frozenset[str]
    causes: tuple[OutboxRow, ...]
    steps: dict[tuple[str, str], list[Step]]
    decisions: tuple[Decision, ...]

    @property
    def watched(self) -> list[str]:
        """Batches for which a watch ended or failed, in order."""
        return sorted(batch for job, batch in self.steps if job == "watch")

    def decided(self, now: datetime) -> set[str]:
        """Batches with a decision that was written to the end."""
        ended = [
            decision
            for decision in self.decisions
            if not was_deduced(decision) or self.newest(decision.batch, "decide") is not None
        ]
        return decided_by(ended, set(self.watched), now)

    def of(self, batch: str, job: str) -> list[Step]:
        """The steps of a job for a batch, in order."""
        return self.steps.get((job, batch), [])

    def newest(self, batch: str, job: str) -> Step | None:
        """The newest step of a job for a batch that ended by itself."""
        return next(
            (step for step in reversed(self.of(batch, job)) if step.outcome not in ("failed", "interrupted")), None
        )

    def readiness(self, batch: str, job: str, now: datetime) -> Readiness | Rest:
        """Whether a job may be tried: failures in a row let it rest, those before a newer delivery do not count."""
        failed = failures_in_a_row(self.of(batch, job), self.delivered(batch, job), now)
        rest = rest_after(failed, now)
        if rest is None:
            return "ready"
        return rest if len(failed) < TRIES else "given_up"

    def up_to_date(self, batch: str) -> bool:
        """The newest delivery of the batch was watched to the end."""
        steps = self.of(batch, "watch")
        if not steps or steps[-1].outcome in ("failed", "interrupted"):
            return False
        row = self.seen.get(batch)
        return row is None or self.ingested.get(batch, 0) >= row.id

    def has_label_news(self, batch: str) -> bool:
        """The label source shows something for the batch that no settling has read."""
        row = self.labels_seen.get(batch)
        return row is not None and self.labels_read.get(batch, 0) < row.id

    def has_pending_labels(self, batch: Batch, by: datetime) -> bool:
        """Labels that were delivered early are known by a moment: all of them, or some after twice the time.

        So those that come one by one cost a few settlings, and one that never comes does not keep the others away.
        """
        settle = self.newest(batch.key, "settle")
        if settle is None or batch.key not in self.labels_pending:
            return False
        first, last = self.labels_pending[batch.key]
        twice = by - batch.end >= 2 * (settle.as_of - batch.end)
        return settle.as_of < last <= by or (settle.as_of < first <= by and twice)

    def delivered(self, batch: str, job: str) -> datetime | None:
        """When that on which a job works was last seen to be delivered."""
        rows = [self.seen.get(batch), self.labels_seen.get(batch) if job == "settle" else None]
        return max((row.recorded_at for row in rows if row is not None), default=None)


def decided_by(decisions: Iterable[Decision], watched: Collection[str], now: datetime) -> set[str]:
    """Batches with a decision.

    One that is known as missing alone, and was decided by a clock that has gone back since, is not yet: it would make
    the decisions of all batches until then retrospective.
    """
    return {decision.batch for decision in decisions if decision.batch in watched or decision.decided_at <= now}


def was_deduced(decision: Decision) -> bool:
    """The decision was made from triggers by the job `decide`: not by hand, and not because deciding kept failing."""
    return bool(decision.triggers) and not decision.state.get("by_hand")


def read_standing(stores: Stores, model: DeclaredModel, *, now: datetime) -> Standing:
    """Reads the ledger of a model; what a clock found missing that has gone back since is left out."""
    seen: dict[str, OutboxRow] = {}
    labels_seen: dict[str, OutboxRow] = {}
    read: dict[str, dict[str, int]] = {"ingested": {}, "labels_read": {}}
    pending: dict[str, tuple[datetime, datetime]] = {}
    missing: set[str] = set()
    rows = list[OutboxRow]()
    kinds = ["batch_seen", "ingested", "labels_seen", "labels_read", PENDING, "missing", *CAUSES]
    for row in stores.state.outbox(model=model.name, kinds=kinds, limit=1_000_000):
        batch = row.batch or ""
        if row.kind == "batch_seen":
            seen[batch] = row
        elif row.kind == "labels_seen":
            labels_seen[batch] = row
        elif row.kind in read:
            read[row.kind][batch] = int(row.payload["seen_id"])
        elif row.kind == PENDING:
            first, last = (datetime.fromisoformat(row.payload[end]) for end in ("from", "until"))
            pending[batch] = first, last
        elif row.kind == "missing":
            if row.recorded_at <= now:
                missing.add(batch)
        else:
            rows.append(row)
    decisions = tuple(stores.state.decisions(model.name))
    steps: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for step in stores.state.steps(model.name):
        steps[step.job, step.batch].append(step)
    return Standing(
        seen=seen,
        ingested=read["ingested"],
        labels_seen=labels_seen,
        labels_read=read["labels_read"],
        labels_pending=pending,
        missing=frozenset(missing),
        causes=asking(rows, newest_valid(decisions)),
        steps=dict(steps),
        decisions=decisions,
    )
