"""The shape of a column: what is in its cells, in units in which the sampling variance of one row is about 1 / 4.

These are the roots of the shares of its cells (Bartlett 1936). Categories whose levels hardly vary have the differences
of their shares from those of the reference instead, over twice the root of these, as in Pearson's chi-square (Pearson
1900, Philosophical Magazine 50): what the roots are as well, while changes are small, but a rare category that has
become a common one is much farther away, and how skewed its share is can be told exactly. Where levels vary, they do so
by a factor rather than by a difference, and only roots keep the levels of a rare category from having a heavy tail.
"""

from __future__ import annotations

from collections.abc import Sequence
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

_STEADY = 0.25
"""A category whose level varies by less than this part of itself has no tail that roots would have to shorten."""
_TOLD_BY = 20
"""Fewer batches do not tell that no single category varies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnShape:
    """Of one column.

    Args:
        roots: of the reference batches, or the differences, shape (batches, cells).
        current_roots: of the window, on average over its batches, shape (cells,).
        units: sampling variance of each, of a single row, shape (cells,).
        skews: skewness of it, of a single row, shape (cells,).
        free: cells that are free to vary.
    """

    roots: Array
    current_roots: Array
    units: Array
    skews: Array
    free: int


def shape_of(column: ColumnCells) -> ColumnShape:
    """Over cells of at least `MIN_EXPECTED` rows in the smallest batch."""
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
    # A cell that only the window fills has rows of the least share.
    some = np.maximum(shares, MIN_EXPECTED / max(smallest, 1.0))
    now = (held(current) if current.any() else current) @ gathered
    rooted = _by_roots(batches @ gathered, now, shares, some, normal_scores(shares) if column.ordered else [])
    if column.ordered or len(batches) < _TOLD_BY or _levels_vary(batches @ gathered, shares):
        return rooted
    return _by_differences(batches @ gathered, now, shares, some)


def _by_roots(batches: Array, current: Array, shares: Array, some: Array, scores: Sequence[Array]) -> ColumnShape:
    """Apart from what location and spread say of it: the directions into which they move the roots are taken off."""
    roots, current_roots, across = _roots(batches, shares), _roots(current, shares).mean(axis=0), np.eye(len(shares))
    # The roots lie on a sphere: along the reference itself they say by its square what they say across it.
    for score in (np.ones(len(shares)), *scores):
        direction = np.sqrt(shares) * score
        across -= np.outer(direction, direction)
        roots = roots - np.outer(roots @ direction, direction)
        current_roots = current_roots - (current_roots @ direction) * direction
    left = np.maximum(np.diag(across), _LEAST_LEFT)
    return ColumnShape(
        roots=roots,
        current_roots=current_roots,
        units=left / 4,
        skews=across**3 @ (-0.5 / np.sqrt(some)) / left**1.5,  # that of a single root is -1 / (2 sqrt(share))
        free=len(shares) - 1 - len(scores),
    )


def _by_differences(batches: Array, current: Array, shares: Array, some: Array) -> ColumnShape:
    left = np.maximum(1 - some, _LEAST_LEFT)
    return ColumnShape(
        roots=_differences(batches, shares, some),
        current_roots=_differences(current, shares, some).mean(axis=0),
        units=left / 4,
        skews=(1 - 2 * some) / np.sqrt(some * left),
        free=len(shares) - 1,
    )


def _levels_vary(batches: Array, shares: Array) -> bool:
    """Whether the level of any category varies by much of itself from batch to batch, beyond what chance leaves open.

    Told by the reference alone, of the variance of its share without what its rows explain.
    """
    rows = batches.sum(axis=1, keepdims=True)
    told = (batches / np.maximum(rows, 1.0))[rows[:, 0] > 0]
    explained = shares * (1 - shares) * (1.0 / rows[rows > 0]).mean()
    by_chance = explained * np.sqrt(2 / max(len(told) - 1, 1))
    return bool((told.var(axis=0, ddof=1) - explained > (_STEADY * shares) ** 2 + by_chance).any())


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


def _differences(counts: Array, shares: Array, some: Array) -> Array:
    """From the shares of the reference, over twice the root of `some`; none of a batch without any row."""
    rows = counts.sum(axis=1, keepdims=True)
    return np.where(rows > 0, (counts / np.maximum(rows, 1.0) - shares) / (2 * np.sqrt(some)), 0.0)
