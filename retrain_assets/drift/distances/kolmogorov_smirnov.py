from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.drift.distances.distance import Counts, Positions, both_shares


@dataclass(frozen=True, slots=True)
class KolmogorovSmirnov:
    """Kolmogorov-Smirnov distance: the largest gap between the two cumulative distributions, at the cells' edges.

    `max_j |sum_{i <= j} p_i - sum_{i <= j} q_i|`. Missing values stand behind the largest. Categories have no order:
    they stand in the order of their frequency in the reference, and the value is a lower bound of the total variation.

    Within a cell the gap can be larger than at its edges, by at most the smaller of the two shares of that cell: a
    report has the bound beside the value (`score_errors`).

    Source: Smirnov 1939, "On the estimation of the discrepancy between empirical curves of distribution for two
    independent samples".

    >>> distance = KolmogorovSmirnov()
    >>> round(distance(np.array([50, 50]), np.array([90, 10]), 0.0), 4)
    0.4
    """

    name: str = "kolmogorov_smirnov"
    maximum: float = 1.0
    ordered: bool = True
    symmetric: bool = True
    fine: bool = True
    meaning: str = "0: the same shares; 1: one side lies wholly below the other"

    def __call__(
        self, reference_counts: Counts, current_counts: Counts, smoothing: float, positions: Positions | None = None
    ) -> float:
        p, q = both_shares(reference_counts, current_counts, smoothing)
        return float(min(np.abs(np.cumsum(p) - np.cumsum(q)).max(), 1.0))
