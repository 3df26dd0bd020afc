"""What will fire by time alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from retrain_assets.policy.cron import Cron
from retrain_assets.promotion.log import Promotion
from retrain_assets.spec import ModelSpec
from retrain_assets.spec.expressions import age_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A trigger that time alone will fire, and when; `clock` is batch time or wall time."""

    trigger: str
    at: datetime
    clock: Literal["batch", "wall"]


def next_due(spec: ModelSpec, champion: Promotion | None, reached: datetime) -> Due | None:
    """The first of the declared triggers that time alone will fire; None when only the data can.

    Args:
        spec: The declaration.
        champion: The promotion in force.
        reached: End of the newest batch that was watched: where batch time stands.
    """
    triggers = spec.retrain.expression.names()
    due: list[Due] = []
    ages = {name: spec.freshness.model_age if name == "model_age" else age_limit(name) for name in sorted(triggers)}
    if champion is not None:
        due += [
            Due(trigger=name, at=champion.training_end + limit, clock="batch")
            for name, limit in ages.items() if limit is not None
        ]  # fmt: skip
    if champion is not None and "freshness" in triggers and spec.freshness.champion is not None:
        due.append(Due(trigger="freshness", at=champion.promoted_at + spec.freshness.champion, clock="wall"))
    if "schedule" in triggers and spec.retrain.schedule is not None:
        at = Cron.parse(spec.retrain.schedule).next(reached)
        due += [Due(trigger="schedule", at=at, clock="batch")] if at is not None else []
    # Batch time and wall time are compared as they stand: live, they are the same.
    return min(due, key=lambda each: each.at, default=None)
