from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrain_assets.drift.distances.distance import Counts, Positions, both_shares, needs_smoothing


@dataclass(frozen=True, slots=True)
class PopulationStabilityIndex:
    """Population stability index: the symmetric Kullback-Leibler (Jeffreys) divergence in nats.

    `sum((q - p) * ln(q / p))`. Custom calls 0.1 a change worth a look and 0.25 a large one. It has no upper limit: a
    cell that one side leaves empty counts as much as the pseudo-count lets it, which is why it must be declared and
    above zero.

    Source: Jeffreys 1946, "An invariant form for the prior probability in estimation problems"; Siddiqi 2006, "Credit
    risk scorecards"; Yurdakul and Naranjo 2020, "Statistical properties of the population stability index".

    >>> distance = PopulationStabilityIndex()
    >>> round(distance(np.array([50, 50]), np.array([90, 10]), 0.5), 4)
    0.8531
    """

    name: str = "psi"
    maximum: float = math.inf
    ordered: bool = False
    symmetric: bool = True
    fine: bool = False
    meaning: str = "0: the same shares; unlimited: cells that one side leaves empty"

    def __call__(
        self, reference_counts: Counts, current_counts: Counts, smoothing: float, positions: Positions | None = None
    ) -> float:
        needs_smoothing("psi", smoothing)
        p, q = both_shares(reference_counts, current_counts, smoothing)
        return float(((q - p) * np.log(q / p)).sum())
