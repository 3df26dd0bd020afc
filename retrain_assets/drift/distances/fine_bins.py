"""Both sides of a column of numbers or times over the fine bins of their profiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.data import bins as fine
from retrain_assets.data import sketch
from retrain_assets.data.column_profile import ColumnProfile, bins_of
from retrain_assets.data.exact import EXACT
from retrain_assets.drift.cells import infinite_of
from retrain_assets.drift.distances.distance import Counts, Positions


@dataclass(frozen=True, slots=True)
class FineBins:
    """Ascending, infinite values at the ends and missing ones last; each of shape (bins,).

    Args:
        reference: its rows by bin.
        current: its rows by bin.
        positions: the middles of the bins; NaN of values that have no place.
        away: how far a value is at most from the position of its bin; beyond 2^53 with what a double may have rounded
            off a whole number.
    """

    reference: Counts
    current: Counts
    positions: Positions
    away: Positions


def fine_bins(before: ColumnProfile, after: ColumnProfile) -> FineBins:
    """Both sides on the coarser of their grids."""
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
    single = not days and precision == sketch.FINEST
    # A number's bin of the finest grid holds that number alone: its inner edge.
    middles = np.where(keys < 0, high, low) if single else low / 2 + high / 2
    return FineBins(
        reference=counted[0],
        current=counted[1],
        positions=np.concatenate([[np.nan], middles, [np.nan, np.nan]]),
        away=_away(keys, middles, (middles, middles) if single else (low, high), (before, after)),
    )


def _away(
    keys: sketch.Keys,
    middles: Positions,
    edges: tuple[Positions, Positions],
    sides: tuple[ColumnProfile, ColumnProfile],
) -> Positions:
    """The outermost bins reach as far as the values do, which may be beyond the grid."""
    if not len(keys):
        return np.zeros(3)
    low, high = (edge.copy() for edge in edges)
    around_zero = sum(side.bins.get(0, 0) for side in sides) > sum(side.zeros for side in sides)
    if sides[0].kind != "datetime" and around_zero:
        low[keys == 0], high[keys == 0] = -sketch.SMALLEST, sketch.SMALLEST
    low[0] = min([low[0], *(side.minimum for side in sides if side.minimum is not None)])
    high[-1] = max([high[-1], *(side.maximum for side in sides if side.maximum is not None)])
    rounded = np.where(np.abs(middles) >= EXACT, np.spacing(np.abs(middles)) / 2, 0.0)
    return np.concatenate([[0.0], np.maximum(middles - low, high - middles) + rounded, [0.0, 0.0]])
