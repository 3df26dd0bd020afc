"""Could any window be told from the reference batches, however far it is from them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from retrain_assets.drift.aspects import judge, weighted
from retrain_assets.drift.binning import Counts
from retrain_assets.drift.cells import ColumnCells
from retrain_assets.drift.summaries import summarize
from retrain_assets.drift.variation import Array

_OF_VALUES = (0, 1, 2, 4)
"""Location, spread, shape and novelty: what the values of a window can show."""


def smallest_p_values(columns: Sequence[ColumnCells]) -> Array:
    """The smaller p-value of two windows of the same rows, all of them below or above every value of the reference.

    Where batches differ so much, or are so few, that not even these are significant, no test tells a window from them
    (Tarone 1990, "A modified Bonferroni method for discrete data", Biometrics 46): that it has not drifted cannot be
    said of it.

    Args:
        columns: counted over as many batches.

    Returns:
        Shape (columns,); 0 for a column of which no such window can be made: one that has no value on either side, or
        categories without a cell for those that the reference does not have.
    """
    sides = [[_beyond(each, above=above) for each in columns] for above in (False, True)]
    smallest = np.ones(len(columns))
    for side in sides:
        p_values, _ = judge(
            summarize([each if made is None else made for each, made in zip(columns, side, strict=True)])
        )
        np.minimum(smallest, weighted(p_values)[_OF_VALUES, :].min(axis=0), out=smallest)
    return np.where([made is None for made in sides[0]], 0.0, smallest)


def _beyond(column: ColumnCells, *, above: bool) -> ColumnCells | None:
    present = int(column.current[:-1].sum())
    if not present or not column.novel_apart or not column.reference[column.inner].any():
        return None
    cell = -2 if above or not column.ordered else 0

    def moved(counts: Counts) -> Counts:
        made = np.zeros_like(counts)
        made[..., cell], made[..., -1] = counts[..., :-1].sum(axis=-1), counts[..., -1]
        return made

    return replace(
        column, current=moved(column.current), current_batches=moved(column.current_batches), current_novel=present
    )
