from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.drift.distances.distance import Counts, Positions, both_shares


@dataclass(frozen=True, slots=True)
class TotalVariation:
    """Total variation: the share of the rows that would have to change their cell.

    `1/2 sum |p - q|`, the largest difference of the probabilities that both sides give to any set of cells.

    Source: Levin, Peres and Wilmer 2017, "Markov chains and mixing times", chapter 4.

    >>> round(TotalVariation()(np.array([50, 50]), np.array([90, 10]), 0.0), 4)
    0.4
    """

    name: str = "total_variation"
    maximum: float = 1.0
    ordered: bool = False
    symmetric: bool = True
    fine: bool = False
    meaning: str = "0: the same shares; 1: no cell in common"

    def __call__(
        self, reference_counts: Counts, current_counts: Counts, smoothing: float, positions: Positions | None = None
    ) -> float:
        p, q = both_shares(reference_counts, current_counts, smoothing)
        return float(min(np.abs(p - q).sum() / 2, 1.0))
