"""The triggers: each tells whether it fires and why (not), from the context alone.

Every trigger is evaluated for every decision, also one that `retrain.when` does not name: a person sees what it would
have said. Only those that apply count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from retrain_assets.data.windows import Calendar
from retrain_assets.drift.wording import plural
from retrain_assets.performance.decay import DecayVerdict
from retrain_assets.performance.decay import performance_decay as judge_decay
from retrain_assets.performance.error_regression import LEAST_BATCHES
from retrain_assets.performance.estimation import estimated_decay as judge_estimates
from retrain_assets.performance.expected import expectable
from retrain_assets.performance.slice_decay import slice_decay as judge_slices
from retrain_assets.policy.champion_staleness import champion_staleness
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.cron import Cron
from retrain_assets.policy.decision import TriggerState
from retrain_assets.policy.drift_triggers import drift, label_drift, residual_drift, score_drift
from retrain_assets.policy.trigger_states import fires, no_champion, not_declared, unknown, waits
from retrain_assets.spec import format_duration
from retrain_assets.spec.expressions import age_limit
from retrain_assets.spec.holdout import holdout_batches, more_rows_to_judge

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
    limits = {name: limit for name in sorted(named) if (limit := age_limit(name)) is not None}
    states += [_older_than(context, name, limit) for name, limit in limits.items()]
    return tuple(states) if context.champion is not None else (first_model(context), *states)


def first_model(context: DecisionContext) -> TriggerState:
    """There is no champion, and enough labelled rows to train one and to judge it: else no gate could pass it."""
    rows, needed = context.labelled_rows, context.spec.window.min_rows
    if rows < needed:
        few = f"there is no champion yet and {rows:,} labelled rows are too few ({needed:,} needed)"
        return waits(FIRST_MODEL, few)
    unjudged = _too_few_to_judge(context)
    if unjudged is not None:
        return waits(FIRST_MODEL, f"there is no champion yet and {rows:,} labelled rows to train one, but {unjudged}")
    return fires(FIRST_MODEL, f"there is no champion yet and {rows:,} labelled rows to train one ({needed:,} needed)")


def _too_few_to_judge(context: DecisionContext) -> str | None:
    """What is missing of the rows that would judge a first model; None where they are enough, or nobody counts them."""
    judging, spec = context.judging, context.spec
    if judging is None or sum(judging) >= spec.promote.min_rows:
        return None
    rows, needed, most = sum(judging), spec.promote.min_rows, holdout_batches(spec)
    of = plural(len(judging), "matured batch", "matured batches")
    few = f"{rows:,} rows of {of} are too few to judge it ({needed:,} needed)"
    batches = math.ceil(needed * len(judging) / rows) if rows else None
    if len(judging) < most and (batches is None or batches <= most):
        more = None if batches is None else plural(max(1, batches - len(judging)), "more batch", "more batches")
        return few if more is None else f"{few}: at this rate it takes {more}"
    at_this_rate = "" if batches is None else f" (at this rate it takes {batches} batches, and {most} judge)"
    return f"{few}: {more_rows_to_judge(spec.promote)}{at_this_rate}"


def staleness(context: DecisionContext) -> TriggerState:
    """What staleness has cost since the last training outweighs `retrain.cost`."""
    name = "staleness"
    if context.champion is None:
        return no_champion(name)
    if context.holdout is None or context.trained_rows is None:
        lacks = "the champion's holdout loss and training rows are not recorded (it was adopted)"
        return unknown(name, f"{lacks}: a retrain that is promoted records them")
    verdict = champion_staleness(context)
    if verdict is None:
        return waits(name, "no batch since the last training has labels yet")
    return TriggerState(name=name, fired=verdict.fired, reason=verdict.reason)


def performance_decay(context: DecisionContext) -> TriggerState:
    """The champion's matured losses are worse than its holdout loss by more than noise."""
    name = "performance_decay"
    if context.champion is None:
        return no_champion(name)
    verdict = champion_decay(context)
    if verdict.unsure is not None:
        return unknown(name, f"{verdict.reason}; {verdict.unsure}")
    return TriggerState(name=name, fired=verdict.fired, reason=verdict.reason)


def champion_decay(context: DecisionContext) -> DecayVerdict:
    """What `performance_decay` rests on: the champion's newest matured batches against its holdout."""
    spec = context.spec
    return judge_decay(
        context.losses,
        context.holdout,
        spec.retrain.decay,
        holdout_batches=holdout_batches(spec),
        metric=spec.metric,
    )


def estimated_decay(context: DecisionContext) -> TriggerState:
    """The champion's batches without labels are estimated to be worse than its holdout by more than noise."""
    name, spec = "estimated_decay", context.spec
    if context.champion is None:
        return no_champion(name)
    labelled = context.batch.key in {loss.batch for loss in context.losses}
    if not context.estimates and context.holdout is not None and not labelled:
        rests = "what its probabilities expected of its holdout, which is not recorded"
        if not expectable(spec.metric):
            rests = f"{LEAST_BATCHES} labelled batches that it was not trained on"
        return unknown(name, f"no batch without labels could be estimated for the champion: it takes {rests}")
    verdict = judge_estimates(context.estimates, context.holdout, spec.retrain.decay, metric=spec.metric)
    return TriggerState(name=name, fired=verdict.fired, reason=verdict.reason)


def slice_decay(context: DecisionContext) -> TriggerState:
    """A declared slice has become worse against the whole than it used to be."""
    name = "slice_decay"
    if context.champion is None:
        return no_champion(name)
    if not context.spec.retrain.slices:
        return not_declared(name, "retrain.slices")
    loss = None if context.holdout is None else context.holdout.value
    verdict = judge_slices(context.slices, loss, context.spec.retrain.decay)
    return TriggerState(name=name, fired=verdict.fired, reason=verdict.reason)


def loss_chart(context: DecisionContext) -> TriggerState:
    """The declared chart alarmed at a batch of the champion's that no training has seen."""
    name, reading = "loss_chart", context.chart
    if context.champion is None:
        return no_champion(name)
    if reading is None:
        return unknown(name, "the chart of the champion's losses cannot be read")
    calendar = Calendar(context.spec.batches)
    since = max(context.champion.training_end, context.trained_until or context.champion.training_end)
    standing = tuple(batch for batch in reading.alarms if calendar.batch(batch).start >= since)
    if standing:
        return fires(name, f"{replace(reading, alarms=standing).reason}, which no training has seen")
    if not reading.known:
        return unknown(name, reading.reason)
    seen = ": a training has seen that" if reading.alarms else ""
    return waits(name, f"{reading.reason}{seen}")


def model_age(context: DecisionContext) -> TriggerState:
    """The champion's training end is older than `freshness.model_age`, in batch time."""
    limit = context.spec.freshness.model_age
    if context.champion is not None and limit is None:
        return not_declared("model_age", "freshness.model_age")
    return _older_than(context, "model_age", limit or timedelta(0))


def _older_than(context: DecisionContext, name: str, limit: timedelta) -> TriggerState:
    age = context.model_age
    if age is None:
        return no_champion(name)
    sentence = f"the champion's training end is {format_duration(age)} old, {format_duration(limit)} may be"
    return TriggerState(name=name, fired=age > limit, reason=sentence)


def freshness(context: DecisionContext) -> TriggerState:
    """The FreshnessPolicy on the champion failed, in wall time."""
    name, limit = "freshness", context.spec.freshness.champion
    if context.champion is None:
        return no_champion(name)
    if limit is None:
        return not_declared(name, "freshness.champion")
    if context.freshness_failed:
        return fires(name, f"the FreshnessPolicy on the champion failed: no promotion for {format_duration(limit)}")
    return waits(name, "the FreshnessPolicy on the champion has not failed since the last promotion")


def new_labels(context: DecisionContext) -> TriggerState:
    """As many labels as `retrain` asks for, in number and share, matured since the champion's training end."""
    name, asked, share = "new_labels", context.spec.retrain.min_new_labels, context.spec.retrain.min_new_share
    if context.champion is None:
        return no_champion(name)
    if share and context.trained_rows is None:
        return unknown(name, "the rows of the champion's training are not recorded (it was adopted)")
    needed = max(asked, math.ceil(round(share * (context.trained_rows or 0), 6)))
    sentence = f"{context.new_labels:,} labels matured since the champion's training end, {needed:,} are asked for"
    of = "" if needed == asked else f" ({100 * share:g}% of the {context.trained_rows:,} rows of the last training)"
    return TriggerState(name=name, fired=context.new_labels >= needed, reason=sentence + of)


def changed_declaration(context: DecisionContext) -> TriggerState:
    """The declaration differs from the one that trained the champion."""
    name, trained, current = "changed_declaration", context.champion_training_hash, context.current_training_hash
    if context.champion is None:
        return no_champion(name)
    if trained is None:
        return unknown(name, "the declaration that trained the champion is not known")
    if trained == current:
        return waits(name, f"the declaration is the one that trained the champion ({current})")
    return fires(name, f"the declaration changed: {current}; the champion was trained by {trained}")


def schedule(context: DecisionContext) -> TriggerState:
    """The cron expression `retrain.schedule` came due within the batch's window, or before and nothing settled it."""
    name, expression = "schedule", context.spec.retrain.schedule
    if expression is None:
        return not_declared(name, "retrain.schedule")
    due = Cron.parse(expression).next(context.due_since or context.batch.start)
    if due is None:
        return waits(name, f"'{expression}' never comes due")
    if due < context.batch.end:
        open_still = ", and nothing has settled that since" if due < context.batch.start else ""
        return fires(name, f"'{expression}' came due at {due:%Y-%m-%d %H:%M} UTC{open_still}")
    return waits(name, f"'{expression}' next comes due at {due:%Y-%m-%d %H:%M} UTC")


def event(context: DecisionContext) -> TriggerState:
    """A business event was recorded that no retrain has answered yet."""
    if context.events:
        return fires("event", f"not answered yet: {'; '.join(context.events)}")
    if context.events_unseen is not None:
        return unknown("event", f"retrain.events cannot be looked at: {context.events_unseen}")
    return waits("event", "no business event that a retrain has not answered")


def person(context: DecisionContext) -> TriggerState:
    """A person asked for a retrain; counts whatever `retrain.when` names."""
    if context.persons:
        return fires("person", f"asked for: {'; '.join(context.persons)}")
    return waits("person", "no person asks for a retrain")


Trigger = Callable[[DecisionContext], TriggerState]

TRIGGER_FUNCTIONS: dict[str, Trigger] = {
    "staleness": staleness,
    "performance_decay": performance_decay,
    "estimated_decay": estimated_decay,
    "slice_decay": slice_decay,
    "loss_chart": loss_chart,
    "drift": drift,
    "score_drift": score_drift,
    "label_drift": label_drift,
    "residual_drift": residual_drift,
    "model_age": model_age,
    "freshness": freshness,
    "new_labels": new_labels,
    "changed_declaration": changed_declaration,
    "schedule": schedule,
    "event": event,
    "person": person,
}
