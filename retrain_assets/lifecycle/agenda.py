"""Which job should run next for a model: told from the ledger alone, so that no lost cursor can repeat or skip one.

For a model the jobs run strictly in order: settle all that has matured by the end of K, watch K, decide K, retrain K if
decided, then K + 1. What happened meanwhile (an event, a failed freshness policy, a corrected batch) comes in between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import NextJob
from retrain_assets.policy.decision import Decision
from retrain_assets.stores.protocols import OutboxRow, Step, Stores

CAUSES = {
    "event": "event",
    "person": "person",
    "freshness_failed": "freshness",
    "declared": "declaration",
    "correction": "labels",
}
MAX_WATCH_ATTEMPTS = 2
RESETTLED_BATCHES = 8
AGAIN = ("failed", "interrupted")


@dataclass(frozen=True, slots=True)
class _Ledger:
    """What is known of a model, read once."""

    seen: dict[str, int]
    ingested: dict[str, int]
    missing: frozenset[str]
    causes: tuple[OutboxRow, ...]
    steps: dict[tuple[str, str], list[Step]]
    decisions: tuple[Decision, ...]

    def of(self, batch: str, job: str) -> list[Step]:
        return self.steps.get((job, batch), [])

    def watched(self, batch: str) -> bool:
        steps = self.of(batch, "watch")
        if not steps:
            return False
        if steps[-1].outcome in AGAIN:
            return _trailing_failures(steps) >= MAX_WATCH_ATTEMPTS
        return self.ingested.get(batch, 0) >= self.seen.get(batch, 0)


def next_job(stores: Stores, model: DeclaredModel, *, now: datetime) -> NextJob | None:
    """The job that should run next; None when there is nothing to do."""
    ledger = _read(stores, model)
    watched = sorted({batch for job, batch in ledger.steps if job == "watch"})
    for find in (_due_retrain, _due_decision, _changed_batch, _new_batch, _tail_labels):
        job = find(model, ledger, watched, now)
        if job is not None:
            return job
    return None


def newest_valid(decisions: Sequence[Decision]) -> Decision | None:
    """The decision in force: a retrospective one launches nothing, and answers no event."""
    return next((decision for decision in reversed(decisions) if not decision.retrospective), None)


def _due_retrain(model: DeclaredModel, ledger: _Ledger, watched: list[str], now: datetime) -> NextJob | None:
    decision = newest_valid(ledger.decisions)
    if decision is None or decision.verdict != "retrain":
        return None
    steps = [
        step
        for step in ledger.of(decision.batch, "retrain")
        if step.detail.get("decision", decision.attempt) == decision.attempt
    ]
    failures = sum(step.outcome == "failed" for step in steps)
    if any(step.outcome not in AGAIN for step in steps) or failures >= model.spec.retrain.max_attempts:
        return None
    data = decision.state.get("data_hash", "")
    return _job(
        model, "retrain", decision.batch, len(steps) + 1, decision.cause,
        key=f"{decision.champion_version or 0}/{str(data)[:16]}/{decision.attempt}.{len(steps) + 1}",
    )  # fmt: skip


def _due_decision(model: DeclaredModel, ledger: _Ledger, watched: list[str], now: datetime) -> NextJob | None:
    decided = {decision.batch for decision in ledger.decisions}
    for batch in watched:
        if batch not in decided and ledger.watched(batch):
            return _job(model, "decide", batch, 1, "batch")
    if not ledger.causes or not decided:
        return None
    newest = max(decided)
    attempt = 1 + sum(decision.batch == newest for decision in ledger.decisions)
    return _job(model, "decide", newest, attempt, CAUSES[ledger.causes[-1].kind])


def _changed_batch(model: DeclaredModel, ledger: _Ledger, watched: list[str], now: datetime) -> NextJob | None:
    for batch in watched:
        if not ledger.watched(batch):
            return _job(model, "watch", batch, len(ledger.of(batch, "watch")) + 1, "changed")
    for batch in watched:
        settles = ledger.of(batch, "settle")
        if (
            settles
            and settles[-1].revision != ledger.of(batch, "watch")[-1].revision
            and ledger.of(batch, "watch")[-1].outcome == "done"
        ):
            last = model.calendar.batch(watched[-1])
            return _settle(model, ledger, model.calendar.batch(batch), last.end, "changed")
    return None


def _new_batch(model: DeclaredModel, ledger: _Ledger, watched: list[str], now: datetime) -> NextJob | None:
    newest = watched[-1] if watched else ""
    waiting = sorted(set(ledger.seen) - set(watched))
    if not waiting:
        return None
    # An older batch that comes after newer ones were watched does not hold up the stream, nor the other way round.
    batch = model.calendar.batch(waiting[0])
    if waiting[0] > newest:
        if _awaits_predecessor(model, ledger, batch, newest):
            return None
        due = _unsettled(model, ledger, watched, batch.end)
        if due is not None:
            return _settle(model, ledger, due, batch.end, "matured")
    return _job(model, "watch", batch.key, 1, "batch")


def _awaits_predecessor(model: DeclaredModel, ledger: _Ledger, batch: Batch, newest: str) -> bool:
    """A batch waits for the one before it until that one is recorded as missing; the first may start anywhere."""
    previous = model.calendar.previous(batch)
    return bool(newest) and previous is not None and previous.key > newest and previous.key not in ledger.missing


def _tail_labels(model: DeclaredModel, ledger: _Ledger, watched: list[str], now: datetime) -> NextJob | None:
    """Behind the newest batch labels mature with the wall clock."""
    for key in watched:
        batch = model.calendar.batch(key)
        settles = ledger.of(key, "settle")
        due = not settles or settles[-1].outcome in AGAIN
        if due and _settleable(ledger, key) and model.matured_at(batch) <= now:
            return _settle(model, ledger, batch, max(model.matured_at(batch), batch.end), "matured")
    return None


def _unsettled(model: DeclaredModel, ledger: _Ledger, watched: list[str], as_of: datetime) -> Batch | None:
    recent = set(watched[-RESETTLED_BATCHES:])
    for key in watched:
        batch = model.calendar.batch(key)
        if model.matured_at(batch) > as_of or not _settleable(ledger, key):
            continue
        settles = ledger.of(key, "settle")
        if not settles or settles[-1].outcome in AGAIN:
            return batch
        late_labels = model.spec.target.labels is not None and key in recent
        if late_labels and not settles[-1].detail.get("mature") and settles[-1].as_of < as_of:
            return batch
    return None


def _settleable(ledger: _Ledger, batch: str) -> bool:
    watches = ledger.of(batch, "watch")
    failures = _trailing_failures(ledger.of(batch, "settle"))
    return bool(watches) and watches[-1].outcome == "done" and failures < MAX_WATCH_ATTEMPTS


def _settle(model: DeclaredModel, ledger: _Ledger, batch: Batch, as_of: datetime, cause: str) -> NextJob:
    return _job(model, "settle", batch.key, len(ledger.of(batch.key, "settle")) + 1, cause, as_of=as_of)


def _job(
    model: DeclaredModel,
    job: str,
    batch: str,
    attempt: int,
    cause: str,
    *,
    as_of: datetime | None = None,
    key: str | None = None,
) -> NextJob:
    as_of = as_of or model.calendar.batch(batch).end
    return NextJob(
        model=model.name,
        job=job,  # pyright: ignore[reportArgumentType]
        batch=batch,
        attempt=attempt,
        cause=cause,
        as_of=as_of,
        run_key=f"{model.name}/{job}/{batch}/{key or attempt}",
    )


def _trailing_failures(steps: list[Step]) -> int:
    count = 0
    for step in reversed(steps):
        if step.outcome not in AGAIN:
            break
        count += step.outcome == "failed"
    return count


def _read(stores: Stores, model: DeclaredModel) -> _Ledger:
    seen: dict[str, int] = {}
    ingested: dict[str, int] = {}
    missing: set[str] = set()
    causes: list[OutboxRow] = []
    first_declared = True
    for row in stores.state.outbox(
        model=model.name, kinds=["batch_seen", "ingested", "missing", *CAUSES], limit=1_000_000
    ):
        if row.kind == "batch_seen":
            seen[row.batch or ""] = row.id
        elif row.kind == "ingested":
            ingested[row.batch or ""] = int(row.payload["seen_id"])
        elif row.kind == "missing":
            missing.add(row.batch or "")
        elif row.kind == "declared" and first_declared:
            first_declared = False
        else:
            causes.append(row)
    decisions = tuple(stores.state.decisions(model.name))
    newest = newest_valid(decisions)
    watermark = int(newest.state.get("outbox_id", 0)) if newest is not None else 0
    steps: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for step in stores.state.steps(model.name):
        steps[step.job, step.batch].append(step)
    return _Ledger(
        seen=seen,
        ingested=ingested,
        missing=frozenset(missing),
        causes=tuple(row for row in causes if row.id > watermark),
        steps=dict(steps),
        decisions=decisions,
    )
