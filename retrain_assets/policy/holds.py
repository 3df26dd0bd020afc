"""A retrain that is held for a person, because the drift is beyond all that was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retrain_assets.policy.context import DecisionContext

Standing = Literal["held", "resumed", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """How a hold stands; `since` is the batch whose decision began it."""

    standing: Standing
    since: str
    reason: str


def hold_for_person(context: DecisionContext) -> Hold | None:
    """The hold that this decision meets or begins; None without one.

    It begins with a batch whose drift score exceeds `retrain.hold_beyond` times the largest of all batches before, and
    lasts, whatever later batches look like, until a person resumes or rejects it. An answer is good for one decision.
    """
    if context.champion is None:
        return None
    if context.open_hold is not None:
        since = context.open_hold
        if context.rejected:
            return Hold(standing="rejected", since=since, reason=f"a person rejected it: {'; '.join(context.rejected)}")
        if context.resumed:
            return Hold(standing="resumed", since=since, reason=f"a person resumed it: {'; '.join(context.resumed)}")
        return Hold(standing="held", since=since, reason=f"held for a person since {since}: nobody has answered yet")
    beyond = _beyond(context)
    return None if beyond is None else Hold(standing="held", since=context.batch.key, reason=beyond)


def _beyond(context: DecisionContext) -> str | None:
    factor, largest = context.spec.retrain.hold_beyond, context.largest_drift
    score = None if context.drift is None else context.drift.score
    if factor is None or largest is None or score is None or largest <= 0 or score <= factor * largest:
        return None
    return (
        f"drift is beyond all that was seen: score {score:.3g}, the largest before was {largest:.3g} and "
        f"{factor:g} times that is allowed; `retrain-assets hold {context.spec.name} --resume` or `--reject` answers"
    )
