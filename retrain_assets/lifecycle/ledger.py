"""The ledger of jobs done, and the lease that keeps them one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from retrain_assets.data.windows import Batch
from retrain_assets.errors import LeaseHeldError, RefusedError, without_password
from retrain_assets.lifecycle.heartbeat import Heartbeat
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.standing import Standing, decided_by, read_standing
from retrain_assets.policy.decision import Decision
from retrain_assets.promotion.model_moves import is_retired, out_of_service
from retrain_assets.stores.protocols import Job, Step, StepOutcome, Stores
from retrain_assets.stores.tries import TRIES

LEASE_TTL = timedelta(seconds=90)
RENAMING = "renaming "
"""How the owner of a lease begins that a renaming holds until it is done."""
LEASE_RENEWAL = timedelta(seconds=30)
"""Three beats must be lost in a row before a lease expires."""


def record_step(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    job: Job,
    *,
    outcome: StepOutcome,
    cause: str,
    as_of: datetime,
    now: datetime,
    run_id: str,
    detail: Mapping[str, Any] | None = None,
) -> Step:
    """Writes down that a job was done, refused or failed; the same run replaces what it wrote before."""
    earlier = [step for step in stores.state.steps(model.name, batch.key) if step.job == job]
    same_run = next((step for step in earlier if step.run_id == run_id), None)
    step = Step(
        model=model.name,
        batch=batch.key,
        job=job,
        attempt=same_run.attempt if same_run is not None else len(earlier) + 1,
        revision=_revision(stores, model, batch),
        outcome=outcome,
        cause=cause,
        as_of=as_of,
        finished_at=now,
        run_id=run_id,
        detail=dict(detail or {}),
    )
    stores.state.record_step(step)
    return step


def record_failure(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    job: Job,
    *,
    reason: str,
    now: datetime,
    run_id: str,
    interrupted: bool = False,
) -> Step | None:
    """Writes down that a run failed or was stopped, unless it wrote itself how it ended; gives its lease back."""
    reason = without_password(reason)
    stores.state.release_lease(model.name, run_id)
    for step in stores.state.steps(model.name, batch.key):
        if step.job == job and step.run_id == run_id:
            return None
    step = record_step(
        stores, model, batch, job,
        outcome="interrupted" if interrupted else "failed", cause="run failure",
        as_of=batch.end, now=now, run_id=run_id,
        detail={"reason": reason, "decision": _newest_decision(stores, model, batch)},
    )  # fmt: skip
    if job == "decide":
        standing = read_standing(stores, model, now=now)
        if standing.readiness(batch.key, "decide", now) == "given_up":
            _decide_unknown(stores, model, batch, reason, standing, now=now, run_id=run_id)
    return step


def _decide_unknown(
    stores: Stores, model: DeclaredModel, batch: Batch, reason: str, standing: Standing, *, now: datetime, run_id: str
) -> None:
    """Every batch ends in a recorded decision, also when deciding itself fails again and again."""
    log = stores.state.promotions(model.name)
    decided = decided_by(standing.decisions, standing.watched, now)
    stores.state.record_decision(
        Decision(
            model=model.name,
            batch=batch.key,
            attempt=1 + sum(decision.batch == batch.key for decision in standing.decisions),
            verdict="unknown",
            reason=f"deciding failed {TRIES} times: {reason}",
            cause="run failure",
            triggers=(),
            as_of=batch.end,
            decided_at=now,
            champion_version=log[-1].version if log else None,
            retrospective=batch.key < max(decided, default=""),
            state={"run_id": run_id, "outbox_id": stores.state.last_outbox_id()},
        ),
        run_id=run_id,
    )


def _newest_decision(stores: Stores, model: DeclaredModel, batch: Batch) -> int:
    return max((decision.attempt for decision in stores.state.decisions(model.name, batch.key)), default=0)


@contextmanager
def lease(
    stores: Stores, model: DeclaredModel, *, owner: str, now: datetime, also_retired: bool = False
) -> Generator[None]:
    """Holds the model for one run, however long it takes.

    Raises:
        LeaseHeldError: another run holds it.
        RefusedError: the model was retired (unless `also_retired`), or has another name.
    """
    take_lease(stores, model.name, owner=owner, now=now, also_retired=also_retired)
    begun = time.monotonic()
    try:
        with keep_lease(
            stores,
            model.name,
            owner=owner,
            clock=lambda: now + timedelta(seconds=time.monotonic() - begun),
            also_retired=also_retired,
        ):
            yield
    finally:
        stores.state.release_lease(model.name, owner)


def keep_lease(
    stores: Stores,
    model: str,
    *,
    owner: str,
    clock: Callable[[], datetime],
    wait: Callable[[threading.Event], bool] = lambda stopped: stopped.wait(LEASE_RENEWAL.total_seconds()),
    also_retired: bool = False,
) -> Heartbeat:
    """A heartbeat, not yet started, that renews a lease which was taken; `clock` tells the time of each renewal."""
    return Heartbeat(lambda: take_lease(stores, model, owner=owner, now=clock(), also_retired=also_retired), wait=wait)


def take_lease(stores: Stores, model: str, *, owner: str, now: datetime, also_retired: bool = False) -> None:
    """Takes or renews the lease of a model.

    Raises:
        LeaseHeldError: another run holds it.
        RefusedError: the model was retired (unless `also_retired`), or has another name.
    """
    if stores.state.acquire_lease(model, owner, ttl=LEASE_TTL, now=now):
        # Asked with the lease in hand: who retires or renames a model holds it meanwhile.
        moves = stores.state.model_moves()
        away = out_of_service(moves, model)
        if away is None or (also_retired and is_retired(moves, model)):
            return
        stores.state.release_lease(model, owner)
        raise RefusedError(away)
    raise LeaseHeldError(held_by(model, stores.state.lease_owner(model, now=now)))


def held_by(model: str, holder: str | None) -> str:
    """Why a model cannot be worked on now, and what a person can do about it."""
    if holder is not None and holder.startswith(RENAMING):
        return (
            f"{model} is held for {holder}: wait until that has ended; if it was killed, repeat the same "
            "`retrain-assets rename`, which ends it. Until then the lease does not expire"
        )
    return (
        f"{model} is being worked on by run {holder}: wait until that run has ended, or cancel it on Dagster's page of "
        f"runs if it must not wait, and repeat this (what a killed process left behind is free "
        f"{LEASE_TTL.total_seconds():.0f} seconds later)"
    )


def _revision(stores: Stores, model: DeclaredModel, batch: Batch) -> int:
    arrivals = stores.state.arrivals(model.name, batch.key)
    return arrivals[-1].revision if arrivals else 0
