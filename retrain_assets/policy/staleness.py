"""What staleness has cost since the last training, weighed against what a retrain costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.policy.first_losses import MOST_EXCESS, OWN_GAP, FirstLoss, expected_loss, usual_excess

DEBT_WEIGHT = 0.7
"""Exponent of the debt; that of the growth is the rest to 1."""
PRICE, PRICE_WEIGHT = 1.95, 0.6
"""A retrain pays from PRICE x cost^PRICE_WEIGHT on."""
SLACK = 0.1
"""Excess of a batch that counts for nothing."""
PATIENCE = 12
"""Where a retrain only adds rows, an excess counts that pays for it within so many batches."""
MEMORY = 0.7
"""Weight of a batch in the rate, relative to that of the next."""
SCALE_BATCHES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class StalenessFacts:
    """What is known of the champion's staleness as of a batch.

    Args:
        losses: its labelled batches since the last training, oldest first.
        holdout: its loss when it was promoted.
        trained_rows: rows of the last training.
        new_rows: rows for training that each batch of `losses` added.
        cost: of a retrain, in batches' worth of loss.
        served: the newest labelled batches as they were served, by whichever version; they give the scale.
        unlabelled: batches behind the newest labelled one, up to the one that is decided.
        firsts: what champions have lost on the first batch after their training, the one in force among them.
        incumbent: version of the champion in force.
        available_rows: rows that a training would have now; None for those of the last training.
    """

    losses: Sequence[BatchLoss]
    holdout: HoldoutLoss
    trained_rows: int
    new_rows: Sequence[float]
    cost: float
    served: Sequence[BatchLoss] = ()
    unlabelled: int = 0
    firsts: Sequence[FirstLoss] = ()
    incumbent: int = 0
    available_rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestExcess:
    """What the champion lost too much on its newest labelled batch, in the unit of the loss.

    `needed` is the excess up to which a retrain would not have been taken to pay, everything else as it was: what of
    the newest batch is chance, the verdict was picked for. `error` is the standard deviation of a batch's excess,
    `rows_error` the part of it that the batch's rows explain.
    """

    batch: str
    value: float
    needed: float
    error: float
    rows_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StalenessVerdict:
    """Losses in batches' worth of loss: 1 is what a batch of late has cost.

    `debt` is what staleness has cost since the last training, the batches without labels and the next one included;
    `gain` what a retrain is expected to save on each batch, `debt_error` and `gain_error` their standard deviations,
    `limit` the debt from which a retrain pays at the present `growth`. `informed` tells whether the model's own
    expectation was there to tell a hard batch from a stale model, `usual` what of a batch's excess a new model is taken
    to have too, and `capped` whether a batch lost more than counts. `newest` tells what the newest batch did to it,
    where it fired.
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
    informed: bool
    usual: float = 0.0
    capped: bool = False
    newest: NewestExcess | None = None

    @property
    def reason(self) -> str:
        """The estimate, its uncertainty, and what would change the verdict."""
        limit = f"{self.limit:.2g}" if math.isfinite(self.limit) else "any (there are no new rows to train on)"
        return (
            f"staleness has cost {self.debt:.2g} +- {self.debt_error:.2g} batches' worth of loss since the last "
            f"training, {'more' if self.fired else 'no more'} than the {limit} from which a retrain pays (it costs "
            f"{self.cost:.2g}; new rows are {math.expm1(self.growth):.0%} of the training's); a retrain is expected to "
            f"save {self.gain:.2g} +- {self.gain_error:.2g} of these on each batch"
            + (f" (no batch counts for more than {MOST_EXCESS:g})" if self.capped else "")
        )

    def record(self) -> dict[str, Any]:
        """For the state that is stored with the decision."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }


def judge_staleness(facts: StalenessFacts) -> StalenessVerdict | None:
    """Whether a retrain pays; None while no batch since the last training has labels, or where its loss is no scale.

    With L_j the champion's loss on batch j and E_j the loss that its own probabilities expected there (`expected`), H
    and E_H the same on its holdout, and B the mean loss of the (up to) eight newest labelled batches as served:

    1. excess x_j = (L_j - E_j - 0.75 g_j (H - E_H)) / B - u, at most 1: what the model lost beyond what it knew it
       would. A hard batch that it knows to be hard is no excess, nor is what new models lose beyond their expectation
       at once (u, see `usual_excess`). What a model promises too much goes with more rows, by g_j = (n / n_j)^0.5 of
       the rows n of the last training and n_j that one would have had by then: none of it where a full window slides.
       Without an expectation x_j = (L_j - H) / B;
    2. debt D_j = max(0, D_{j-1} + x_j - k), from 0 at the last training: Page's reflected sum, so that good batches of
       long ago are no credit. The slack k is 0.1, and no less than what the rows of a batch alone make its loss vary.
       Where new rows are added to the old ones a retrain forgets nothing, and k is less for a cheap one: in proportion
       to the price, where that is less than 12 batches of a slack of 0.1;
    3. nowcast v, the mean of x_j with weights that fall by 0.7 a batch: it stands for the w batches without labels and
       the next one, D = max(0, D + (w + 1) (v - k));
    4. growth r = ln(1 + new rows / rows of the last training): what there is to learn from;
    5. a retrain pays when D^0.7 r^0.3 > 1.95 cost^0.6.

    It is a stopping rule of the ski-rental kind: buy when what was rented has cost the price.

    The deviations rest on the variance of successive batches (von Neumann), which a slow rise does not hide itself in.
    """
    if not facts.losses or facts.trained_rows <= 0:
        return None
    scale = _scale(facts)
    if scale <= 0:
        return None
    usual, price = _usual(facts, scale), PRICE * facts.cost**PRICE_WEIGHT
    excess, sampling = _excess(facts, scale, usual), _sampling(facts.losses)
    slack = max(SLACK, sampling) * _strictness(_added(facts), price)
    weights = _weights(len(excess))
    rate, ahead = float(weights @ excess), facts.unlabelled + 1
    debt, counted = _debt(excess, slack)
    debt = max(0.0, debt + ahead * (rate - slack))
    growth = math.log1p(sum(facts.new_rows) / facts.trained_rows)
    noise = max(sampling, _successive(excess))
    rate_error = noise * float(np.linalg.norm(weights))
    limit = _limit(price, growth)
    fired = debt > limit
    return StalenessVerdict(
        fired=fired,
        debt=debt,
        debt_error=math.hypot(noise * math.sqrt(counted), ahead * rate_error),
        gain=max(0.0, rate),
        gain_error=rate_error,
        growth=growth,
        limit=limit,
        slack=slack,
        cost=facts.cost,
        informed=_informed(facts),
        usual=usual,
        capped=bool((excess >= MOST_EXCESS).any()),
        newest=_newest(facts, excess, slack=slack, limit=limit, noise=noise) if fired else None,
    )


def _newest(
    facts: StalenessFacts, excess: npt.NDArray[np.float64], *, slack: float, limit: float, noise: float
) -> NewestExcess:
    """How far the newest batch lies beyond where it would have left the debt at its limit.

    With P the debt before it, w its weight in the nowcast and R what the batches before it add to that, a of them to
    come, and k the slack, the debt is the larger of P + x - k + a (R + w x - k) and a (R + w x - k), or 0.
    """
    weights, ahead, scale, loss = _weights(len(excess)), facts.unlabelled + 1, _scale(facts), facts.losses[-1]
    before, _ = _debt(excess[:-1], slack)
    rest, own = float(weights[:-1] @ excess[:-1]) - slack, float(weights[-1])
    needed = min((limit - before + slack - ahead * rest) / (1 + ahead * own), (limit / ahead - rest) / own)
    return NewestExcess(
        batch=loss.batch,
        value=scale * float(excess[-1]),
        needed=scale * needed,
        error=scale * noise,
        rows_error=loss.standard_error,
    )


def _weights(batches: int) -> npt.NDArray[np.float64]:
    """Of the batches in the nowcast, the newest last."""
    weights = MEMORY ** np.arange(batches)[::-1]
    return weights / weights.sum()


def _scale(facts: StalenessFacts) -> float:
    """A batch's worth of loss of late."""
    newest = (facts.served or facts.losses)[-SCALE_BATCHES:]
    return float(np.mean([loss.value for loss in newest]))


def _informed(facts: StalenessFacts) -> bool:
    return facts.holdout.expected is not None and all(loss.expected is not None for loss in facts.losses)


def _usual(facts: StalenessFacts, scale: float) -> float:
    """0 without an expectation: a hard first batch and what new models usually lose would be one and the same."""
    if not _informed(facts):
        return 0.0
    rows = facts.trained_rows if facts.available_rows is None else facts.available_rows
    return usual_excess(facts.firsts, incumbent=facts.incumbent, scale=scale, rows=rows)


def _excess(facts: StalenessFacts, scale: float, usual: float) -> npt.NDArray[np.float64]:
    """What the model lost on each batch beyond what a new one would have."""
    held = facts.holdout
    expected = np.full(len(facts.losses), held.value)
    if _informed(facts):
        rows = facts.trained_rows + _added(facts) * np.cumsum(facts.new_rows)
        own = OWN_GAP * np.sqrt(facts.trained_rows / rows)
        known = [expected_loss(loss, held, own=share) for loss, share in zip(facts.losses, own, strict=True)]
        expected = np.array(known, dtype=np.float64)
    values = np.array([loss.value for loss in facts.losses])
    return np.clip((values - expected) / scale - usual, -MOST_EXCESS, MOST_EXCESS)


def _added(facts: StalenessFacts) -> float:
    """Share of the new rows by which a training would have more than the last one had: 0 where a window slides."""
    new = sum(facts.new_rows)
    if facts.available_rows is None or new <= 0:
        return 0.0
    return min(1.0, max(0.0, (facts.available_rows - facts.trained_rows) / new))


def _strictness(added: float, price: float) -> float:
    """Of the slack: 1, and as far as rows are added no more than the price pays for."""
    return 1.0 - added * (1.0 - min(1.0, price / (PATIENCE * SLACK)))


def _debt(excess: npt.NDArray[np.float64], slack: float) -> tuple[float, int]:
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


def _limit(price: float, growth: float) -> float:
    """The debt D at which D^0.7 growth^0.3 is the price."""
    if growth <= 0:
        return math.inf
    return float((price / growth ** (1 - DEBT_WEIGHT)) ** (1 / DEBT_WEIGHT))


def _successive(values: npt.NDArray[np.float64]) -> float:
    """Deviation of one batch, from the differences of neighbours; 0 for a single batch."""
    return math.sqrt(float(np.square(np.diff(values)).mean() / 2)) if len(values) > 1 else 0.0
