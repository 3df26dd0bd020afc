"""What a distance between two binned distributions must answer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
Positions = npt.NDArray[np.float64]


@runtime_checkable
class Distance(Protocol):
    """How far two count vectors over the same cells are apart; 0 for equal shares, and never negative.

    `maximum` is the value of two distributions that share no cell (infinite where there is no limit), `ordered` tells
    whether the order of the cells matters, `symmetric` whether the sides can be swapped, `fine` whether numbers are
    compared over all fine bins of their profiles instead of quantile cells, and `meaning` says what the extremes are.
    """

    @property
    def name(self) -> str:
        """As `drift.distance` spells it."""
        ...

    @property
    def maximum(self) -> float:
        """The largest value there can be."""
        ...

    @property
    def ordered(self) -> bool:
        """Whether the order of the cells matters."""
        ...

    @property
    def symmetric(self) -> bool:
        """Whether the two sides can be swapped."""
        ...

    @property
    def fine(self) -> bool:
        """Whether numbers are compared over their fine bins, which a smoothing of each would drown."""
        ...

    @property
    def meaning(self) -> str:
        """What the extremes mean."""
        ...

    def __call__(
        self,
        reference_counts: Counts,
        current_counts: Counts,
        smoothing: float,
        positions: Positions | None = None,
    ) -> float:
        """The distance.

        Args:
            reference_counts: rows by cell, shape (cells,).
            current_counts: rows by cell, shape (cells,).
            smoothing: pseudo-count that is added to each cell before shares are taken, >= 0.
            positions: where each cell lies, shape (cells,); NaN for a cell that has no place (missing values). None
                where the cells have no places at all.

        Raises:
            ValueError: the shapes differ, a side has no rows, or the smoothing cannot be used.
        """
        ...


def shares(counts: Counts, smoothing: float) -> Shares:
    """Shares of the cells after adding the pseudo-count to each.

    >>> shares(np.array([3, 0]), 0.5).tolist()
    [0.875, 0.125]
    """
    weights = counts + float(smoothing)
    total = weights.sum()
    if smoothing < 0 or total <= 0:
        raise ValueError(f"shares need rows and a smoothing >= 0 (got {counts.sum()} rows, smoothing {smoothing})")
    return weights / total


def both_shares(reference_counts: Counts, current_counts: Counts, smoothing: float) -> tuple[Shares, Shares]:
    """Shares of both sides over the same cells."""
    if reference_counts.shape != current_counts.shape or reference_counts.ndim != 1:
        raise ValueError(
            "a distance needs two count vectors over the same cells "
            f"(got shapes {reference_counts.shape} and {current_counts.shape})"
        )
    return shares(reference_counts, smoothing), shares(current_counts, smoothing)


def needs_smoothing(name: str, smoothing: float) -> None:
    """Refuses a pseudo-count of zero.

    Raises:
        ValueError: the smoothing is not above zero.
    """
    if smoothing <= 0:
        raise ValueError(f"drift.smoothing must be > 0 (got {smoothing}): an empty cell would make {name} infinite.")
