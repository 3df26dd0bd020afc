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
    sides, keys, precision = _shared_bins(before, after)
    counted = np.zeros((2, len(keys) + 3), dtype=np.int64)
    for row, (own, counts) in enumerate(sides):
        np.add.at(counted[row], np.searchsorted(keys, own) + 1, counts)
    infinite = np.concatenate(infinite_of([before], [after]))
    counted[:, 0], counted[:, -2], counted[:, -1] = *infinite.T, [before.missing, after.missing]
    middles = _middles(keys, precision, days=before.kind == "datetime")
    return counted[0], counted[1], np.concatenate([[np.nan], middles, [np.nan, np.nan]])


def half_widths(before: ColumnProfile, after: ColumnProfile) -> Positions:
    """How far a value is at most from the position that `fine_cells` gives its bin, shape (cells,).

    The outermost bins reach as far as the values do, which may be beyond the grid.
    """
    _, keys, precision = _shared_bins(before, after)
    days = before.kind == "datetime"
    if not len(keys):
        return np.zeros(3)
    middles = _middles(keys, precision, days=days)
    low, high = (
        (middles, middles) if precision == sketch.FINEST and not days else fine.edges(keys, precision, days=days)
    )
    low, high = low.copy(), high.copy()
    if not days and sum(side.bins.get(0, 0) for side in (before, after)) > before.zeros + after.zeros:
        low[keys == 0], high[keys == 0] = -sketch.SMALLEST, sketch.SMALLEST
    low[0] = min([low[0], *(side.minimum for side in (before, after) if side.minimum is not None)])
    high[-1] = max([high[-1], *(side.maximum for side in (before, after) if side.maximum is not None)])
    return np.concatenate([[0.0], np.maximum(middles - low, high - middles), [0.0, 0.0]])


def _shared_bins(
    before: ColumnProfile, after: ColumnProfile
) -> tuple[list[tuple[sketch.Keys, Counts]], sketch.Keys, int]:
    """Keys and counts of both sides on the coarser of their grids, all keys, and its digits."""
    precision, days = min(before.precision, after.precision), before.kind == "datetime"
    sides = [
        (fine.collapsed(keys, side.precision, precision, days=days), counts)
        for side in (before, after)
        for keys, counts in (bins_of(side),)
    ]
    return sides, np.unique(np.concatenate([keys for keys, _ in sides])), precision


def _middles(keys: sketch.Keys, precision: int, *, days: bool) -> Positions:
    low, high = fine.edges(keys, precision, days=days)
    # A number's bin of the finest grid holds that number alone: its inner edge.
    return low / 2 + high / 2 if days or precision < sketch.FINEST else np.where(keys < 0, high, low)
