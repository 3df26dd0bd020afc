from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrain_assets.drift.distances.distance import Counts, Positions, both_shares, needs_smoothing


@dataclass(frozen=True, slots=True)
class KullbackLeibler:
    """Kullback-Leibler divergence of the current window from the reference, in nats.

    `sum q ln(q / p)` with the shares q of the current window: what a model of the reference loses on it. Not symmetric;
    without limit where the reference has an empty cell, so the pseudo-count must be declared and above zero.

    Source: Kullback and Leibler 1951, "On information and sufficiency", Annals of Mathematical Statistics 22.

    >>> round(KullbackLeibler()(np.array([50, 50]), np.array([90, 10]), 0.5), 4)
    0.3594
    """

    name: str = "kullback_leibler"
    maximum: float = math.inf
    ordered: bool = False
    symmetric: bool = False
    fine: bool = False
    meaning: str = "0: the same shares; unlimited: cells that the reference leaves empty"

    def __call__(
        self, reference_counts: Counts, current_counts: Counts, smoothing: float, positions: Positions | None = None
    ) -> float:
        needs_smoothing("kullback_leibler", smoothing)
        p, q = both_shares(reference_counts, current_counts, smoothing)
        return float(max((q * np.log(q / p)).sum(), 0.0))
