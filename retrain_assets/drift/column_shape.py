"""The shape of a column: roots of the shares of its cells, whose sampling variance hardly depends on the shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain_assets.drift.cells import ColumnCells
from retrain_assets.drift.normal_scores import normal_scores
from retrain_assets.drift.variation import Array

MIN_EXPECTED = 5.0
"""Cells of fewer expected rows in the smallest batch are counted together."""
_LEAST_LEFT = 0.05
"""Of the sampling variance of a cell's root at least this part counts, where location and spread take most of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnShape:
    """Of one column.

    Args:
        roots: of the reference batches, shape (batches, cells).
        current_roots: of the window, on average over its batches, shape (cells,).
        units: sampling variance of the root of each cell, of a single row, shape (cells,).
        skews: skewness of it, of a single row, shape (cells,).
        free: cells that are free to vary.
    """

    roots: Array
    current_roots: Array
    units: Array
    skews: Array
    free: int


def shape_of(column: ColumnCells) -> ColumnShape:
    """Over cells of at least `MIN_EXPECTED` rows in the smallest batch.

    Of a number what location and spread say is taken off: the directions into which they move the roots.
    """
    reference, batches, current = folded(column)
    if not reference.sum():
        one = np.ones(1)
        return ColumnShape(
            roots=np.ones((len(batches), 1)), current_roots=one, units=one / 4, skews=np.zeros(1), free=0
        )
    smallest = min([rows for rows in (*batches.sum(axis=1), *current.sum(axis=1)) if rows], default=0.0)
    # A category that only the window has is one of both sides, as those that were given a cell.
    seen = reference if column.ordered else reference + current.sum(axis=0)
    groups = _groups(seen / seen.sum() * smallest, ordered=column.ordered)
    gathered = np.zeros((len(reference), int(groups.max()) + 1))
    gathered[np.arange(len(reference)), groups] = 1.0
    shares = reference @ gathered / reference.sum()
    roots = _roots(batches @ gathered, shares)
    current_roots = _roots((held(current) if current.any() else current) @ gathered, shares).mean(axis=0)
    scores = normal_scores(shares) if column.ordered else []
    # The roots lie on a sphere: along the reference itself they say by its square what they say across it.
    across = np.eye(len(shares))
    for score in (np.ones(len(shares)), *scores):
        direction = np.sqrt(shares) * score
        across -= np.outer(direction, direction)
        roots = roots - np.outer(roots @ direction, direction)
        current_roots = current_roots - (current_roots @ direction) * direction
    left = np.maximum(np.diag(across), _LEAST_LEFT)
    # That of a single root is -1 / (2 sqrt(share)); a cell that only the window fills has rows of the least share.
    skews = across**3 @ (-0.5 / np.sqrt(np.maximum(shares, MIN_EXPECTED / max(smallest, 1.0)))) / left**1.5
    free = len(shares) - 1 - len(scores)
    return ColumnShape(roots=roots, current_roots=current_roots, units=left / 4, skews=skews, free=free)


def folded(column: ColumnCells) -> tuple[Array, Array, Array]:
    """Reference, its batches and the window's over the inner cells; what lies beyond counts in the cell beside it."""
    inner = column.inner
    sides: list[Array] = []
    for counts in (column.reference[None], column.batches, column.current_batches):
        within = counts[:, inner].astype(np.float64)
        if within.shape[1] and column.ordered:
            within[:, 0] += counts[:, 0]
            within[:, -1] += counts[:, -2]
        elif within.shape[1] and column.novel_apart:
            within[:, -1] += counts[:, -2]
        sides.append(within)
    return sides[0][0], sides[1], sides[2]


def held(counts: Array) -> Array:
    """The batches that have any row."""
    return counts[counts.sum(axis=1) > 0]


def _groups(expected: Array, *, ordered: bool) -> npt.NDArray[np.int64]:
    """The cell that a small one is counted in: of numbers the one beside it, of categories one for all of them.

    Categories of which none is large enough are counted together as numbers are.
    """
    large = expected >= MIN_EXPECTED
    if not ordered and large.any():
        groups = np.cumsum(large) - 1
        if not large.all():
            rest = int(large.sum()) if expected[~large].sum() >= MIN_EXPECTED else int(large.sum()) - 1
            groups[~large] = rest
        return groups.astype(np.int64)
    groups, reached, group = np.zeros(len(expected), dtype=np.int64), 0.0, 0
    left = float(expected.sum())
    for place, rows in enumerate(expected):
        groups[place] = group
        reached += rows
        left -= rows
        if reached >= MIN_EXPECTED <= left:
            group, reached = group + 1, 0.0
    return groups


def _roots(counts: Array, shares: Array) -> Array:
    """Roots of the shares with Anscombe's 3/8; of a batch without any row those of the reference."""
    rows = counts.sum(axis=1, keepdims=True)
    roots = np.sqrt((counts + 0.375) / (rows + 0.375 * counts.shape[1]))
    return np.where(rows > 0, roots, np.sqrt(shares))
