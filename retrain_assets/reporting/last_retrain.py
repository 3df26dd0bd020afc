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


def _what_became(last: Step, ended: Hold) -> str:
    answer = ended.answers[-1]
    became = "promoted" if ended.promoted else f"{ended.state}: {answer.person}: {answer.reason}"
    return f"v{last.detail['version']} of {last.batch} was held for approval, and is {became}"


def lapsed(steps: Sequence[Step], holds: Sequence[Hold]) -> str | None:
    """What persons were asked, and what nobody answered in time or no answer counts for any more."""
    last = _judged_last(steps)
    if last is None or last.detail["outcome"] != "held":
        return None
    ended = _ended_hold(last.detail["version"], holds)
    return None if ended is None or ended.state not in ("void", "expired") else _what_became(last, ended)


def last_retrain(
    steps: Sequence[Step], holds: Sequence[Hold], log: Sequence[Promotion], *, now: datetime
) -> str | None:
    """The newest candidate that was judged; of one that was held or promoted, what became of it since.

    Of a retrain since then that was refused before it had a candidate, why.

    One whose time to be approved has passed is not told as one that can be, though nobody has ended its hold yet.
    """
    last = _judged_last(steps)
    newest = next((step for step in reversed(steps) if step.job == "retrain"), None)
    if newest is not None and newest.outcome == "refused":
        return f"the retrain of {newest.batch} could not begin: {newest.detail.get('reason', 'refused')}"
    if last is None:
        return None
    version, outcome = last.detail["version"], last.detail["outcome"]
    ended = _ended_hold(version, holds)
    if outcome == "held" and ended is not None:
        return _what_became(last, ended)
    waits = next((hold for hold in holds if hold.request.version == version and hold.state == "pending"), None)
    if outcome == "held" and waits is not None and now >= waits.request.expires_at:
        return f"v{version} of {last.batch} was held for approval, and nobody gave it in time"
    if (
        outcome == "promoted"
        and log[-1:]
        and log[-1].version != version
        and any((before.version, after.action) == (version, "rollback") for before, after in pairwise(log))
    ):
        outcome = "promoted, and rolled back since"
    return f"v{version} of {last.batch} {outcome}: {last.detail['reason']}"
