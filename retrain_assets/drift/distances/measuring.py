"""Distances of one column from its profiles."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.drift.cells import ColumnCells
from retrain_assets.drift.distances.distance import Distance
from retrain_assets.drift.distances.fine_bins import FineBins, fine_bins
from retrain_assets.drift.distances.registry import DISTANCES, find_distance


def measure(
    name: str,
    cells: ColumnCells,
    before: ColumnProfile,
    after: ColumnProfile,
    smoothing: float,
    *,
    fine: FineBins | None = None,
) -> float:
    """The distance of a column.

    Args:
        name: of the distance.
        cells: both sides over the same cells.
        before: profile of the reference.
        after: profile of the current window.
        smoothing: pseudo-count of each cell; none is added to fine bins, of which there are hundreds.
        fine: both sides over their fine bins, where somebody has them already.

    Raises:
        ValueError: the distance answers what none can be, or one of another package fails.
    """
    distance = find_distance(name)
    if distance.fine and cells.ordered:
        fine = fine_bins(before, after) if fine is None else fine
        return _answer(distance, before.name, fine.reference, fine.current, 0.0, fine.positions)
    _, reference, current = cells.sides
    return _answer(distance, before.name, reference, current, smoothing)


def _answer(distance: Distance, column: str, *asked: Any) -> float:
    if distance is DISTANCES.get(distance.name):
        return _checked(distance, distance(*asked), column)
    try:
        answer = distance(*asked)
    except Exception as error:  # whatever the distance of somebody else raises
        raise ValueError(
            f"the distance '{distance.name}' failed for column '{column}': {type(error).__name__}: {error}"
        ) from error
    return _checked(distance, answer, column)


def _checked(distance: Distance, answer: object, column: str) -> float:
    """A distance of another package may answer anything, and NaN would reach every floor."""
    value = float(answer) if isinstance(answer, (Real, np.generic)) else np.nan
    if not -_ROUNDING <= value <= distance.maximum * (1 + _ROUNDING) or np.isinf(value):
        raise ValueError(
            f"the distance '{distance.name}' must answer a finite number from 0 to its maximum {distance.maximum:g} "
            f"(it answered {answer!r} for column '{column}')"
        )
    return value


_ROUNDING = 1e-9
