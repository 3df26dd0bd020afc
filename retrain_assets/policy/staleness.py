"""What staleness has cost since the last training, weighed against what a retrain costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss

DEBT_WEIGHT = 0.7
"""Exponent of the debt; that of the growth is the rest to 1."""
PRICE, PRICE_WEIGHT = 1.75, 0.8
"""A retrain pays from PRICE x cost^PRICE_WEIGHT on; measured over costs of .02 to 1."""
SLACK = 0.1
"""Excess of a batch that counts for nothing: a holdout of the same weeks flatters."""
MEMORY = 0.7
"""Weight of a batch in the rate, relative to that of the next."""
MOST_EXCESS = 1.0
"""One batch's excess counts at most so many batches' worth of loss: a single terrible batch decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StalenessFacts:
    """What is known of the champion's staleness as of a batch.

    Args:
        losses: its labelled batches since the last training, oldest first.
        holdout: its loss when it was promoted.
        trained_rows: rows of the last training.
        new_rows: rows for training that each batch of `losses` added.
        cost: of a retrain, in batches' worth of loss.
    """

    losses: Sequence[BatchLoss]
    holdout: HoldoutLoss
    trained_rows: int
    new_rows: Sequence[float]
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StalenessVerdict:
    """Losses in batches' worth of loss: 1 is what a batch costs at the holdout loss.

    `debt` is what staleness has cost since the last training, `gain` what a retrain is expected to save on each batch,
    `debt_error` and `gain_error` their standard deviations, `limit` the debt from which a retrain pays at the present
    `growth`.
    """

    fired: bool
    debt: float
    debt_error: float
    gain: float
    gain_error: float
    growth: float
    limit: float
    slack: float
    cost: float

    @property
    def reason(self) -> str:
        """The estimate, its uncertainty, and what would change the verdict."""
        limit = f"{self.limit:.2g}" if math.isfinite(self.limit) else "any (there are no new rows to train on)"
        return (
            f"staleness has cost {self.debt:.2g} +- {self.debt_error:.2g} batches' worth of loss since the last "
            f"training, {'more' if self.fired else 'no more'} than the {limit} from which a retrain pays (it costs "
            f"{self.cost:.2g}; new rows are {math.expm1(self.growth):.0%} of the training's); a retrain is expected to "
            f"save {self.gain:.1%} +- {self.gain_error:.1%} of each batch's loss"
        )

    def record(self) -> dict[str, Any]:
        """For the state that is stored with the decision."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}


def judge_staleness(facts: StalenessFacts) -> StalenessVerdict | None:
    """Whether a retrain pays; None while no batch since the last training has labels, or where its loss is no scale.

    With H the holdout loss and the excess x_j = (loss of batch j - H) / H, at most 1:

    1. debt D_j = max(0, D_{j-1} + x_j - k), from 0 at the last training: Page's reflected sum, so that good batches of
       long ago are no credit. The slack k is 0.1, and no less than what the rows of a batch alone make its loss vary;
    2. growth r = ln(1 + new rows / rows of the last training): what there is to learn from;
    3. a retrain pays when D^0.7 r^0.3 > 1.75 cost^0.8.

    It is a stopping rule of the ski-rental kind: buy when what was rented has cost the price. The exponents and the
    price were chosen on four streams, where they are flat: other values near them do as well.

    The deviations rest on the variance of successive batches (von Neumann), which a slow rise does not hide itself in.
    """
    if not facts.losses or facts.trained_rows <= 0 or facts.holdout.value <= 0:
        return None
    scale = facts.holdout.value
    values = np.array([loss.value for loss in facts.losses]) / scale
    sampling = _sampling(facts.losses)
    slack = max(SLACK, sampling)
    excess = np.clip(values - 1, -MOST_EXCESS, MOST_EXCESS)
    debt, counted = _debt(excess, slack)
    growth = math.log1p(sum(facts.new_rows) / facts.trained_rows)
    weights = MEMORY ** np.arange(len(excess))[::-1]
    weights /= weights.sum()
    noise = max(sampling, _successive(values))
    limit = _limit(facts.cost, growth)
    return StalenessVerdict(
        fired=debt > limit,
        debt=debt,
        debt_error=noise * math.sqrt(counted),
        gain=max(0.0, float(weights @ excess)),
        gain_error=noise * float(np.linalg.norm(weights)),
        growth=growth,
        limit=limit,
        slack=slack,
        cost=facts.cost,
    )


def _debt(excess: np.ndarray, slack: float) -> tuple[float, int]:
    """The reflected sum, and the number of batches since it last was 0 (at least one)."""
    debt, counted = 0.0, 0
    for each in excess.tolist():
        debt = max(0.0, debt + each - slack)
        counted = counted + 1 if debt > 0 else 0
    return debt, max(1, counted)


def _sampling(losses: Sequence[BatchLoss]) -> float:
    """Relative deviation that its rows alone give to a batch's loss.

    Relative to the batch's own loss: where a model fails, errors are large too, and must not hide the failure.
    """
    relative = [loss.standard_error / loss.value for loss in losses if loss.value > 0]
    return math.sqrt(float(np.mean(np.square(relative)))) if relative else 0.0


def _limit(cost: float, growth: float) -> float:
    """The debt D at which D^0.7 growth^0.3 is the price."""
    if growth <= 0:
        return math.inf
    price = PRICE * cost**PRICE_WEIGHT
    return float((price / growth ** (1 - DEBT_WEIGHT)) ** (1 / DEBT_WEIGHT))


def _successive(values: np.ndarray) -> float:
    """Deviation of one batch, from the differences of neighbours; 0 for a single batch."""
    return math.sqrt(float(np.square(np.diff(values)).mean() / 2)) if len(values) > 1 else 0.0
