"""A retrain that is held for a person, because the drift is beyond all that was seen; and what the person answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from retrain_assets.policy.context import DecisionContext
    from retrain_assets.policy.decision import Decision

Standing = Literal["resumed", "rejected", "overtaken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold that binds; `since` is the batch whose decision began it."""

    since: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person's answer comes to; it is `overtaken` where the drift is another one than was asked about."""

    standing: Standing
    reason: str


def open_hold(decisions: Sequence[Decision]) -> Decision | None:
    """The decision that began the hold which nobody has answered; None without one."""
    began: Decision | None = None
    for made in decisions:
        if made.retrospective:
            continue
        if "hold_answer" in made.state:
            began = None
        if "hold" in made.state and (began is None or made.state["hold"] != began.batch):
            began = made
    return began


def answer_to_hold(context: DecisionContext) -> Answer | None:
    """What a person said to the open hold; None where nobody did.

    It is good for one decision, the next one that may launch something, whatever that comes to: it ends the hold there.
    """
    if context.open_hold is None or not (context.rejected or context.resumed):
        return None
    verb = "rejected" if context.rejected else "resumed"
    said = f"{'; '.join(context.rejected or context.resumed)} (held since {context.open_hold})"
    if _beyond_anew(context) is not None:
        return Answer(standing="overtaken", reason=f"a person {verb} an earlier drift, not this one: {said}")
    return Answer(standing=verb, reason=f"a person {verb} it: {said}")


def hold_for_person(context: DecisionContext) -> Hold | None:
    """The hold that this decision begins or meets unanswered; None without one.

    It begins with a batch whose drift score exceeds `retrain.hold_beyond` times the largest of all batches before, and
    lasts, whatever later batches look like, until a person resumes or rejects it. A drift that is beyond that of an
    open hold begins another: nobody was asked about it yet.
    """
    if context.champion is None:
        return None
    beyond = _beyond_anew(context)
    if beyond is not None:
        return Hold(since=context.batch.key, reason=beyond)
    if context.open_hold is None or context.resumed or context.rejected:
        return None
    since = context.open_hold
    return Hold(since=since, reason=f"held for a person since {since}: nobody has answered yet")


def _beyond_anew(context: DecisionContext) -> str | None:
    """Why the drift is beyond all that was seen, unless the open hold is about this very batch."""
    factor, largest = context.spec.retrain.hold_beyond, context.largest_drift
    score = None if context.drift is None else context.drift.score
    if context.open_hold == context.batch.key:
        return None
    if factor is None or largest is None or score is None or largest <= 0 or score <= factor * largest:
        return None
    return (
        f"drift is beyond all that was seen: score {score:.3g}, the largest before was {largest:.3g} and "
        f"{factor:g} times that is allowed; `retrain-assets hold {context.spec.name} --resume` or `--reject` answers"
    )
