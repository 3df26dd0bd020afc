from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.drift.distances.distance import Counts, Positions, both_shares


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """Symmetric chi-square distance: the squared differences of the shares over their sum.

    `1/2 sum (p - q)^2 / (p + q)`, the triangular discrimination halved. It is Pearson's statistic of two samples of
    equal size n over 2 n, and does not grow with n.

    Source: Vincze 1981; Le Cam 1986; Topsoe 2000, "Some inequalities for information divergence and related measures of
    discrimination", IEEE Transactions on Information Theory 46(4).

    >>> round(ChiSquare()(np.array([50, 50]), np.array([90, 10]), 0.0), 4)
    0.1905
    """

    name: str = "chi_square"
    maximum: float = 1.0
    ordered: bool = False
    symmetric: bool = True
    fine: bool = False
    meaning: str = "0: the same shares; 1: no cell in common"

    def __call__(
        self, reference_counts: Counts, current_counts: Counts, smoothing: float, positions: Positions | None = None
    ) -> float:
        p, q = both_shares(reference_counts, current_counts, smoothing)
        held = np.flatnonzero(p + q)
        return float(min(((p - q)[held] ** 2 / (p + q)[held]).sum() / 2, 1.0))
