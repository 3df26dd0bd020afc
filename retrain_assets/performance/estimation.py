"""Performance where labels are not there yet: estimated from what the model expects of itself, and how far to trust it.

An early warning, no measurement: it sees a batch that is harder than the model's usual ones, and it cannot see a
changed relation, because the model does not know of it. That is what labels are for, and they score each estimate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.spec import DecaySpec

NEWEST = 8
"""Labelled batches from which the gap between loss and expectation is told."""
MOST_ERRORS = 3.0
"""The gap of the labelled batches may differ from the holdout's by so many standard errors."""


LEAST_BEFORE = 3
"""So many labelled batches it takes to tell that those after them are others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossEstimate:
    """The loss of one batch before its labels are there, with an interval for what they will say.

    `trusted` is False where the labelled batches refute the assumption that it rests on.
    """

    batch: str
    value: float
    lower: float
    upper: float
    standard_error: float
    trusted: bool
    reason: str

    @classmethod
    def around(
        cls, batch: str, value: float, error: float, *, deviate: float, trusted: bool, reason: str
    ) -> LossEstimate:
        """With the interval of so many standard errors to both sides; no loss is below 0."""
        value, width = max(0.0, value), deviate * error
        return cls(
            batch=batch,
            value=value,
            lower=max(0.0, value - width),
            upper=value + width,
            standard_error=error,
            trusted=trusted,
            reason=reason,
        )

    def record(self) -> dict[str, Any]:
        """For the ledger."""
        return asdict(self)

    def held(self, realized: float) -> bool:
        """The loss that labels showed lies within the interval."""
        return self.lower <= realized <= self.upper


def estimate_loss(
    batch: str,
    expected: float,
    holdout: HoldoutLoss | None,
    known: Sequence[BatchLoss],
    *,
    holdout_batches: int,
    confidence: float = 0.95,
) -> LossEstimate | None:
    """The loss of a batch from the model's own expectation; None where its holdout's expectation is not known.

    Confidence-based estimation: with E the mean loss that the model's probabilities expect on the batch, g_j the gap
    between loss and expectation on each of the (up to) eight newest labelled batches, g_H that of the holdout over b
    batches, and v the variance of a batch's gap (von Neumann's, of successive batches, and no less than their rows
    give),

        value = E + g,  g = (b g_H + sum g_j) / (b + n),
        standard error = sqrt(v + (b^2 h + n v) / (b + n)^2),

    where h is the variance of g_H: v / b, and no less than the holdout's rows give. The interval takes Student's t with
    2 (n - 1)^2 / (3 n - 4) degrees of freedom, those of von Neumann's variance, where v is that one: a few gaps tell it
    badly. It assumes that the gap stays as it is: that the probabilities are as well calibrated on this batch as
    before. The assumption is refuted, and the estimate not trusted, where the mean g_j differs from g_H by more than
    three standard errors, sqrt(v / n + h), and where that of the newest k, up to half of them, differs from that of the
    m before by more than t sqrt(v' (1 / k + 1 / m)), with the variance v' of those before and Student's t, over all k
    as rare as three standard errors: a relation that has just turned moves the mean of all g_j little, and widens v.

    Args:
        batch: the batch without labels.
        expected: mean expected loss there.
        holdout: the model's loss at promotion, with its expectation.
        known: its labelled batches after training, oldest first.
        holdout_batches: how many batches the holdout was drawn from.
        confidence: of the interval.
    """
    if holdout is None or holdout.expected is None:
        return None
    from scipy.special import stdtrit

    newest = [loss for loss in known if loss.expected is not None][-NEWEST:]
    gaps = np.array([loss.value - (loss.expected or 0.0) for loss in newest])
    own = holdout.value - holdout.expected
    batches = len(gaps) + holdout_batches
    variance, degrees = _variance(gaps, newest, holdout, holdout_batches)
    value = expected + (holdout_batches * own + float(gaps.sum())) / batches
    held = max(variance / holdout_batches, holdout.standard_error**2)
    error = math.sqrt(variance + (holdout_batches**2 * held + len(gaps) * variance) / batches**2)
    moved = float(gaps.mean()) - own if len(gaps) else 0.0
    allowed = MOST_ERRORS * math.sqrt(variance / len(gaps) + held) if len(gaps) else 0.0
    turned = None if abs(moved) > allowed else _turned(gaps, newest, holdout, holdout_batches)
    trusted = abs(moved) <= allowed and turned is None
    deviate = float(stdtrit(degrees, 0.5 + confidence / 2))
    told = turned or _assumption(trusted, moved, allowed, len(gaps))
    return LossEstimate.around(batch, value, error, deviate=deviate, trusted=trusted, reason=told)


def _turned(gaps: np.ndarray, newest: Sequence[BatchLoss], holdout: HoldoutLoss, holdout_batches: int) -> str | None:
    """Why the newest labelled batches refute what those before them tell; None where they do not, or are too few."""
    from scipy.special import stdtrit

    splits = [k for k in range(1, len(gaps) // 2 + 1) if len(gaps) - k >= LEAST_BEFORE]
    for k in splits:
        before = len(gaps) - k
        variance, degrees = _variance(gaps[:before], newest[:before], holdout, holdout_batches)
        rare = -float(stdtrit(degrees, math.erfc(MOST_ERRORS / math.sqrt(2)) / 2 / len(splits)))
        own = max(variance, float(np.mean([loss.standard_error**2 for loss in newest[before:]])))
        moved = float(gaps[before:].mean() - gaps[:before].mean())
        allowed = rare * math.sqrt(own / k + variance / before)
        if abs(moved) > allowed:
            those = "batch is" if k == 1 else f"{k} batches is"
            return (
                f"loss less expectation on the newest labelled {those} {moved:+.4g} against the {before} before, more "
                f"than the {allowed:.4g} that chance allows: the probabilities are not calibrated any more"
            )
    return None


def _variance(
    gaps: np.ndarray, newest: Sequence[BatchLoss], holdout: HoldoutLoss, holdout_batches: int
) -> tuple[float, float]:
    """Of one batch's gap, and the degrees of freedom with which the gaps tell it; what rows give is taken as known."""
    rows = float(np.mean([loss.standard_error**2 for loss in newest])) if newest else 0.0
    count = len(gaps)
    if count < 2:
        # One labelled batch shows no variance: the holdout's rows stand in, as one batch's share of them.
        return max(rows, holdout.standard_error**2 * holdout_batches), math.inf
    between = float(np.square(np.diff(gaps)).mean() / 2)
    return (rows, math.inf) if rows >= between else (between, 2 * (count - 1) ** 2 / (3 * count - 4))


def _assumption(trusted: bool, moved: float, allowed: float, batches: int) -> str:
    if not batches:
        return "no labelled batch has tested its calibration yet"
    compared = f"loss less expectation on {batches} labelled batches is {moved:+.4g} against the holdout's"
    if trusted:
        return f"{compared}, within the {allowed:.4g} that chance allows"
    return f"{compared}, more than the {allowed:.4g} that chance allows: the probabilities are not calibrated any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedDecay:
    """`fired` is None where it cannot be known."""

    fired: bool | None
    reason: str


def estimated_decay(
    estimates: Sequence[LossEstimate], holdout: HoldoutLoss | None, spec: DecaySpec, *, metric: str = "loss"
) -> EstimatedDecay:
    """Whether the batches without labels are estimated to lose more than the holdout, by more than noise.

    Fires where the mean estimate lies above the holdout loss by more than `spec.standard_errors` of both and by at
    least `spec.floor` of it. Estimates of one model share the error of its gap, so that their mean is taken to be as
    uncertain as one of them.
    """
    if holdout is None:
        return EstimatedDecay(fired=None, reason=f"the champion's {metric} on its holdout is not recorded")
    if not estimates:
        return EstimatedDecay(fired=False, reason="no batch of the champion without labels is estimated")
    doubtful = next((each for each in estimates if not each.trusted), None)
    if doubtful is not None:
        return EstimatedDecay(fired=None, reason=f"cannot be estimated: {doubtful.reason}")
    mean = float(np.mean([each.value for each in estimates]))
    error = math.hypot(float(np.mean([each.standard_error for each in estimates])), holdout.standard_error)
    excess = mean - holdout.value
    fired = excess > spec.standard_errors * error and excess >= spec.floor * abs(holdout.value)
    batches = f"{len(estimates)} batch{'es' if len(estimates) > 1 else ''}"
    reason = (
        f"estimated {metric} of {batches} without labels is {mean:.4g} +- {error:.2g}, the holdout's was "
        f"{holdout.value:.4g} (more than {spec.standard_errors:g} standard errors and {spec.floor:.1%} count)"
    )
    return EstimatedDecay(fired=fired, reason=reason)
