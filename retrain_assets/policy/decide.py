"""From the facts of a batch to its decision.

A refused batch is `unknown`. Otherwise the triggers decide: `first_model` while there is no champion, else the declared
expression; a person's request always counts. What they ask for is bound by newer data, cooldown and budget, whoever
asks. A retrospective decision is recorded and launches nothing. What nothing binds is held for a person where the drift
is beyond all that was seen. The person's answer is good for the decision that sees it, whatever comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from retrain_assets.policy.champion_staleness import champion_staleness
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.decision import Decision, TriggerState, Verdict
from retrain_assets.policy.holds import Answer, answer_to_hold, hold_for_person
from retrain_assets.policy.left import left_of_limits
from retrain_assets.policy.limits import Limit, binding_limits
from retrain_assets.policy.otherwise import what_would_change
from retrain_assets.policy.triggers import FIRST_MODEL, champion_decay, evaluate_triggers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ruling:
    verdict: Verdict
    reason: str
    limits: tuple[Limit, ...] = ()
    wanted: bool | None = None
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])


def decide(context: DecisionContext) -> Decision:
    """The decision of a batch, with every trigger and the one sentence that tells what decided."""
    triggers = evaluate_triggers(context)
    ruling = _ruling(context, triggers)
    return Decision(
        model=context.spec.name,
        batch=context.batch.key,
        attempt=context.attempt,
        verdict=ruling.verdict,
        reason=ruling.reason if context.unscored is None else f"{ruling.reason}; {context.unscored}",
        cause=context.cause,
        triggers=triggers,
        as_of=context.as_of,
        decided_at=context.now,
        champion_version=None if context.champion is None else context.champion.version,
        retrospective=context.retrospective,
        state={
            **ruling.state,
            **_learned(context),
            "wanted": ruling.wanted,
            "left": left_of_limits(context),
            "would_change": what_would_change(
                context,
                triggers,
                verdict=ruling.verdict,
                limits=ruling.limits,
                refused=ruling.state.get("hold_answer") == "rejected",
            ),
        },
    )


def _learned(context: DecisionContext) -> dict[str, Any]:
    """What the policy knows by now of scale, noise and staleness; stored with the decision."""
    learned: dict[str, Any] = {}
    verdict = champion_staleness(context)
    if verdict is not None:
        learned["staleness"] = verdict.record()
    decay = None if context.champion is None else champion_decay(context)
    if decay is not None and decay.value is not None:
        learned["decay"] = {"value": decay.value, "limit": decay.limit}
    if context.open_hold is not None:
        learned["open_hold"] = context.open_hold
    return learned


def _ruling(context: DecisionContext, triggers: Sequence[TriggerState]) -> _Ruling:
    if context.batch_refused is not None:
        return _Ruling(verdict="unknown", reason=f"batch refused: {context.batch_refused}")
    answer = None if context.retrospective else answer_to_hold(context)
    ruling = _judged(context, triggers, answer)
    if answer is None:
        return ruling
    return replace(ruling, state={**ruling.state, "hold_answer": answer.standing})


def _judged(context: DecisionContext, triggers: Sequence[TriggerState], answer: Answer | None) -> _Ruling:
    truth = {state.name: state.fired if state.applicable else False for state in triggers}
    wanted = _wanted(context, truth)
    relevant = _relevant(context, triggers)
    if wanted is None:
        return _Ruling(verdict="unknown", reason=f"cannot be known: {_sentences(relevant, None)}{_also(answer)}")
    if not wanted:
        moot = "; nothing is left to retrain for" if answer is not None and answer.standing == "resumed" else ""
        return _Ruling(verdict="wait", reason=f"{_why_wait(context, relevant)}{_also(answer)}{moot}", wanted=False)
    why = _sentences(relevant, True) or f"{context.spec.retrain.when} holds"
    if context.retrospective:
        newer = f"a decision for {context.newest_decided}, a newer batch, was already made"
        return _Ruling(verdict="wait", reason=f"retrospective, launches nothing: {newer} ({why})")
    if answer is not None and answer.standing == "rejected":
        return _Ruling(verdict="wait", reason=f"{answer.reason} ({why})", wanted=True)
    return _unless_bound(context, why, answer)


def _unless_bound(context: DecisionContext, why: str, answer: Answer | None) -> _Ruling:
    """A wish to retrain, which a person or a limit may hold back.

    The person comes first: a drift beyond all that a cooldown kept waiting would count as seen at the next batch.
    """
    hold = hold_for_person(context)
    if hold is not None:
        reason = f"{hold.reason} ({why}){_also(answer)}"
        return _Ruling(verdict="hold", reason=reason, wanted=True, state={"hold": hold.since})
    limits = binding_limits(context)
    if limits:
        return _Ruling(
            verdict="wait",
            reason=f"{'; '.join(limit.reason for limit in limits)} ({why}){_also(answer)}",
            limits=limits,
            wanted=True,
            state={"bound_by": [_limit_state(limit) for limit in limits]},
        )
    return _Ruling(verdict="retrain", reason=why if answer is None else f"{answer.reason} ({why})", wanted=True)


def _also(answer: Answer | None) -> str:
    return "" if answer is None else f"; {answer.reason}"


def _wanted(context: DecisionContext, truth: Mapping[str, bool | None]) -> bool | None:
    """Kleene truth of what asks for a retrain."""
    if context.champion is None:
        # A first model cannot be asked for before there are rows to train it.
        return truth[FIRST_MODEL]
    return True if truth["person"] else context.spec.retrain.expression.evaluate(truth)


def _relevant(context: DecisionContext, triggers: Sequence[TriggerState]) -> list[TriggerState]:
    if context.champion is None:
        return [state for state in triggers if state.name == FIRST_MODEL]
    return [state for state in triggers if state.applicable]


def _sentences(triggers: Sequence[TriggerState], fired: bool | None) -> str:
    return "; ".join(f"{state.name}: {state.reason}" for state in triggers if state.fired is fired)


def _why_wait(context: DecisionContext, relevant: Sequence[TriggerState]) -> str:
    if context.champion is None:
        return _sentences(relevant, False)
    fired = _sentences(relevant, True)
    if fired:
        return f"{context.spec.retrain.when} does not hold ({fired})"
    names = [state.name for state in relevant if state.name != "person"]
    return f"no trigger fired ({', '.join(names) or 'none applies'})"


def _limit_state(limit: Limit) -> dict[str, str | None]:
    return {"limit": limit.name, "until": limit.until.isoformat() if limit.until else None}
