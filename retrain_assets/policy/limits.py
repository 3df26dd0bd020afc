"""What binds a retrain that the triggers ask for.

Newer data, cooldown, budgets and spend bind whoever asks; confirmation and enough data since a change not a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.shared_budget import refusal
from retrain_assets.spec import format_duration
from retrain_assets.spec.manners import SpendSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A rule that refuses a retrain now; `until` is the batch time from which it no longer does, where known."""

    name: Literal["newer_data", "cooldown", "budget", "spend", "confirmation", "post_change_data", "shared_budget"]
    reason: str
    until: datetime | None = None


def binding_limits(context: DecisionContext) -> tuple[Limit, ...]:
    """All limits that refuse a retrain as of the batch."""
    limits = (
        newer_data(context),
        cooldown(context),
        budget(context),
        shared_budget(context),
        spend(context),
        confirmation(context),
        post_change_data(context),
    )
    return tuple(limit for limit in limits if limit is not None)


def newer_data(context: DecisionContext) -> Limit | None:
    """A training would see the same labelled batches as the last attempt, under the same declaration."""
    if context.data_is_newer is not False:
        return None
    return Limit(
        name="newer_data",
        reason="no labelled data is newer than what the last attempt trained on, and its declaration is still the same",
    )


def cooldown(context: DecisionContext) -> Limit | None:
    """`retrain.cooldown` has not passed since the last retrain, in batch time."""
    wait, until = context.spec.retrain.cooldown, cooldown_end(context)
    if until is None or context.as_of >= until:
        return None
    last = max(context.retrains)
    return Limit(
        name="cooldown",
        reason=f"cooldown: {format_duration(wait)} must pass after the retrain as of {last:%Y-%m-%d %H:%M}, "
        f"so not before {until:%Y-%m-%d %H:%M}",
        until=until,
    )


def cooldown_end(context: DecisionContext) -> datetime | None:
    """Until when, in batch time, the last retrain binds; None without one."""
    return max(context.retrains) + context.spec.retrain.cooldown if context.retrains else None


def budget(context: DecisionContext) -> Limit | None:
    """`retrain.budget` is used up in the period that ends now."""
    allowed = context.spec.retrain.budget
    if allowed is None:
        return None
    within = retrains_within(context, allowed.period)
    if len(within) < allowed.retrains:
        return None
    until = within[-allowed.retrains] + allowed.period
    return Limit(
        name="budget",
        reason=f"budget: {len(within)} retrains in the last {format_duration(allowed.period)}, "
        f"{allowed.retrains} are allowed; the next not before {until:%Y-%m-%d %H:%M}",
        until=until,
    )


def retrains_within(context: DecisionContext, period: timedelta) -> list[datetime]:
    """The retrains of the period that ends now, oldest first."""
    return sorted(made for made in context.retrains if made > context.as_of - period)


def shared_budget(context: DecisionContext) -> Limit | None:
    """`retrain.shared_budget` is used up, or what is left of it is kept for others; a first model is free."""
    shared = context.spec.retrain.shared_budget
    if shared is None or context.champion is None:
        return None
    name, priority = context.spec.name, context.spec.retrain.priority
    why = refusal(shared, context.shared, context.as_of, model=name, priority=priority)
    return None if why is None else Limit(name="shared_budget", reason=f"shared budget '{shared.name}': {why}")


def spend(context: DecisionContext) -> Limit | None:
    """`retrain.spend` is used up in the period that ends now: by processor time, or by money."""
    allowed = context.spec.retrain.spend
    if allowed is None:
        return None
    money, price = allowed.unit == "money", context.spec.retrain.cost.retrain
    within = spent_within(context, allowed)
    spent = sum(cost for _, cost in within)
    # Money is known beforehand; what a training takes is only known after it. Three times 0.1 is a hair more than 0.3.
    over = spent + price - allowed.limit * (1 + 1e-9) if money else spent - allowed.limit
    if over < 0 or (money and over <= 0):
        return None
    until, freed = None, 0.0
    for made, cost in within:
        freed += cost
        if freed > over or (money and freed >= over):
            until = made + allowed.period
            break
    unit = "" if money else " processor seconds"
    return Limit(
        name="spend",
        reason=f"spend: {spent:.4g}{unit} in the last {format_duration(allowed.period)}, {allowed.limit:g} are allowed"
        + ("" if until is None else f"; the next not before {until:%Y-%m-%d %H:%M}"),
        until=until,
    )


def spent_within(context: DecisionContext, allowed: SpendSpec) -> list[tuple[datetime, float]]:
    """When and how much, in the unit of the limit and in the period that ends now, oldest first."""
    price = context.spec.retrain.cost.retrain
    paid = [(made, price) for made in context.retrains] if allowed.unit == "money" else list(context.spent)
    return sorted((made, cost) for made, cost in paid if made > context.as_of - allowed.period)


def post_change_data(context: DecisionContext) -> Limit | None:
    """Too few labelled rows are from after the change to learn from it; a person need not wait."""
    needed = context.spec.retrain.min_rows_since_change
    rows = context.rows_since_change
    if needed is None or rows is None or rows >= needed or context.persons or context.champion is None:
        return None
    return Limit(
        name="post_change_data",
        reason=f"post-change data: {rows:,} labelled training rows since the drift episode opened, {needed:,} must be",
    )


def confirmation(context: DecisionContext) -> Limit | None:
    """The condition has not held often enough among the newest decisions; a person needs no confirmation."""
    needed = context.spec.retrain.confirm
    if needed is None or context.persons or context.champion is None:
        return None
    before = context.wanted_before[-(needed.of - 1) :] if needed.of > 1 else ()
    held = 1 + sum(before)
    if held >= needed.times:
        return None
    return Limit(
        name="confirmation",
        reason=f"confirmation: the condition held in {held} of the newest {needed.of} decisions since the last "
        f"retrain, {needed.times} must",
    )
