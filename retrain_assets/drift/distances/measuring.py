"""Distances of one column from its profiles."""

from __future__ import annotations

from numbers import Real

import numpy as np

from retrain_assets.data import bins as fine
from retrain_assets.data import sketch
from retrain_assets.data.column_profile import ColumnProfile, bins_of
from retrain_assets.drift.cells import ColumnCells, infinite_of
from retrain_assets.drift.distances.distance import Counts, Distance, Positions
from retrain_assets.drift.distances.registry import find_distance


def measure(name: str, cells: ColumnCells, before: ColumnProfile, after: ColumnProfile, smoothing: float) -> float:
    """The distance of a column.

    Args:
        name: of the distance.
        cells: both sides over the same cells.
        before: profile of the reference.
        after: profile of the current window.
        smoothing: pseudo-count of each cell; none is added to fine bins, of which there are hundreds.

    Raises:
        ValueError: the distance answers what none can be.
    """
    distance = find_distance(name)
    if distance.fine and cells.ordered:
        reference, current, positions = fine_cells(before, after)
        return _checked(distance, distance(reference, current, 0.0, positions), before.name)
    _, reference, current = cells.sides
    return _checked(distance, distance(reference, current, smoothing), before.name)


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


def fine_cells(before: ColumnProfile, after: ColumnProfile) -> tuple[Counts, Counts, Positions]:
    """Both sides over their fine bins, ascending, infinite values at the ends and missing last; the bins' middles."""
    precision, days = min(before.precision, after.precision), before.kind == "datetime"
    sides = [
        (fine.collapsed(keys, side.precision, precision, days=days), counts)
        for side in (before, after)
        for keys, counts in (bins_of(side),)
    ]
    keys = np.unique(np.concatenate([keys for keys, _ in sides]))
    counted = np.zeros((2, len(keys) + 3), dtype=np.int64)
    for row, (own, counts) in enumerate(sides):
        np.add.at(counted[row], np.searchsorted(keys, own) + 1, counts)
    infinite = np.concatenate(infinite_of([before], [after]))
    counted[:, 0], counted[:, -2], counted[:, -1] = *infinite.T, [before.missing, after.missing]
    low, high = fine.edges(keys, precision, days=days)
    # A number's bin of the finest grid holds that number alone: its inner edge.
    middles = low / 2 + high / 2 if days or precision < sketch.FINEST else np.where(keys < 0, high, low)
    return counted[0], counted[1], np.concatenate([[np.nan], middles, [np.nan, np.nan]])
