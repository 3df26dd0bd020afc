"""What models have lost on the first batch after their training: no retrain mends what a new model loses too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss

OWN_GAP = 0.75
"""Share of the holdout's gap between loss and expectation that is taken for the model's nature: of what a model
promises too much, some goes with new rows, and the gap is measured on few."""
MOST_EXCESS = 1.0
"""One batch's excess counts at most so many batches' worth of loss."""
INCUMBENT_WEIGHT = 0.5
"""Weight of the model in force: what it lost first may be its nature, and may be where its staleness began."""
NEWEST = 8
"""Champions that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLoss:
    """A champion's loss on its first labelled batch after its training, with that on its holdout, and its rows."""

    version: int
    loss: BatchLoss
    holdout: HoldoutLoss
    trained_rows: int


def expected_loss(loss: BatchLoss, holdout: HoldoutLoss, *, own: float = OWN_GAP) -> float | None:
    """What a model would lose on a batch if it were not stale: E_j + 0.75 (H - E_H).

    With E what its own probabilities expected on the batch and on the holdout, and H its loss there; None where it
    expects nothing. `own` is the share of the gap that is taken for the model's nature; what a model promises too
    little is its nature whatever that is.
    """
    if loss.expected is None or holdout.expected is None:
        return None
    gap = holdout.value - holdout.expected
    return loss.expected + (own if gap > 0 else OWN_GAP) * gap


def usual_excess(firsts: Sequence[FirstLoss], *, incumbent: int, scale: float, rows: int) -> float:
    """What a model trained now is to be expected to lose beyond its own expectation at once, in batches' worth of loss.

    The mean over champions q of their first excess x_q (between -1 and 1), weighted 1 and the incumbent 1/2, with one
    more of excess 0 to begin with, and at least 0:

        sum w_q x_q min(1, n_q / n)^2 / (1 + sum w_q).

    n_q are the rows that q was trained on and n those that a training would have: what a model loses for want of rows
    falls like 1 / n, so that more rows do mend it, and by the same share the case of a smaller model tells less of a
    larger one. A champion that expects nothing of itself tells nothing.

    Args:
        firsts: of the champions.
        incumbent: version of the one in force.
        scale: a batch's worth of loss.
        rows: that a training would have now.
    """
    total, weights = 0.0, 1.0
    for first in firsts:
        expected = expected_loss(first.loss, first.holdout)
        if expected is None or first.trained_rows <= 0:
            continue
        weight = INCUMBENT_WEIGHT if first.version == incumbent else 1.0
        excess = float(np.clip((first.loss.value - expected) / scale, -MOST_EXCESS, MOST_EXCESS))
        total += weight * excess * min(1.0, first.trained_rows / max(rows, 1)) ** 2
        weights += weight
    return max(0.0, total / weights)
