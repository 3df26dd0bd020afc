"""The plain rule that `staleness` grew out of, to be measured beside it: debt times growth, without an expectation."""

from __future__ import annotations

import math

import numpy as np

from retrain_assets.replay.clock import Moment, Rule

DEBT_WEIGHT = 0.7
PRICE, PRICE_WEIGHT = 1.95, 0.6
MEMORY = 0.7
SCALE_BATCHES = 8
GROWTH_OF_AGE = 0.1
"""Growth that a batch of age counts for where the window slides."""


def debt_growth(cost: float) -> Rule:
    """Retrains when D^0.7 r^0.3 > 1.95 cost^0.6.

    With L_j the champion's loss on each batch j since the last training, H that on its holdout, and B the mean loss of
    the (up to) eight newest labelled batches as they were served: evidence x_j = (L_j - H) / B, signed; nowcast v its
    mean with weights that fall by 0.7 a batch; debt D = max(0, sum x + (u + 1) v) with u batches without labels. The
    growth r is ln(training rows now / then) with all history, a tenth for each batch since then with any other window.
    """
    limit = PRICE * cost**PRICE_WEIGHT

    def rule(moment: Moment) -> bool:
        return _debt(moment) ** DEBT_WEIGHT * _growth(moment) ** (1 - DEBT_WEIGHT) > limit

    return rule


def _debt(moment: Moment) -> float:
    book, champion, newest = moment.book, moment.champion, moment.labelled
    holdout = book.holdout(champion)
    since = range(max(champion, moment.attempted) + 1, newest + 1)
    scale = _scale(moment)
    if holdout is None or not since or scale <= 0:
        return 0.0
    evidence = (book.mean[champion, list(since)] - holdout.value) / scale
    weights = MEMORY ** np.arange(len(evidence))[::-1]
    nowcast = float(weights @ evidence / weights.sum())
    return max(0.0, float(evidence.sum()) + (moment.decided - newest + 1) * nowcast)


def _scale(moment: Moment) -> float:
    """A batch's worth of loss of late; the champion's own while nothing that was served has labels."""
    newest = range(max(0, moment.labelled + 1 - SCALE_BATCHES), moment.labelled + 1)
    mean = moment.book.mean
    served = [mean[moment.serving[j], j] for j in newest if j in moment.serving]
    served = served or [mean[moment.champion, j] for j in newest if j > moment.champion]
    return float(np.mean(served)) if served else 0.0


def _growth(moment: Moment) -> float:
    stream = moment.book.stream
    if stream.window is not None:
        return GROWTH_OF_AGE * (moment.labelled - moment.attempted)
    rows = [len(stream.training_rows(newest)) for newest in (moment.labelled, moment.attempted)]
    return math.log(rows[0] / rows[1])
