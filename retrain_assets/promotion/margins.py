"""A margin is relative to what the champion loses, and that is known from the same rows, no better than the difference.

Were the interval of the difference held against the margin times the loss that was seen, the limit would be taken for
known: where the champion had bad luck it would lie too high, and the luck would count for the candidate twice. So what
a candidate loses beyond (1 + margin) times the champion's loss is a difference of its own, with its own interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrain_assets.promotion.evaluation import PairedDifference
from retrain_assets.promotion.measures import Measure, chosen
from retrain_assets.spec import PromoteSpec

SIGNS = {"not_worse_than_champion": 1.0, "better_than_champion": -1.0}
"""A candidate may lose more than the champion by the margin, or must lose less by it."""


def margins_of(spec: PromoteSpec) -> tuple[float, ...]:
    """The margins that the required gates ask for, with their signs; none where they ask for none.

    >>> margins_of(PromoteSpec(require="not_worse_than_champion & beats_baseline", margin=0.02))
    (0.02,)
    """
    asked = spec.expression.names()
    return tuple(sign * spec.margin for name, sign in SIGNS.items() if spec.margin and name in asked)


def asks_for_proof(spec: PromoteSpec) -> bool:
    """Whether a candidate is promoted only where the rows show it: within a margin, or better.

    A recall does not count: older batches are of another season.

    >>> asks_for_proof(PromoteSpec()), asks_for_proof(PromoteSpec(margin=0.02))
    (False, True)
    """
    return bool(margins_of(spec)) or "better_than_champion" in spec.expression.names()


def name_of(margin: float) -> str:
    """How measures at a margin are named: `difference` without one.

    >>> name_of(0.0), name_of(0.02), name_of(-0.02)
    ('difference', '+0.02', '-0.02')
    """
    return f"{margin:+}" if margin else "difference"


def margin_measure(difference: PairedDifference, margin: float) -> Measure:
    """What a model loses beyond (1 + margin) times the champion's loss, of which `difference` holds the interval."""
    return Measure(
        kind="margin",
        name=name_of(margin),
        group=f"v{difference.version}" if difference.version else "",
        value=difference.value,
        lower=difference.lower,
        upper=difference.upper,
        rows=difference.rows,
    )


def beyond(measures: Sequence[Measure], difference: PairedDifference, margin: float) -> PairedDifference | None:
    """The difference to (1 + margin) times the champion's loss; None where it was not measured."""
    if not margin:
        return difference
    for each in chosen(measures, "margin", name_of(margin)):
        if not each.group and each.value is not None and each.lower is not None and each.upper is not None:
            return replace(difference, value=each.value, lower=each.lower, upper=each.upper)
    return None
