"""What the declared limits still allow as of a decision, before it takes anything itself."""

from __future__ import annotations

from datetime import timedelta

from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.limits import cooldown_end, retrains_within, spent_within


def left_of_limits(context: DecisionContext) -> dict[str, float]:
    """By name, for each limit that is declared, never below 0.

    `cooldown_days` (of batch time), `budget_retrains`, `shared_budget_retrains`, `spend_cpu_seconds` or `spend_money`.
    """
    retrain, as_of = context.spec.retrain, context.as_of
    left: dict[str, float] = {}
    if retrain.cooldown:
        left["cooldown_days"] = ((cooldown_end(context) or as_of) - as_of) / timedelta(days=1)
    if retrain.budget is not None:
        left["budget_retrains"] = retrain.budget.retrains - len(retrains_within(context, retrain.budget.period))
    if retrain.shared_budget is not None:
        granted = context.shared.granted(retrain.shared_budget, as_of)
        left["shared_budget_retrains"] = retrain.shared_budget.budget.retrains - len(granted)
    if retrain.spend is not None:
        spent = sum(cost for _, cost in spent_within(context, retrain.spend))
        left[f"spend_{retrain.spend.unit}"] = retrain.spend.limit - spent
    return {name: max(0.0, float(value)) for name, value in left.items()}
