from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.drift.distances.distance import Counts, Positions, Shares, both_shares


@dataclass(frozen=True, slots=True)
class JensenShannon:
    """Jensen-Shannon distance: the root of the divergence in bits.

    `sqrt(H((p + q) / 2) - (H(p) + H(q)) / 2)` with the entropy H to base 2. It is a metric: symmetric, 0 for equal
    shares, 1 for shares without a common cell, finite also where a cell is empty.

    Two samples of one distribution are not at 0: over k cells the divergence has the mean
    `(k - 1) / (8 ln 2) * (1 / n + 1 / m)`, a distance of 0.03 for 23 cells, 5,000 rows and a reference of 40,000.

    Source: Lin 1991, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37(1);
    Endres and Schindelin 2003, "A new metric for probability distributions", ibid. 49(7).

    >>> distance = JensenShannon()
    >>> round(distance(np.array([50, 50]), np.array([90, 10]), 0.0), 4)
    0.3831
    """

    name: str = "jensen_shannon"
    maximum: float = 1.0
    ordered: bool = False
    symmetric: bool = True
    fine: bool = False
    meaning: str = "0: the same shares; 1: no cell in common"

    def __call__(
        self, reference_counts: Counts, current_counts: Counts, smoothing: float, positions: Positions | None = None
    ) -> float:
        p, q = both_shares(reference_counts, current_counts, smoothing)
        middle = (p + q) / 2
        divergence = (_bits(p, middle) + _bits(q, middle)) / 2
        return float(np.sqrt(np.clip(divergence, 0.0, 1.0)))


def _bits(p: Shares, q: Shares) -> float:
    """Kullback-Leibler divergence of p from q in bits; an empty cell of p adds nothing."""
    held = p > 0
    return float((p[held] * np.log2(p[held] / q[held])).sum())
