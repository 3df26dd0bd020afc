"""A budget that several models share, and who goes first where it is short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from retrain_assets.spec import SharedBudgetSpec, format_duration

Standing = Literal["retrain", "waits", "idle"]
"""What a decision meant for the budget: it drew on it, it waits for it, or it asked for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One decision of a model that shares a budget."""

    model: str
    as_of: datetime
    priority: int
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedUse:
    """What the other models of a budget did, and this one before: decisions in the order in which they were made."""

    draws: tuple[Draw, ...] = ()

    def granted(self, shared: SharedBudgetSpec, as_of: datetime) -> tuple[Draw, ...]:
        """Retrains that count against a decision: less than a period of batch time away, on either side.

        Models need not stand at the same batch; one that lags behind must not overdraw what another one has used.
        """
        return tuple(
            draw for draw in self.draws if draw.standing == "retrain" and abs(draw.as_of - as_of) < shared.budget.period
        )

    def ahead(self, shared: SharedBudgetSpec, as_of: datetime, *, model: str, priority: int) -> tuple[Draw, ...]:
        """Other models of a higher priority whose newest decision waits for the budget, the first in line first."""
        newest = {draw.model: draw for draw in self.draws}
        waiting = [
            draw
            for name, draw in newest.items()
            if name != model
            and draw.standing == "waits"
            and draw.priority > priority
            and abs(draw.as_of - as_of) < shared.budget.period
        ]
        return tuple(sorted(waiting, key=lambda draw: (-draw.priority, draw.as_of, draw.model)))


NO_USE = SharedUse()


def refusal(shared: SharedBudgetSpec, use: SharedUse, as_of: datetime, *, model: str, priority: int) -> str | None:
    """Why the shared budget has nothing for a model now; None where it has."""
    granted = use.granted(shared, as_of)
    left = shared.budget.retrains - len(granted)
    if left <= 0:
        made = f"{len(granted)} retrain{'' if len(granted) == 1 else 's'} of {_names(granted)}"
        return f"{made} within {format_duration(shared.budget.period)}, {shared.budget.retrains} allowed together"
    ahead = use.ahead(shared, as_of, model=model, priority=priority)
    if left > len(ahead):
        return None
    told = ", ".join(f"{draw.model} (priority {draw.priority})" for draw in ahead)
    return f"{left} left, kept for {told}: the priority here is {priority}"


def _names(draws: Sequence[Draw]) -> str:
    return ", ".join(dict.fromkeys(draw.model for draw in draws))
