"""The tests of textbooks: rows are independent draws, and the two sides differ by chance alone.

Right for shuffled samples, wrong for days that are not alike: there almost any difference between two windows is
significant. So this is a declared choice, or what is left where there are too few reference batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from retrain_assets.data.categories import MAX_CATEGORIES
from retrain_assets.drift.aspects import ASPECTS, set_absent
from retrain_assets.drift.cells import ColumnCells
from retrain_assets.drift.column_shape import folded
from retrain_assets.drift.normal_scores import normal_scores
from retrain_assets.drift.significance import MIN_EXPECTED, Counts, homogeneity_p_value
from retrain_assets.drift.summaries import summarize
from retrain_assets.drift.variation import Array


def judge_independent(columns: Sequence[ColumnCells]) -> tuple[Array, Array]:
    """P-value and statistic of each aspect of each column, shape (aspects, columns); NaN where there is no such aspect.

    Args:
        columns: whatever the batches of their reference, its rows count together.
    """
    from scipy.special import chdtrc, ndtr

    columns = [_of_one_batch(column) for column in columns]
    summaries = summarize(columns)
    p_values, statistics = np.full((2, len(ASPECTS), len(columns)), np.nan)
    rows, current_rows = summaries.rows[:, 0], np.maximum(summaries.current_rows, 1.0)
    change = summaries.current_scores - summaries.scores[:, :, 0]
    unit = np.array([_variances(column) for column in columns]).T
    statistics[:2] = change / np.sqrt(unit * (1 / rows + 1 / current_rows))
    # The reference fills the cells of numbers evenly, as they were cut: a chi-square test would choose by the window
    # which of them are too small. Of few rows they have longer tails than it knows; roots have not.
    apart = ((summaries.current_roots - summaries.roots[:, 0]) ** 2).sum(axis=1)
    roots = chdtrc(np.maximum(summaries.free, 1.0), 4 * apart / (1 / rows + 1 / current_rows))
    all_rows, current_all_rows = summaries.all_rows[:, 0], summaries.current_all_rows
    p_values[:2] = 2 * ndtr(-np.abs(statistics[:2]))
    more = np.where(summaries.occurring, summaries.current_absent - summaries.absent[:, :, 0], np.nan).T
    more = 2 * more / np.sqrt(1 / all_rows + 1 / current_all_rows)
    set_absent(p_values, statistics, np.stack([2 * ndtr(-np.abs(more)), more]))
    for place, column in enumerate(columns):
        known = summaries.free[place] > 0 and summaries.current_rows[place] > 0
        p_values[2, place] = _of_categories(column) if not column.ordered else roots[place] if known else np.nan
        p_values[4, place] = _novelty(column)
        statistics[4, place] = column.current_novel
    return p_values, statistics


def _of_one_batch(column: ColumnCells) -> ColumnCells:
    novel, far = column.novel.sum(keepdims=True), column.far.sum(keepdims=True)
    infinite = column.infinite.sum(axis=0, keepdims=True)
    return replace(column, batches=column.reference[None], infinite=infinite, novel=novel, far=far)


def _variances(column: ColumnCells) -> Array:
    """Of location and spread of a single row, shape (2,): 1 among the rows of the reference, as they are scored.

    Over the rows of both sides: of a value that few rows have the reference alone may by chance have hardly any, and
    would make the share of it in the window a wonder. That of two values is told by a root, whose variance is always 1.
    """
    reference, _, current = folded(column)
    variances, rows = np.ones(2), reference + current.sum(axis=0)
    if column.ordered and np.count_nonzero(reference) > 2:
        shares = rows / rows.sum()
        for place, score in enumerate(normal_scores(reference / reference.sum())):
            variances[place] = max((score - score @ shares) ** 2 @ shares, 1e-300)
    return variances


def _of_categories(column: ColumnCells) -> float:
    """P-value of the shape; NaN where a side has no rows, or there is a single cell."""
    before, _, now = folded(column)
    p_value = homogeneity_p_value(*_with_rare(np.stack([before, now.sum(axis=0)]).astype(np.int64)))
    return np.nan if p_value is None or len(before) < 2 else p_value


def _with_rare(table: Counts) -> Counts:
    """The last cell, which has the unseen categories, together with all that are too rare for a cell.

    The reference has no row of what it has not seen: beside it alone the two sides would always differ. Had they been
    drawn the other way, some of its own rare ones would be unseen, and these among them.
    """
    if not table.size:
        return table
    rare = table.sum(axis=0) * table.sum(axis=1).min() < MIN_EXPECTED * table.sum()
    rare[-1] = True
    return np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])


def _novelty(column: ColumnCells) -> float:
    """That values of one distribution fall so often beyond the reference.

    Of numbers exactly: the x largest of N + n exchangeable rows are all among the n with a probability below
    `(n / (N + n))^x` (Rosenbaum 1954, "Tables for a nonparametric test of location"). Of categories by the rate at
    which new ones turn up, that of categories seen once (Good 1953, "The population frequencies of species"): of two
    Poisson counts with that rate, given the one, the other is negative binomial. It has the variance by which the rate
    is told, that of f categories seen once and s seen twice: `f + 2 s` (Esty 1983, "A normal limit law for a
    nonparametric estimator of the coverage of a random sample", Annals of Statistics 11). Where the reference does not
    name all of its categories, by the most rows that it may have of those that have risen, as often as there are names.
    """
    from scipy.special import betainc

    if not column.tells_novelty:
        return np.nan
    rows, current = int(column.reference[:-1].sum()), int(column.current[:-1].sum())
    if not rows or not current or not column.current_novel:
        return 1.0
    if column.ordered:
        farther = max(int(column.current[0]), int(column.current[-2])) if len(column.current) > 2 else 0
        return float(min(1.0, 2 * (current / (rows + current)) ** farther))
    chosen_of = 1 if column.knows_all else MAX_CATEGORIES
    once = column.once + 1
    # The wider one is no wider near zero: neither says less than the other everywhere.
    told = np.array([1.0, once / (once + 2 * column.twice)])
    p_value = betainc(column.current_novel, once * told, current / (rows * told + current)).max()
    return float(min(1.0, chosen_of * p_value))
