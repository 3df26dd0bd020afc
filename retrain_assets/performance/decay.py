"""Performance decay: is the champion worse on matured batches than it was on its holdout, by more than noise?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrain_assets.spec import DecaySpec

OLDER_BATCHES = 4
"""From so many batches before those that are judged their usual differences are learned."""
DIFFERENCES = 2
"""So many differences between batches of one champion it takes at least."""
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

    `value` is the mean loss that was judged, `limit` the one above which it fires.

    `unsure` says why an excess that its rows do not explain and that did not fire may be decay all the same: fewer than
    four other batches tell what batches differ by, or the champion's own say another thing than those before it.
    """

    fired: bool | None
    excess: float | None
    standard_error: float | None
    reason: str
    unsure: str | None = None
    value: float | None = None
    limit: float | None = None


def performance_decay(
    losses: Sequence[BatchLoss],
    holdout: HoldoutLoss | None,
    spec: DecaySpec,
    *,
    before: Sequence[Sequence[BatchLoss]] = (),
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
    up: what each champion before it lost on the batches that it served, oldest first. From one champion to the next no
    difference is taken: the step is that of the models. Decay has fired when the excess is above
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
    others = [older] if len(older) >= ENOUGH_OLDER else _newest([*before, older], ENOUGH_OLDER)
    learned, known = _between(others, within), _tell(others)
    between = learned if known else _between([losses], within)
    of_rows = within / len(newest) + holdout.standard_error**2
    share = 1 / len(newest) + 1 / holdout_batches
    excess, error = mean - holdout.value, math.sqrt(of_rows + between * share)
    significant = excess > spec.standard_errors * error
    large = excess > 0 and excess >= spec.floor * abs(holdout.value)
    unsure = None
    if large and not significant and excess > spec.standard_errors * math.sqrt(of_rows):
        alone = math.sqrt(of_rows + _between([losses], within) * share)
        unsure = _unsure(others, known=known, beyond_own=excess > spec.standard_errors * alone and _tell([losses]))
    return DecayVerdict(
        fired=significant and large,
        excess=excess,
        standard_error=error,
        reason=_reason(metric, mean, holdout.value, excess, error, len(newest))
        + _limit(significant, large, spec)
        + _differences(between, others if known else None, own=len(losses), older=len(older)),
        unsure=unsure,
        value=mean,
        limit=holdout.value + max(spec.standard_errors * error, spec.floor * abs(holdout.value)),
    )


def without_decay(
    losses: Sequence[BatchLoss], holdout: HoldoutLoss | None, spec: DecaySpec, *, holdout_batches: int = 4
) -> tuple[BatchLoss, ...]:
    """What a champion lost on the batches that are no part of its decay: of those alone one learns how batches differ.

    A decay that led to the next champion would else excuse that one's own.
    """
    ends = range(spec.batches, len(losses) + 1)
    decayed = [
        performance_decay(losses[:end], holdout, spec, holdout_batches=holdout_batches).fired is True for end in ends
    ]
    return tuple(loss for at, loss in enumerate(losses) if not any(decayed[max(0, at + 1 - spec.batches) : at + 1]))


def _unknown(reason: str) -> DecayVerdict:
    return DecayVerdict(fired=None, excess=None, standard_error=None, reason=reason)


def _newest(runs: Sequence[Sequence[BatchLoss]], count: int) -> list[Sequence[BatchLoss]]:
    """The newest so many batches, still in the runs of their champions."""
    kept: list[Sequence[BatchLoss]] = []
    for run in reversed(runs):
        kept.append(run[max(0, len(run) - count) :])
        count -= len(kept[-1])
    return kept[::-1]


def _tell(runs: Sequence[Sequence[BatchLoss]]) -> bool:
    """Whether batches are enough to tell what batches differ by."""
    return sum(map(len, runs)) >= OLDER_BATCHES and sum(max(0, len(run) - 1) for run in runs) >= DIFFERENCES


def _between(runs: Sequence[Sequence[BatchLoss]], within: float) -> float:
    """Half the mean squared difference of neighbours, the variance of independent values, beyond that of their rows.

    It is blind to a slow trend, and to the step from one champion's run of batches to the next one's.
    """
    steps = np.concatenate([np.diff([loss.value for loss in run]) for run in runs])
    return max(0.0, float(np.square(steps).mean()) / 2 - within) if len(steps) else 0.0


def _unsure(others: Sequence[Sequence[BatchLoss]], *, known: bool, beyond_own: bool) -> str | None:
    if not known:
        count = sum(map(len, others))
        return (
            f"its rows do not explain that, and of {count} other batches nobody can tell what batches differ by "
            f"(it takes {OLDER_BATCHES}, and two that follow each other under one champion)"
        )
    return "what its own batches differ by does not explain that, only what those before did" if beyond_own else None


def _reason(metric: str, mean: float, holdout: float, excess: float, error: float, batches: int) -> str:
    compared = f"{abs(excess) / abs(holdout):.1%} " if holdout else f"{abs(excess):.4g} "
    direction = "above" if excess >= 0 else "below"
    distance = f": {abs(excess) / error:.1f} standard errors" if error else ""
    over = "the newest matured batch" if batches == 1 else f"{batches} matured batches"
    return f"champion's {metric} over {over} is {mean:.4g}, {compared}{direction} its holdout {holdout:.4g}{distance}"


def _differences(between: float, others: Sequence[Sequence[BatchLoss]] | None, *, own: int, older: int) -> str:
    """What batches were taken to differ by, and which tell it: another look at the same batches may know of others."""
    by = f"by {math.sqrt(between):.4g} beyond their rows" if between else "no more than their rows explain"
    if others is None:
        of = f"its own {own}, those that are judged among them"
    else:
        count = sum(map(len, others))
        of = f"{count} older ones" + (f", {count - older} of champions before it" if count > older else " of its own")
    return f"; batches are taken to differ {by} (by {of})"


def _limit(significant: bool, large: bool, spec: DecaySpec) -> str:
    if significant and not large:
        return f" (at least {spec.floor:.1%} counts)"
    return "" if significant else f" (more than {spec.standard_errors:g} standard errors count)"
