from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.drift.distances.distance import Counts, Positions, both_shares


@dataclass(frozen=True, slots=True)
class CramersV:
    """Cramer's V of the side and the cell: how strongly the cell of a row tells which side it came from.

    `sqrt(X^2 / N)` with Pearson's statistic of the table of two sides by cells, which has `min(2, cells) - 1 = 1`. It
    takes the sizes of the sides as they are: the same shares with one side much larger give a smaller value.

    Source: Cramer 1946, "Mathematical methods of statistics", chapter 21.

    >>> round(CramersV()(np.array([50, 50]), np.array([90, 10]), 0.0), 4)
    0.4364
    """

    name: str = "cramers_v"
    maximum: float = 1.0
    ordered: bool = False
    symmetric: bool = True
    fine: bool = False
    meaning: str = "0: the same shares; 1: no cell in common"

    def __call__(
        self, reference_counts: Counts, current_counts: Counts, smoothing: float, positions: Positions | None = None
    ) -> float:
        both_shares(reference_counts, current_counts, smoothing)
        table = np.stack([reference_counts, current_counts]) + float(smoothing)
        table = table[:, table.sum(axis=0) > 0]
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
        return float(np.sqrt(min((((table - expected) ** 2) / expected).sum() / table.sum(), 1.0)))
