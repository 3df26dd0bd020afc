"""What became of the newest candidate that was judged, or of a retrain that had no rows to train on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from retrain_assets.promotion.approvals import Hold
from retrain_assets.promotion.log import Promotion

if TYPE_CHECKING:
    from retrain_assets.stores.protocols import Step


def _judged_last(steps: Sequence[Step]) -> Step | None:
    judged = (step for step in steps if step.job == "retrain" and step.outcome == "done" and "outcome" in step.detail)
    return next(reversed(list(judged)), None)


def _ended_hold(version: int, holds: Sequence[Hold]) -> Hold | None:
    return next((hold for hold in reversed(holds) if hold.request.version == version and not hold.open), None)


def lapsed(steps: Sequence[Step], holds: Sequence[Hold], log: Sequence[Promotion]) -> str | None:
    """What persons were asked, and what nobody answered in time or no answer counts for any more."""
    last = _judged_last(steps)
    ended = None if last is None else _ended_hold(last.detail["version"], holds)
    told = [] if last is None else [step for step in steps if step.job != "retrain" or step.outcome == "done"]
    return (
        last_retrain(told, holds, log, now=None) if ended is not None and ended.state in ("void", "expired") else None
    )


def last_retrain(
    steps: Sequence[Step], holds: Sequence[Hold], log: Sequence[Promotion], *, now: datetime | None
) -> str | None:
    """The newest candidate that was judged; of one that was held or promoted, what became of it since.

    Of a retrain since then that was refused before it had a candidate, why.

    With `now`, one whose time to be approved has passed is not told as one that can be.
    """
    last = _judged_last(steps)
    newest = next((step for step in reversed(steps) if step.job == "retrain"), None)
    if newest is not None and newest.outcome == "refused":
        return f"the retrain of {newest.batch} could not begin: {newest.detail.get('reason', 'refused')}"
    if last is None:
        return None
    version, outcome = last.detail["version"], last.detail["outcome"]
    ended_hold = _ended_hold(version, holds)
    if outcome == "held" and ended_hold is not None:
        answer = ended_hold.answers[-1]
        became = "promoted" if ended_hold.promoted else f"{ended_hold.state}: {answer.person}: {answer.reason}"
        return f"v{version} of {last.batch} was held for approval, and is {became}"
    waits = next((hold for hold in holds if hold.request.version == version and hold.state == "pending"), None)
    if outcome == "held" and waits is not None and now is not None and now >= waits.request.expires_at:
        return f"v{version} of {last.batch} was held for approval, and nobody gave it in time"
    if (
        outcome == "promoted"
        and log[-1:]
        and log[-1].version != version
        and any((before.version, after.action) == (version, "rollback") for before, after in pairwise(log))
    ):
        outcome = "promoted, and rolled back since"
    return f"v{version} of {last.batch} {outcome}: {last.detail['reason']}"
