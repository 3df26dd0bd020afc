from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrain_assets.data.exact import EXACT
from retrain_assets.drift.distances.distance import Counts, Positions, Shares, both_shares


@dataclass(frozen=True, slots=True)
class Wasserstein:
    """Wasserstein distance of order 1, in standard deviations of the reference: how far a row moves on average.

    `integral |F(x) - G(x)| dx / s`, with the deviation s of the reference: 0.5 says as much as a shift by half a
    deviation. Cells without a place (missing values) are left out. Where the reference has a single value, or several
    that rounding may have made of one, s is its magnitude, or 1 for zero. Cells without places (categories) are all
    equally far from each other: then it is the total variation.

    From bins the value is off by at most half the widths of the two bins that a row can move between, over s; a report
    has the bound beside the value (`score_errors`). A whole number beyond 2^53 is besides off by what its double rounds
    off, 128 at most of 2^60.

    Source: Kantorovich 1942; Vallender 1974, "Calculation of the Wasserstein distance between probability distributions
    on the line"; Ramdas, Garcia and Cuturi 2017, "On Wasserstein two-sample testing", Entropy 19(2).

    >>> distance = Wasserstein()
    >>> round(distance(np.array([50, 50]), np.array([90, 10]), 0.0, np.array([0.0, 1.0])), 4)
    0.8
    """

    name: str = "wasserstein"
    maximum: float = math.inf
    ordered: bool = True
    symmetric: bool = False
    fine: bool = True
    meaning: str = "0: the same shares; d: rows move by d deviations of the reference on average"

    def __call__(
        self, reference_counts: Counts, current_counts: Counts, smoothing: float, positions: Positions | None = None
    ) -> float:
        p, q = both_shares(reference_counts, current_counts, smoothing)
        if positions is None:
            return float(min(np.abs(p - q).sum() / 2, 1.0))
        placed = ~np.isnan(positions)
        p, q, x = p[placed], q[placed], positions[placed]
        if not p.sum() or not q.sum():
            return 0.0
        order = np.argsort(x, kind="stable")
        p, q, x = p[order] / p.sum(), q[order] / q.sum(), x[order]
        moved = float((np.abs(np.cumsum(p - q))[:-1] * np.diff(x)).sum())
        return moved / (deviation_of(p, x) or abs(float(p @ x)) or 1.0)


def deviation_of(p: Shares, x: Positions) -> float | None:
    """Of shares of positions; None of one value, also where rounding makes several of it.

    Whole numbers up to 2^53 are doubles, which no rounding makes several of: they differ however close they lie.

    >>> places = 2.0**52 + np.array([0.0, 2.0])
    >>> deviation_of(np.array([0.5, 0.5]), places), deviation_of(np.array([0.5, 0.5]), places / 2**53)
    (1.0, None)
    """
    # From one of the values and in units of the farthest: far from zero digits are lost, and squares overflow.
    farthest = float(np.abs(x - x[p.argmax()]).max()) or 1.0
    away = (x - x[p.argmax()]) / farthest
    scale = farthest * math.sqrt(float(p @ (away - p @ away) ** 2))
    largest = float(np.abs(x).max())
    whole = largest <= EXACT and bool((x == np.floor(x)).all())
    return scale if scale > (0.0 if whole else _ROUNDING * largest) else None


_ROUNDING = 8 * float(np.finfo(np.float64).eps)
"""A smaller deviation, of the largest magnitude, is that of one value computed in several ways."""
