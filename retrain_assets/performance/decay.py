"""Performance decay: is the champion worse on matured batches than it was on its holdout, by more than noise?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrain_assets.spec import DecaySpec

OLDER_BATCHES = 4
"""From so many batches before those that are judged their usual differences are learned."""
ENOUGH_OLDER = 8
"""So many batches of the champion's own need no help from those of champions before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLoss:
    """The champion's mean loss on one matured batch after its training end.

    `expected` is what its own probabilities expected of that loss; None where they tell no such thing.
    """

    batch: str
    value: float
    standard_error: float
    rows: int
    expected: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutLoss:
    """The champion's mean loss on the reserved rows that it was judged by, from its promotion's evidence.

    `expected` is what its own probabilities expected of that loss; None where that was not recorded.
    """

    value: float
    standard_error: float
    expected: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecayVerdict:
    """`fired` is None where it cannot be known; `excess` and `standard_error` in the unit of the loss.

    `unsure` marks an excess that its rows do not explain and that did not fire, where fewer than four other batches
    tell what batches differ by: it may be a sudden rise, which was then counted as its own excuse.
    """

    fired: bool | None
    excess: float | None
    standard_error: float | None
    reason: str
    unsure: bool = False


def performance_decay(
    losses: Sequence[BatchLoss],
    holdout: HoldoutLoss | None,
    spec: DecaySpec,
    *,
    before: Sequence[BatchLoss] = (),
    holdout_batches: int = 4,
    metric: str = "loss",
) -> DecayVerdict:
    """Compares the mean of the newest `spec.batches` matured batches with the holdout loss.

    `losses` are the champion's own matured batches after its training end, oldest first. A hard week is not decay, so
    the standard error counts three things: with k newest batches, their mean within-batch variance w, the variance t
    between batches beyond w, and the holdout's variance h over `holdout_batches` b,

        standard error = sqrt((w + t) / k + t / b + h).

    t comes from the differences of successive batches (von Neumann): a slow rise, which is what decay is, does not hide
    itself in it. The newest k are left out of it where at least four are older: else a sudden rise would be its own
    excuse, and a single batch could hardly ever tell one. Where fewer than eight are the champion's own, `before` fills
    up: what champions before it lost on the batches before, oldest first. Decay has fired when the excess is above
    `spec.standard_errors` of these and at least `spec.floor` of the holdout loss.

    At two standard errors, three batches and no floor, independent batches alarm in 2 % of the decisions where rows are
    all the noise; where weeks differ three times more than rows explain, in 9 % with three batches to learn t from, 6 %
    with six and 4 % with twenty. One batch alarms in 2 % and, with five to learn from, 8 %, with twenty 3 % (tested).
    """
    if holdout is None:
        return _unknown(f"the champion's {metric} on its holdout is not recorded")
    if len(losses) < spec.batches:
        return _unknown(f"matured batches after the champion's training end: {len(losses)}; needed: {spec.batches}")
    newest = losses[-spec.batches :]
    mean = float(np.mean([loss.value for loss in newest]))
    within = float(np.mean([loss.standard_error**2 for loss in newest]))
    older = losses[: -spec.batches]
    others = older if len(older) >= ENOUGH_OLDER else (*before, *older)[-ENOUGH_OLDER:]
    known = len(others) >= OLDER_BATCHES
    between = max(0.0, _successive_variance([loss.value for loss in (others if known else losses)]) - within)
    of_rows = within / len(newest) + holdout.standard_error**2
    excess, error = mean - holdout.value, math.sqrt(of_rows + between / len(newest) + between / holdout_batches)
    significant = excess > spec.standard_errors * error
    large = excess > 0 and excess >= spec.floor * abs(holdout.value)
    beyond_rows = large and excess > spec.standard_errors * math.sqrt(of_rows)
    return DecayVerdict(
        fired=significant and large,
        excess=excess,
        standard_error=error,
        reason=_reason(metric, mean, holdout.value, excess, error, len(newest)) + _limit(significant, large, spec),
        unsure=not known and beyond_rows and not significant,
    )


def _unknown(reason: str) -> DecayVerdict:
    return DecayVerdict(fired=None, excess=None, standard_error=None, reason=reason)


def _successive_variance(values: Sequence[float]) -> float:
    """Half the mean squared difference of neighbours: the variance of independent values, blind to a slow trend."""
    return float(np.square(np.diff(values)).mean() / 2) if len(values) > 1 else 0.0


def _reason(metric: str, mean: float, holdout: float, excess: float, error: float, batches: int) -> str:
    compared = f"{abs(excess) / abs(holdout):.1%} " if holdout else f"{abs(excess):.4g} "
    direction = "above" if excess >= 0 else "below"
    distance = f": {abs(excess) / error:.1f} standard errors" if error else ""
    over = "the newest matured batch" if batches == 1 else f"{batches} matured batches"
    return f"champion's {metric} over {over} is {mean:.4g}, {compared}{direction} its holdout {holdout:.4g}{distance}"


def _limit(significant: bool, large: bool, spec: DecaySpec) -> str:
    if significant and not large:
        return f" (at least {spec.floor:.1%} counts)"
    return "" if significant else f" (more than {spec.standard_errors:g} standard errors count)"
