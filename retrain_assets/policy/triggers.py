"""The triggers: each tells whether it fires and why (not), from the context alone.

Every trigger is evaluated for every decision, also one that `retrain.when` does not name: a person sees what it would
have said. Only those that apply count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from retrain_assets.drift.episodes import Episode
from retrain_assets.performance.decay import performance_decay as judge_decay
from retrain_assets.performance.estimation import estimated_decay as judge_estimates
from retrain_assets.performance.expected import expectable
from retrain_assets.performance.slice_decay import slice_decay as judge_slices
from retrain_assets.policy.champion_staleness import champion_staleness
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.cron import Cron
from retrain_assets.policy.decision import TriggerState
from retrain_assets.spec import format_duration
from retrain_assets.spec.holdout import holdout_batches

FIRST_MODEL = "first_model"


def evaluate_triggers(context: DecisionContext) -> tuple[TriggerState, ...]:
    """The state of every trigger, in the order of the declaration's list; `first_model` first while bootstrapping."""
    named = context.spec.retrain.expression.names() | {"person"}
    states = [
        state
        if state.name in named
        else replace(state, applicable=False, reason=f"{state.reason} (not in retrain.when)")
        for state in (trigger(context) for trigger in TRIGGER_FUNCTIONS.values())
    ]
    return tuple(states) if context.champion is not None else (first_model(context), *states)


def first_model(context: DecisionContext) -> TriggerState:
    """There is no champion, and enough labelled rows to train one."""
    rows, needed = context.labelled_rows, context.spec.window.min_rows
    if rows >= needed:
        return _fires(
            FIRST_MODEL, f"there is no champion yet and {rows:,} labelled rows to train one ({needed:,} needed)"
        )
    return _waits(FIRST_MODEL, f"there is no champion yet and {rows:,} labelled rows are too few ({needed:,} needed)")


def staleness(context: DecisionContext) -> TriggerState:
    """What staleness has cost since the last training outweighs `retrain.cost`."""
    name = "staleness"
    if context.champion is None:
        return _no_champion(name)
    if context.holdout is None or context.trained_rows is None:
        return _unknown(name, "the champion's holdout loss and training rows are not recorded (it was adopted)")
    verdict = champion_staleness(context)
    if verdict is None:
        return _waits(name, "no batch since the last training has labels yet")
    return TriggerState(name=name, fired=verdict.fired, reason=verdict.reason)


def performance_decay(context: DecisionContext) -> TriggerState:
    """The champion's matured losses are worse than its holdout loss by more than noise."""
    name = "performance_decay"
    if context.champion is None:
        return _no_champion(name)
    spec = context.spec
    verdict = judge_decay(
        context.losses,
        context.holdout,
        spec.retrain.decay,
        holdout_batches=holdout_batches(spec),
        metric=spec.metric,
    )
    return TriggerState(name=name, fired=verdict.fired, reason=verdict.reason)


def estimated_decay(context: DecisionContext) -> TriggerState:
    """The champion's batches without labels are estimated to be worse than its holdout by more than noise."""
    name, spec = "estimated_decay", context.spec
    if context.champion is None:
        return _no_champion(name)
    if not expectable(spec.metric):
        return TriggerState(
            name=name, fired=False, applicable=False, reason="a predicted value does not tell how wrong it may be"
        )
    verdict = judge_estimates(context.estimates, context.holdout, spec.retrain.decay, metric=spec.metric)
    return TriggerState(name=name, fired=verdict.fired, reason=verdict.reason)


def slice_decay(context: DecisionContext) -> TriggerState:
    """A declared slice has become worse against the whole than it used to be."""
    name = "slice_decay"
    if context.champion is None:
        return _no_champion(name)
    if not context.spec.retrain.slices:
        return _not_declared(name, "retrain.slices")
    loss = None if context.holdout is None else context.holdout.value
    verdict = judge_slices(context.slices, loss, context.spec.retrain.decay)
    return TriggerState(name=name, fired=verdict.fired, reason=verdict.reason)


def drift(context: DecisionContext) -> TriggerState:
    """A drift episode is open that no decision has acknowledged."""
    name, report, episode = "drift", context.drift, context.episode
    if context.champion is None:
        return _no_champion(name)
    if report is None:
        return _unknown(name, "the batch has no drift report")
    if report.verdict != "drift":
        fired = None if report.verdict == "unknown" else False
        return TriggerState(name=name, fired=fired, applicable=report.verdict != "not_applicable", reason=report.reason)
    growth = context.spec.drift.rearm_growth
    if episode is None or episode.alarming(growth, context.labelled_until):
        return _fires(name, f"{report.reason}{_why_again(episode, growth)}")
    return _waits(
        name,
        f"{report.reason}; episode {episode.id} was acknowledged by the decision of {episode.acknowledged_batch} "
        f"and has neither grown {growth:g}-fold nor got its first labels since",
    )


def _why_again(episode: Episode | None, growth: float) -> str:
    if episode is None or episode.acknowledged_score is None:
        return ""
    if episode.score >= episode.acknowledged_score * growth:
        return f"; grown {growth:g}-fold since {episode.acknowledged_batch}"
    return f"; its first labels have matured since the decision of {episode.acknowledged_batch}"


def model_age(context: DecisionContext) -> TriggerState:
    """The champion's training end is older than `freshness.model_age`, in batch time."""
    name, age, limit = "model_age", context.model_age, context.spec.freshness.model_age
    if age is None:
        return _no_champion(name)
    if limit is None:
        return _not_declared(name, "freshness.model_age")
    old = age > limit
    sentence = f"the champion's training end is {format_duration(age)} old, {format_duration(limit)} may be"
    return TriggerState(name=name, fired=old, reason=sentence)


def freshness(context: DecisionContext) -> TriggerState:
    """The FreshnessPolicy on the champion failed, in wall time."""
    name, limit = "freshness", context.spec.freshness.champion
    if context.champion is None:
        return _no_champion(name)
    if limit is None:
        return _not_declared(name, "freshness.champion")
    if context.freshness_failed:
        return _fires(name, f"the FreshnessPolicy on the champion failed: no promotion for {format_duration(limit)}")
    return _waits(name, "the FreshnessPolicy on the champion has not failed since the last promotion")


def new_labels(context: DecisionContext) -> TriggerState:
    """At least `retrain.min_new_labels` labels matured since the champion's training end."""
    name, needed = "new_labels", context.spec.retrain.min_new_labels
    if context.champion is None:
        return _no_champion(name)
    sentence = f"{context.new_labels:,} labels matured since the champion's training end, {needed:,} are asked for"
    return TriggerState(name=name, fired=context.new_labels >= needed, reason=sentence)


def changed_declaration(context: DecisionContext) -> TriggerState:
    """The declaration differs from the one that trained the champion."""
    name, trained, current = "changed_declaration", context.champion_training_hash, context.current_training_hash
    if context.champion is None:
        return _no_champion(name)
    if trained is None:
        return _unknown(name, "the declaration that trained the champion is not known")
    if trained == current:
        return _waits(name, f"the declaration is the one that trained the champion ({current})")
    return _fires(name, f"the declaration changed: {current}; the champion was trained by {trained}")


def schedule(context: DecisionContext) -> TriggerState:
    """The cron expression `retrain.schedule` came due within the batch's window."""
    name, expression = "schedule", context.spec.retrain.schedule
    if expression is None:
        return _not_declared(name, "retrain.schedule")
    due = Cron.parse(expression).next(context.batch.start)
    if due is None:
        return _waits(name, f"'{expression}' never comes due")
    if due < context.batch.end:
        return _fires(name, f"'{expression}' came due at {due:%Y-%m-%d %H:%M} UTC")
    return _waits(name, f"'{expression}' next comes due at {due:%Y-%m-%d %H:%M} UTC")


def event(context: DecisionContext) -> TriggerState:
    """A business event was recorded that no retrain has answered yet."""
    if context.events:
        return _fires("event", f"not answered yet: {'; '.join(context.events)}")
    return _waits("event", "no business event that a retrain has not answered")


def person(context: DecisionContext) -> TriggerState:
    """A person asked for a retrain; counts whatever `retrain.when` names."""
    if context.persons:
        return _fires("person", f"asked for: {'; '.join(context.persons)}")
    return _waits("person", "no person asks for a retrain")


Trigger = Callable[[DecisionContext], TriggerState]

TRIGGER_FUNCTIONS: dict[str, Trigger] = {
    "staleness": staleness,
    "performance_decay": performance_decay,
    "estimated_decay": estimated_decay,
    "slice_decay": slice_decay,
    "drift": drift,
    "model_age": model_age,
    "freshness": freshness,
    "new_labels": new_labels,
    "changed_declaration": changed_declaration,
    "schedule": schedule,
    "event": event,
    "person": person,
}


def _fires(name: str, reason: str) -> TriggerState:
    return TriggerState(name=name, fired=True, reason=reason)


def _waits(name: str, reason: str) -> TriggerState:
    return TriggerState(name=name, fired=False, reason=reason)


def _unknown(name: str, reason: str) -> TriggerState:
    return TriggerState(name=name, fired=None, reason=reason)


def _no_champion(name: str) -> TriggerState:
    return TriggerState(name=name, fired=False, applicable=False, reason="there is no champion yet")


def _not_declared(name: str, field: str) -> TriggerState:
    return TriggerState(name=name, fired=False, applicable=False, reason=f"{field} is not declared")
