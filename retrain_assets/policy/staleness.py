"""What staleness has cost since the last training, weighed against what a retrain costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss

WORTH = 1.7
"""Debt x growth, in units of the retrain's cost, from which a retrain pays; measured over ratios of .01 to 1."""
EXPECTED_RATE = 1.0
"""Expected excess of a batch, in batches' worth of loss, for each unit of growth."""
EXPECTED_SPREAD = 2.0
"""Standard deviation of what is expected, in units of it."""
SHARED_NOISE = 0.03
"""Share of the variance between batches that the batches of one cycle have in common, the holdout's among it."""
MEMORY = 0.7
"""Weight of a batch in the rate, relative to that of the next."""
MOST_EXCESS = 1.0
"""One batch's excess counts at most so many batches' worth of loss."""
SCALE_BATCHES, NOISE_BATCHES, LEAST_BATCHES = 8, 26, 3
UNKNOWN_NOISE = 0.3
"""Relative deviation between batches while fewer than `LEAST_BATCHES` have been served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StalenessFacts:
    """What is known of the champion's staleness as of a batch.

    Args:
        losses: its labelled batches since the last training, oldest first.
        holdout: its loss when it was promoted.
        served: loss of the model in service on each labelled batch, oldest first.
        trained_rows: rows of the last training.
        new_rows: rows for training that each batch of `losses` added.
        unlabelled: batches that are served before a retrain can help and have no labels yet, the next one included.
        cost: of a retrain, in batches' worth of loss.
    """

    losses: Sequence[BatchLoss]
    holdout: HoldoutLoss
    served: Sequence[float]
    trained_rows: int
    new_rows: Sequence[float]
    unlabelled: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StalenessVerdict:
    """Losses in batches' worth of loss: 1 is what a batch costs while nothing is stale.

    `debt` is what staleness has cost since the last training, `debt_error` its standard deviation, `gain` what a
    retrain is expected to save on each batch, `limit` the debt at which a retrain pays at the present growth.
    """

    fired: bool
    debt: float
    debt_error: float
    gain: float
    gain_error: float
    growth: float
    limit: float
    scale: float
    noise: float
    cost: float

    @property
    def reason(self) -> str:
        """The estimate, its uncertainty, and what would change the verdict."""
        compared = "at least" if self.fired else "below"
        limit = f"{self.limit:.2g}" if math.isfinite(self.limit) else "any (there are no new rows to train on)"
        return (
            f"staleness has cost {self.debt:.2g} +- {self.debt_error:.2g} batches' worth of loss since the last "
            f"training, {compared} the {limit} from which a retrain pays (it costs {self.cost:.2g}; new rows are "
            f"{math.expm1(self.growth):.0%} of the training's); a retrain is expected to save "
            f"{self.gain:.1%} +- {self.gain_error:.1%} of each batch's loss"
        )

    def record(self) -> dict[str, Any]:
        """For the state that is stored with the decision."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}


def judge_staleness(facts: StalenessFacts) -> StalenessVerdict | None:
    """Whether a retrain pays; None while no batch since the last training has labels.

    With B the mean of the newest served losses and the excess x_j = (loss of batch j - holdout loss) / B, at most 1:

    1. observed debt S = sum of x + u v, where v, the mean of x with weights 0.7^age, stands for the u batches that have
       no labels yet;
    2. a hard batch is not a stale model: S has the variance s^2 (N + 0.03 N^2) for N batches, where s is the relative
       deviation of served losses from batch to batch, and no less than what their rows alone make it;
    3. expected debt E = sum of the growth at each of the N batches, with deviation 2 E, growth being
       ln(1 + new rows / rows of the last training): a model that would learn from much more data is the staler one;
    4. debt D = the mean of both, weighted by their precision, and at least 0;
    5. a retrain pays when D x growth > 1.7 x its cost.

    Steps 1 and 5 are a stopping rule of the ski-rental kind: buy when what was rented has cost the price. Steps 2 and 3
    are Bayes' rule for two normal variables. Where weeks differ much the schedule decides, front-loaded because growth
    slows down as data accumulates; where they do not, the losses do.
    """
    if not facts.losses or facts.trained_rows <= 0:
        return None
    scale = loss_scale(facts.served, facts.holdout)
    if scale <= 0:
        return None
    noise = max(_noise(facts.served), _sampling(facts.losses) / scale)
    excess = np.clip([(loss.value - facts.holdout.value) / scale for loss in facts.losses], -MOST_EXCESS, MOST_EXCESS)
    growth = np.log1p(np.cumsum(facts.new_rows) / facts.trained_rows)
    weights = MEMORY ** np.arange(len(excess))[::-1]
    rate = float(weights @ excess / weights.sum())
    batches = len(excess) + facts.unlabelled
    observed = float(excess.sum()) + facts.unlabelled * rate
    expected = EXPECTED_RATE * float(growth.sum() + facts.unlabelled * growth[-1])
    variance = max(noise, 1e-9) ** 2 * (batches + SHARED_NOISE * batches**2)
    mean, deviation = _combined(observed, variance, expected, (EXPECTED_SPREAD * expected) ** 2)
    debt, grown = max(0.0, mean), float(growth[-1])
    limit = WORTH * facts.cost / grown if grown > 0 else math.inf
    return StalenessVerdict(
        fired=debt > limit,
        debt=debt,
        debt_error=deviation,
        gain=debt / batches,
        gain_error=deviation / batches,
        growth=grown,
        limit=limit,
        scale=scale,
        noise=noise,
        cost=facts.cost,
    )


def loss_scale(served: Sequence[float], holdout: HoldoutLoss) -> float:
    """A batch's worth of loss: the mean of the newest served losses; of the holdout while there are none."""
    newest = served[-SCALE_BATCHES:] or [holdout.value]
    return float(np.mean(newest))


def _noise(served: Sequence[float]) -> float:
    """From the quartiles: one batch of decay is no noise, and must not hide itself."""
    known = np.asarray(served[-NOISE_BATCHES:])
    if len(known) < LEAST_BATCHES or known.mean() <= 0:
        return UNKNOWN_NOISE
    lower, upper = np.quantile(known, [0.25, 0.75])
    return float((upper - lower) / 1.349 / known.mean())


def _sampling(losses: Sequence[BatchLoss]) -> float:
    """Deviation that the number of rows alone gives to a batch's loss."""
    return math.sqrt(float(np.mean([loss.standard_error**2 for loss in losses])))


def _combined(a: float, variance_a: float, b: float, variance_b: float) -> tuple[float, float]:
    """Mean and deviation of two independent estimates, by their precision."""
    if variance_b <= 0:
        return b, 0.0
    precision = 1 / variance_a + 1 / variance_b
    return (a / variance_a + b / variance_b) / precision, math.sqrt(1 / precision)
