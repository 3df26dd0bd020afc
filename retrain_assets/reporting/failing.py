"""Jobs that failed and are to be tried again: told from the state database alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from retrain_assets.stores.tries import TRIES, failures_in_a_row, rest_after, told_failures

if TYPE_CHECKING:
    from retrain_assets.policy.decision import Decision
    from retrain_assets.stores.protocols import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingJob:
    """A job whose newest tries failed; `until` is when its rest is over, None where it is due again already."""

    job: str
    batch: str
    failures: int
    until: datetime | None
    text: str


def failing_jobs(
    steps: Sequence[Step],
    decisions: Sequence[Decision],
    *,
    delivered: Mapping[str, datetime],
    labels_delivered: Mapping[str, datetime],
    now: datetime,
) -> tuple[FailingJob, ...]:
    """The jobs `settle`, `watch` and `decide` that failed, in the order of their batches.

    A retrain is told by how the decision for it stands.

    Args:
        steps: all steps of the model, in order.
        decisions: all its decisions.
        delivered: when each batch was last seen to be delivered; what failed before does not count.
        labels_delivered: the same of its labels.
        now: wall time.
    """
    by_job: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for step in steps:
        by_job[step.batch, step.job].append(step)
    found: list[FailingJob] = []
    for (batch, job), own in sorted(by_job.items()):
        times = [delivered.get(batch), labels_delivered.get(batch) if job == "settle" else None]
        since = max((time for time in times if time is not None), default=None)
        failed = failures_in_a_row(own, since, now)
        if job == "retrain" or not failed:
            continue
        rest = rest_after(failed, now)
        if job == "decide" and any(
            made.batch == batch and made.decided_at >= failed[0].finished_at for made in decisions
        ):
            continue  # decided since, by a person, or as unknown because deciding failed so often
        if rest is None and job == "decide" and any(step.outcome not in ("failed", "interrupted") for step in own):
            continue  # it was done before, and comes again only with something new
        found.append(
            FailingJob(
                job=job,
                batch=batch,
                failures=len(failed),
                until=None if rest is None else rest.until,
                text=f"{told_failures(failed)}, and is due again" if rest is None else rest.reason + _given_up(failed),
            )
        )
    return tuple(found)


def _given_up(failed: Sequence[Step]) -> str:
    return "; what follows no longer waits for it" if len(failed) >= TRIES else ""
