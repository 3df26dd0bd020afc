from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.drift.distances.distance import Counts, Positions, both_shares


@dataclass(frozen=True, slots=True)
class LInfinity:
    """L-infinity distance: the largest change of the share of one cell.

    `max |p - q|`. It is read directly (one category has gained so many points), and blind to many small changes.

    Source: the Chebyshev norm; in drift monitoring, Breck et al. 2019, "Data validation for machine learning", MLSys.

    >>> round(LInfinity()(np.array([50, 50]), np.array([90, 10]), 0.0), 4)
    0.4
    """

    name: str = "l_infinity"
    maximum: float = 1.0
    ordered: bool = False
    symmetric: bool = True
    fine: bool = False
    meaning: str = "0: the same shares; 1: each side lies in one cell, another than the other's"

    def __call__(
        self, reference_counts: Counts, current_counts: Counts, smoothing: float, positions: Positions | None = None
    ) -> float:
        p, q = both_shares(reference_counts, current_counts, smoothing)
        return float(min(np.abs(p - q).max(), 1.0))
