"""Jobs that failed rest before they are tried again, and a decided retrain waits for the end of the quiet hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrain_assets.policy.decision import Decision
    from retrain_assets.spec import RetrainSpec
    from retrain_assets.stores.protocols import Step

TRIES = 3
"""A job that failed so often in a row no longer holds up what comes after it; it is tried again all the same."""
RESTS = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
"""Time to the next try after the first, second, ... failure in a row; the last holds for all further ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A job that comes first and may not run yet: nothing after it may run now."""

    reason: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedRetrain:
    """A retrain that was decided and has not ended; `tries` counts those before, `rest` says why it waits."""

    tries: int
    rest: Rest | None


def failures_in_a_row(steps: Sequence[Step], since: datetime | None, now: datetime) -> list[Step]:
    """The newest tries of a job, newest first, if they failed; those before a newer delivery do not count.

    A delivery that lies ahead was recorded by a clock that has gone back since: what failed until then is no older.
    """
    since = None if since is not None and since > now else since
    failed: list[Step] = []
    for step in reversed(steps):
        if step.outcome not in ("failed", "interrupted") or (since is not None and step.finished_at < since):
            break
        if step.outcome == "failed":
            failed.append(step)
    return failed


def rest_until(failures: int, ended_at: datetime, now: datetime) -> datetime | None:
    """When the rest that failures in a row impose is over, of which the newest ended then; None when it is.

    A failure that lies further ahead than its rest was written by a clock that has gone back since. It says nothing of
    when to try again, and would hold everything up until that time comes.
    """
    rest = RESTS[min(failures, len(RESTS)) - 1]
    return None if now >= ended_at + rest or ended_at - now > rest else ended_at + rest


def rest_after(failed: Sequence[Step], now: datetime) -> Rest | None:
    """The rest that failures in a row impose, newest first; None when it is over."""
    if not failed:
        return None
    until = rest_until(len(failed), failed[0].finished_at, now)
    if until is None:
        return None
    return Rest(reason=f"{told_failures(failed)}, and is tried again from {until:%Y-%m-%d %H:%M:%S} UTC", until=until)


def told_failures(failed: Sequence[Step]) -> str:
    """Which job of which batch failed how often in a row, and why the newest time; newest first."""
    newest = failed[0]
    times = f" {len(failed)} times" if len(failed) > 1 else ""
    # What a library raised may go on for many lines; the run's page in Dagster has them.
    why = next(iter(str(newest.detail.get("reason") or "").strip().splitlines()), "")
    return f"{newest.job} of {newest.batch} failed{times}" + (f" ({why})" if why else "")


def decided_retrain(
    spec: RetrainSpec, decision: Decision | None, steps: Sequence[Step], *, since: datetime | None, now: datetime
) -> DecidedRetrain | None:
    """How the retrain stands that the decision in force asked for; None where it asked for none, or all has ended.

    Args:
        spec: The section `retrain` of the declaration.
        decision: The decision in force.
        steps: All steps of retrains of its batch, in order.
        since: When its batch was delivered; failures before do not count as a reason to rest.
        now: Wall time.
    """
    if decision is None or decision.verdict != "retrain":
        return None
    own = [step for step in steps if step.detail.get("decision", decision.attempt) == decision.attempt]
    failures = sum(step.outcome == "failed" for step in own)
    if failures >= spec.max_attempts or any(step.outcome not in ("failed", "interrupted") for step in own):
        return None
    quiet = spec.quiet_hours
    if quiet is not None and quiet.hold(now):
        until = quiet.end_after(now)
        reason = f"retrain of {decision.batch} waits for the end of the quiet hours, {until:%Y-%m-%d %H:%M} UTC"
        return DecidedRetrain(tries=len(own), rest=Rest(reason=reason, until=until))
    rest = rest_after(failures_in_a_row(steps, since, now), now) if failures else None
    return DecidedRetrain(tries=len(own), rest=rest)
