"""Whether a condition of triggers can ever be true: some of them hold one another, so that not every truth can be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from itertools import pairwise

from retrain_assets.spec.expressions import AGED, Expression, age_limit, can_be_true

OUTPUT_TRIGGERS = ("score_drift", "label_drift", "residual_drift")
"""Drift of a declared output is drift of the batch, and follows the same episode."""


def can_fire(expression: Expression, *, model_age: timedelta | None, never: Collection[str] = ()) -> bool:
    """Whether a condition can be true; the triggers of `never` are false.

    An older model is older than any lesser age, and where an output has drifted there is drift.

    Args:
        expression: the condition.
        model_age: the limit of the trigger `model_age`, where it has one.
        never: triggers that do not fire.

    >>> from retrain_assets.spec.expressions import parse_expression
    >>> never = parse_expression("age > 12 weeks & ~(age > 4 weeks)", known=["model_age"])
    >>> can_fire(never, model_age=None)
    False
    """
    limits = {name: limit for name in expression.names() if (limit := age_limit(name)) is not None}
    if model_age is not None and AGED in expression.names():
        limits[AGED] = model_age
    by_limit = sorted(limits, key=lambda name: limits[name])

    def possible(truth: Mapping[str, bool]) -> bool:
        for younger, older in pairwise(by_limit):
            if truth[older] > truth[younger] or (limits[older] == limits[younger] and truth[older] != truth[younger]):
                return False
        return truth.get("drift", True) or not any(truth.get(name, False) for name in OUTPUT_TRIGGERS)

    return can_be_true(expression, never=never, possible=possible)
