"""Which job should run next for a model: told from the ledger alone, so that no lost cursor can repeat or skip one.

For a model the jobs run strictly in order: settle all that has matured by the end of K, watch K, decide K, retrain K if
decided, then K + 1. What happened meanwhile (an event, a failed freshness policy, a corrected batch) comes in between;
what is only asked for again, to see whether it changed, comes after the new batches.
A job that failed rests before it is tried again, and holds up what follows only for its first tries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import NextJob
from retrain_assets.lifecycle.standing import Standing, read_standing
from retrain_assets.spec.sources import AskedSource
from retrain_assets.stores.causes import CAUSES, newest_valid
from retrain_assets.stores.protocols import Job, Stores
from retrain_assets.stores.tries import Rest, decided_retrain

RESETTLED_BATCHES = 8
"""Newest batches of a label source that are settled again with each new batch until they are mature."""


def next_job(stores: Stores, model: DeclaredModel, *, now: datetime) -> NextJob | None:
    """The job that should run next; None when there is nothing to do now."""
    first = _first(stores, model, now)
    return first if isinstance(first, NextJob) else None


def resting(stores: Stores, model: DeclaredModel, *, now: datetime) -> Rest | None:
    """Why the job that should run next may not run yet; None where it may, or there is none."""
    first = _first(stores, model, now)
    return first if isinstance(first, Rest) else None


def _first(stores: Stores, model: DeclaredModel, now: datetime) -> NextJob | Rest | None:
    rules = _Rules(model, read_standing(stores, model, now=now), now)
    for rule in (
        rules.retrain, rules.decision, rules.redelivery, rules.new_batch, rules.another_look, rules.tail_labels,
    ):  # fmt: skip
        job = rule()
        if job is not None:
            return job
    return None


@dataclass(frozen=True, slots=True)
class _Rules:
    """One rule for each kind of work, in the order in which they are asked."""

    model: DeclaredModel
    standing: Standing
    now: datetime

    def retrain(self) -> NextJob | Rest | None:
        """The newest decision said retrain, and that has not ended."""
        decision = newest_valid(self.standing.decisions)
        if decision is None:
            return None
        batch = decision.batch
        steps, since = self.standing.of(batch, "retrain"), self.standing.delivered(batch, "retrain")
        decided = decided_retrain(self.model.spec.retrain, decision, steps, since=since, now=self.now)
        if decided is None or decided.rest is not None:
            return None if decided is None else decided.rest
        data = str(decision.state.get("data_hash", ""))[:16]
        tries = decided.tries + 1
        key = f"{decision.champion_version or 0}/{data}/{decision.attempt}.{tries}"
        return self._job("retrain", batch, tries, decision.cause, key=key)

    def decision(self) -> NextJob | Rest | None:
        """A watched or missing batch has no decision yet, or something asks for another one."""
        standing = self.standing
        ready = [batch for batch in standing.watched if self._watch_ended(batch)]
        # Deciding a gap early would make the decisions of all batches before it retrospective.
        earlier = min(set(standing.seen) - set(standing.watched), default=None)
        gaps = [batch for batch in standing.missing - standing.seen.keys() if earlier is None or batch < earlier]
        decided = standing.decided(self.now)
        for batch in sorted({*ready, *gaps} - decided):
            return self._tried("decide", batch, "missing" if batch in gaps else "batch")
        if not standing.causes:
            return None
        newest = max(decided, default=None)
        if newest is None:
            return None
        if newest in standing.watched and not self._is_look(self.model.spec.source, newest):
            # Decided by rows that another delivery has replaced, it would have to be decided once more at once.
            watch = None if standing.up_to_date(newest) else self._tried("watch", newest, "changed")
            if isinstance(watch, NextJob):
                return watch
        # What persons have labelled since is what the decision weighs and a retrain trains on.
        settle = self._settle_again(another_look=False)
        if isinstance(settle, NextJob):
            return settle
        return self._tried("decide", newest, CAUSES[standing.causes[-1].kind])

    def redelivery(self) -> NextJob | Rest | None:
        """A watched batch, or its labels, came again, or could not be worked on before."""
        return self._again(another_look=False)

    def another_look(self) -> NextJob | Rest | None:
        """What was decided is asked for once more, and may be the same: new batches go first."""
        spec = self.model.spec
        asks = any(isinstance(source, AskedSource) for source in (spec.source, spec.target.labels))
        return self._again(another_look=True) if asks else None

    def _again(self, *, another_look: bool) -> NextJob | Rest | None:
        spec = self.model.spec
        for batch in self.standing.watched:
            if not self.standing.up_to_date(batch) and self._is_look(spec.source, batch) == another_look:
                job = self._tried("watch", batch, "changed")
                if job is not None:
                    return job
        return self._settle_again(another_look=another_look)

    def _settle_again(self, *, another_look: bool) -> NextJob | Rest | None:
        spec = self.model.spec
        for batch in self.standing.watched:
            watch, settle = self.standing.newest(batch, "watch"), self.standing.newest(batch, "settle")
            if watch is None or settle is None or watch.outcome != "done":
                continue
            changed = settle.revision != watch.revision
            if not changed and not self.standing.has_label_news(batch):
                continue
            if (not changed and self._is_look(spec.target.labels, batch)) == another_look:
                newest = self.model.calendar.batch(self.standing.watched[-1])
                job = self._tried("settle", batch, "changed", as_of=max(newest.end, settle.as_of))
                if job is not None:
                    return job
        return None

    def _is_look(self, source: object, batch: str) -> bool:
        return isinstance(source, AskedSource) and batch in self.standing.decided(self.now)

    def new_batch(self) -> NextJob | Rest | None:
        """The next batch is there: first all labels that have matured by its end, then the batch itself."""
        newest = self.standing.watched[-1] if self.standing.watched else ""
        waiting = sorted(set(self.standing.seen) - set(self.standing.watched))
        if not waiting:
            return None
        batch = self.model.calendar.batch(waiting[0])
        # An older batch that comes after newer ones were watched holds nothing up.
        if batch.key > newest:
            if self._awaits_predecessor(batch, newest):
                return None
            for settled in self._unsettled(batch.end):
                job = self._tried("settle", settled.key, "matured", as_of=batch.end)
                if job is not None:
                    return job
        return self._job("watch", batch.key, 1, "batch")

    def tail_labels(self) -> NextJob | Rest | None:
        """Behind the newest batch labels mature, and become known, with the wall clock."""
        for key in self.standing.watched:
            batch = self.model.calendar.batch(key)
            matured = self.model.matured_at(batch)
            if matured > self.now or not self._settleable(key):
                continue
            as_of = max(matured, batch.end)
            if self.standing.has_pending_labels(batch, self.now):
                as_of = max(as_of, min(self.standing.labels_pending[key][1], self.now))
            elif self.standing.newest(key, "settle") is not None:
                continue
            job = self._tried("settle", key, "matured", as_of=as_of)
            if job is not None:
                return job
        return None

    def _watch_ended(self, batch: str) -> bool:
        """The watch came to an end, or was given up for now: then the batch is decided without it."""
        return self.standing.up_to_date(batch) or self.standing.readiness(batch, "watch", self.now) == "given_up"

    def _awaits_predecessor(self, batch: Batch, newest: str) -> bool:
        """A batch waits for the one before it until that one is recorded as missing; the first may start anywhere."""
        previous = self.model.calendar.previous(batch)
        return (
            bool(newest)
            and previous is not None
            and previous.key > newest
            and previous.key not in self.standing.missing
        )

    def _unsettled(self, as_of: datetime) -> list[Batch]:
        recent = set(self.standing.watched[-RESETTLED_BATCHES:])
        found: list[Batch] = []
        for key in self.standing.watched:
            batch = self.model.calendar.batch(key)
            if self.model.matured_at(batch) > as_of or not self._settleable(key):
                continue
            settle = self.standing.newest(key, "settle")
            awaited = self.model.spec.target.labels is not None and key in recent
            waited = awaited and settle is not None and not settle.detail.get("mature") and settle.as_of < as_of
            if settle is None or waited or self.standing.has_pending_labels(batch, as_of):
                found.append(batch)
        return found

    def _settleable(self, batch: str) -> bool:
        watch = self.standing.newest(batch, "watch")
        return watch is not None and watch.outcome == "done"

    def _tried(self, job: Job, batch: str, cause: str, *, as_of: datetime | None = None) -> NextJob | Rest | None:
        """The job, or its rest after a failure; None where it was given up for now."""
        readiness = self.standing.readiness(batch, job, self.now)
        if readiness != "ready":
            return None if readiness == "given_up" else readiness
        return self._job(job, batch, len(self.standing.of(batch, job)) + 1, cause, as_of=as_of)

    def _job(
        self,
        job: Job,
        batch: str,
        attempt: int,
        cause: str,
        *,
        as_of: datetime | None = None,
        key: str | None = None,
    ) -> NextJob:
        return NextJob(
            model=self.model.name,
            job=job,
            batch=batch,
            attempt=attempt,
            cause=cause,
            as_of=as_of or self.model.calendar.batch(batch).end,
            run_key=f"{self.model.name}/{job}/{batch}/{key or attempt}",
        )
