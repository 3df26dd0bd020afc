"""Is the difference of two binned samples more than the chance of drawing rows?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

MIN_EXPECTED = 5.0
"""Smallest expected count of a cell for which the chi-square approximation is trusted (Cochran 1954)."""


def homogeneity_p_value(reference_counts: Counts, current_counts: Counts) -> float | None:
    """P-value of Pearson's chi-square test that both samples come from one distribution; None when a side is empty.

    Cells with an expected count below `MIN_EXPECTED` on either side are counted together, which can only hide a
    difference. What cannot be told apart after that has the p-value 1: such few rows are no evidence.

    The test takes rows for independent. Rows of a real batch often are not, so significance alone is never drift:
    the effect floor stands beside it.

    >>> homogeneity_p_value(np.array([500, 500]), np.array([50, 50]))
    1.0
    >>> round(homogeneity_p_value(np.array([500, 500]), np.array([60, 40])), 4)
    0.0565
    """
    table = np.stack([reference_counts, current_counts]).astype(np.float64)
    if not table.sum(axis=1).all():
        return None
    table = _pooled(table)
    cells = table.shape[1]
    if cells < 2:
        return 1.0
    expected = _expected(table)
    statistic = float(((table - expected) ** 2 / expected).sum())
    from scipy.special import chdtrc  # here: scipy costs a quarter of a second, and a location that loads needs no test

    return float(chdtrc(cells - 1, statistic))


def _expected(table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()


def _pooled(table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The cells from the largest on, the small ones together in one; that one with its neighbour if it is small too."""
    table = table[:, table.sum(axis=0) > 0]
    order = np.argsort(-table.sum(axis=0), kind="stable")
    table = table[:, order]
    large = int(np.count_nonzero(_expected(table).min(axis=0) >= MIN_EXPECTED))
    if large < table.shape[1]:
        table = np.column_stack([table[:, :large], table[:, large:].sum(axis=1)])
    if table.shape[1] > 1 and _expected(table)[:, -1].min() < MIN_EXPECTED:
        table = np.column_stack([table[:, :-2], table[:, -2:].sum(axis=1)])
    return table
