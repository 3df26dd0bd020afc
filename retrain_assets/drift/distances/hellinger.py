from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.drift.distances.distance import Counts, Positions, both_shares


@dataclass(frozen=True, slots=True)
class Hellinger:
    """Hellinger distance: half the squared difference of the roots of the shares, and the root of that.

    `sqrt(1/2 sum (sqrt(p) - sqrt(q))^2) = sqrt(1 - sum sqrt(p q))`. A metric; within a factor of the total variation:
    `h^2 <= tv <= sqrt(2) h`. A rare cell weighs more than in the total variation.

    Source: Hellinger 1909, "Neue Begruendung der Theorie quadratischer Formen", Crelle 136; Le Cam and Yang 2000,
    "Asymptotics in Statistics".

    >>> round(Hellinger()(np.array([50, 50]), np.array([90, 10]), 0.0), 4)
    0.3249
    """

    name: str = "hellinger"
    maximum: float = 1.0
    ordered: bool = False
    symmetric: bool = True
    fine: bool = False
    meaning: str = "0: the same shares; 1: no cell in common"

    def __call__(
        self, reference_counts: Counts, current_counts: Counts, smoothing: float, positions: Positions | None = None
    ) -> float:
        p, q = both_shares(reference_counts, current_counts, smoothing)
        return float(np.sqrt(np.clip(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2, 0.0, 1.0)))
