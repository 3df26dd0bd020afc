"""What would have made a decision another one: told from the condition itself, one change at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.decision import TriggerState, Verdict
from retrain_assets.policy.holds import hold_for_person
from retrain_assets.policy.limits import Limit, binding_limits

PERSON = "person"


def what_would_change(
    context: DecisionContext,
    triggers: Sequence[TriggerState],
    *,
    verdict: Verdict,
    limits: Sequence[Limit] = (),
    refused: bool = False,
) -> str:
    """What would have made it another one, in words.

    Args:
        context: the facts of the decision.
        triggers: every trigger, evaluated.
        verdict: that it came to.
        limits: that bound it.
        refused: whether a person has refused the retrain.
    """
    aside = {
        "the batch, delivered so that it is accepted": context.batch_refused is not None,
        "nothing: a newer batch is decided": context.retrospective,
        f"{_answered(context)}, or `--reject`": verdict == "hold",
        _limited(context, limits): bool(limits),
        "a later batch: a person has refused this one": refused,
    }
    first = next((said for said, holds in aside.items() if holds), None)
    if first is not None:
        return first
    if context.champion is None and verdict == "retrain":
        return "fewer labelled rows"
    if context.champion is None:
        rows = f"{context.spec.window.min_rows:,} labelled rows"
        if context.judging is not None and sum(context.judging) < context.spec.promote.min_rows:
            rows = f"{rows}, and {context.spec.promote.min_rows:,} to judge by"
        return f"{rows}{_also(_binds_everybody(context))}"
    return _turned(context, triggers, wanted=verdict == "retrain")


def _answered(context: DecisionContext) -> str:
    return f"a person's answer: `retrain-assets hold {context.spec.name} --resume`"


def _binds_everybody(context: DecisionContext) -> list[str]:
    """What would still keep a retrain waiting that a person asks for: what ends it."""
    held = [] if hold_for_person(context) is None else [_answered(context)]
    return held + [_ended(limit) for limit in binding_limits(replace(context, persons=(PERSON,)))]


def _limited(context: DecisionContext, limits: Sequence[Limit]) -> str:
    """What ends them; what a person need not wait for stands with the person."""
    everybody, ends = _binds_everybody(context), [_ended(limit) for limit in limits]
    spared = [end for end in ends if end not in everybody]
    return f"{'; '.join(spared)} or {PERSON}{_also(everybody)}" if spared else "; ".join(ends)


def _also(ends: Sequence[str]) -> str:
    return "".join(f", and {each}" for each in ends)


def _ended(limit: Limit) -> str:
    """What ends a limit."""
    if limit.until is not None:
        return f"the end of the {limit.name.replace('_', ' ')} at {limit.until:%Y-%m-%d %H:%M}"
    return {
        "newer_data": "labels of a batch that the last attempt did not have",
        "shared_budget": "a retrain that the shared budget has left for this model",
        "confirmation": "the condition, in enough of the next decisions",
        "post_change_data": "enough labelled rows since the change",
    }.get(limit.name, f"the end of the {limit.name}")


def _turned(context: DecisionContext, triggers: Sequence[TriggerState], *, wanted: bool) -> str:
    """The triggers each of which alone would have turned the condition round."""
    truth = {state.name: state.fired if state.applicable else False for state in triggers}
    expression, turning = context.spec.retrain.expression, list[str]()
    asked = truth[PERSON] is True
    for state in triggers:
        if not state.applicable or state.name not in expression.names() - {PERSON} or asked:
            continue
        for value in (True, False):
            changed = expression.evaluate({**truth, state.name: value}) is True
            if value is not state.fired and changed is not wanted:
                turning.append(state.name if value else f"no {state.name}")
    if not wanted:
        everybody = _binds_everybody(context)
        others = [end for limit in binding_limits(context) if (end := _ended(limit)) not in everybody]
        # What a person need not wait for stands with the triggers alone.
        fires = f"{' or '.join(turning)} ({_also(others).removeprefix(', ')})" if others else " or ".join(turning)
        return " or ".join([*([fires] if turning else []), PERSON]) + _also(everybody)
    if not asked:
        return " or ".join(turning) or f"more than one trigger: {context.spec.retrain.when}"
    without = expression.evaluate({**truth, PERSON: False}) is True
    return f"more than one trigger: {PERSON} and {context.spec.retrain.when}" if without else "no request of a person"
