"""What about a column can change, as numbers whose sampling variance is known.

| aspect | summary of a batch | sampling variance |
|---|---|---|
| location | mean normal score of the present rows, cells ranked by the reference | `1 / rows` |
| the same of numbers of two values | twice the arcsine root of the share of the larger one | `1 / rows` |
| spread | mean of the squared scores, about the batch's own location | `1 / rows` |
| shape | root of the share of each cell, or its difference over twice the usual root | `1 / (4 rows)` each |
| missing | arcsine root of the share without a value | `1 / (4 rows)` |
| novel | arcsine root of the share beyond the reference's range by a margin, or of unseen categories | `1 / (4 rows)` |
| infinite | arcsine roots of the shares of minus and of plus infinity | `1 / (4 rows)` each |

A window of several batches has the mean of what its batches have, so that batches that differ from each other do so in
the window as in the reference: of their rows together the spread would be that of all days, not that of a day.

The summaries are made in `retrain_assets.drift.summaries`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from retrain_assets.drift.multiplicity import cauchy, sidak
from retrain_assets.drift.settled import Mask, judge_settled
from retrain_assets.drift.summaries import Summaries
from retrain_assets.drift.variation import Array, Tested, judge_scalars, judge_vectors

Aspect = Literal["location", "spread", "shape", "missing", "novel", "infinite"]
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)
WEIGHTS = np.array([0.45, 0.1, 0.2, 0.15, 0.1, 0.15])
"""What each aspect has of the level of its column: most of it where small changes are common and hard to tell. A share
of missing or novel values that has changed is seen at any level."""


def weighted(p_values: Array) -> Array:
    """P-values with the weights of their aspects, `1 - (1 - p)^(1 / weight)`: the smallest is that of the column.

    Sidak's correction with weights, exact for independent tests (Genovese, Roeder and Wasserman 2006, "False discovery
    control with p-value weighting", Biometrika 93; Sidak 1967). The level of an aspect that a column does not have goes
    to the others; so does that of missing, infinite or unseen values where there is none on either side, which no test
    could call drift (Tarone 1990, "A modified Bonferroni method for discrete data", Biometrics 46), and that of numbers
    far out where the window has none: their p-values are so far above those of chance that the level is kept.

    Args:
        p_values: shape (aspects, columns), NaN where there is no such aspect.

    >>> weighted(np.array([[0.01], [np.nan], [0.5], [np.nan], [np.nan], [np.nan]])).min(axis=0).round(4).tolist()
    [0.0144]
    """
    there = ~np.isnan(p_values)
    weights = WEIGHTS[:, None] * there
    shares = weights / np.maximum(weights.sum(axis=0), 1e-300)
    filled = np.where(there, p_values, 1.0)
    return sidak(filled, 1 / np.where(there, shares, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Of each aspect of each column, shape (aspects, columns); NaN where there is no such aspect.

    Args:
        p_values: of each.
        statistics: signed where there is a direction: more, larger, or wider is positive.
        by_latest: where the latest half of the reference batches gave the p-value.
        resemblance: of the batches to the one before, in the aspect in which it is most, shape (columns,).
    """

    p_values: Array
    statistics: Array
    by_latest: Mask
    resemblance: Array


def judge(summaries: Summaries, *, with_shapes: bool = True) -> Judged:
    """What the tests of each aspect say of the columns; most of the time is that of shapes, which may be left out."""
    p_values, statistics = np.full((2, len(ASPECTS), len(summaries.rows)), np.nan)
    by_latest, alike, tails = np.zeros(p_values.shape, dtype=bool), np.zeros(len(summaries.rows)), np.inf
    for place in range(2):
        there = ~np.isnan(summaries.current_scores[place])
        if there.any():
            placed = judge_settled(
                summaries.scores[place, there], summaries.current_scores[place, there],
                summaries.rows[there], summaries.current_rows[there], unit=1.0, merged=summaries.merged[there],
            )  # fmt: skip
            p_values[place, there], statistics[place, there] = placed.p_values, placed.statistic
            by_latest[place, there] = placed.by_latest
            alike[there] = np.maximum(alike[there], placed.resemblance)
            tails = placed.tails if ASPECTS[place] == "location" else tails
    if with_shapes:
        p_values[2], resembling = _judge_shapes(summaries, tails)
        statistics[2] = -np.log(np.maximum(p_values[2], 1e-300))
        alike = np.maximum(alike, resembling)
    p_values[4], statistics[4] = _judge_novelty(summaries)
    absent = np.full((2, *summaries.occurring.T.shape), np.nan)
    for place, there in enumerate(summaries.occurring.T):
        if there.any():
            tested = judge_scalars(
                summaries.absent[there, place], summaries.current_absent[there, place],
                summaries.all_rows[there], summaries.current_all_rows[there],
                unit=0.25, merged=summaries.all_merged[there],
            )  # fmt: skip
            absent[:, place, there] = tested.p_values, tested.statistic
            alike[there] = np.maximum(alike[there], tested.resemblance)
    set_absent(p_values, statistics, absent)
    return Judged(p_values=p_values, statistics=statistics, by_latest=by_latest, resemblance=alike)


def set_absent(p_values: Array, statistics: Array, absent: Array) -> None:
    """Fills in the aspects of missing and of infinite values: of the latter the clearer sign, for both together.

    Args:
        p_values: shape (aspects, columns).
        statistics: of the same shape.
        absent: p-values and statistics of missing, minus infinite and infinite values, shape (2, 3, columns), NaN
            where no side has any.
    """
    p_values[3], statistics[3] = absent[:, 0]
    signs = (~np.isnan(absent[0, 1:])).sum(axis=0)
    filled = np.where(np.isnan(absent[0, 1:]), 1.0, absent[0, 1:])
    clearer = filled.argmin(axis=0)[None]
    together = sidak(np.take_along_axis(filled, clearer, axis=0)[0], np.maximum(signs, 1))
    p_values[5] = np.where(signs > 0, together, np.nan)
    statistics[5] = np.take_along_axis(absent[1, 1:], clearer, axis=0)[0]


def _judge_shapes(summaries: Summaries, tails: float) -> tuple[Array, Array]:
    """P-values of the shapes, NaN where there is none, and how much they resemble those of the batch before.

    Numbers and categories do not share how much their batches differ: a new level changes all shares of categories, but
    of numbers only what location and spread leave of them. So the tails that locations show are those of categories.

    Args:
        summaries: of all columns.
        tails: degrees of freedom of the tails that the locations of numbers have.
    """
    p_values, resembling = np.full(len(summaries.rows), np.nan), np.zeros(len(summaries.rows))
    there = (summaries.free > 0) & (summaries.current_rows > 0)
    for of_kind, known in ((there & summaries.ordered, np.inf), (there & ~summaries.ordered, tails)):
        if of_kind.any():
            shapes = summaries.of(np.flatnonzero(of_kind))
            tested = judge_vectors(
                shapes.roots, shapes.current_roots, shapes.rows, shapes.current_rows,
                cells=shapes.free, merged=shapes.merged, tails=known,
            )  # fmt: skip
            p_values[of_kind] = np.maximum(_with_single_cells(shapes, tested), shapes.by_level[:, 1])
            resembling[of_kind] = tested.resemblance
    return p_values, resembling


def _with_single_cells(summaries: Summaries, whole: Tested) -> Array:
    """P-values of the shape as a whole and of its single cells, combined: half of the weight is that of the whole.

    One category that gains five points is lost in a whole whose other cells vary from day to day.
    """
    column, cell = np.nonzero((summaries.roots != 0).any(axis=1) | (summaries.current_roots != 0))
    tested = judge_scalars(
        summaries.roots[column, :, cell], summaries.current_roots[column, cell],
        summaries.rows[column], summaries.current_rows[column],
        unit=summaries.cell_units[column, cell], merged=summaries.merged[column],
        skewness=summaries.cell_skews[column, cell], tails=whole.tails,
    )  # fmt: skip
    cells = np.bincount(column, minlength=len(whole.p_values))
    place = np.arange(len(column)) - np.repeat(np.cumsum(cells) - cells, cells)
    single = np.ones((cells.max(), len(cells)))
    single[place, column] = tested.p_values
    there = np.arange(cells.max())[:, None] < cells
    weights = there / np.maximum(2 * cells, 1)
    return cauchy(np.vstack([whole.p_values, single]), np.vstack([1 - weights.sum(axis=0), weights]))


def _judge_novelty(summaries: Summaries) -> tuple[Array, Array]:
    """One-sided, in units of the largest novelty that a reference batch has against the others, and at least of chance.

    A batch of a stable process is the most extreme of B + 1 with probability `1 / (B + 1)`, so the variance of novelty
    says little; its largest value says what the most extreme of B looks like. Where batches differ in level, what is
    novel by that is counted on neither side (see `retrain_assets.drift.reach`), and the rest is no less probable than a
    level that explains it. Where every category of the reference is
    in more than one batch, new ones turn up at a rate of at most about one in all its rows (Good 1953, "The population
    frequencies of species", Biometrika 40), and the count of them is judged as Poisson.
    """
    from scipy.special import ndtr

    statistic = summaries.current_novel / np.maximum(summaries.novel.max(axis=1), 1.0)
    p_values = np.maximum(ndtr(-statistic), summaries.by_level[:, 0])
    p_values = np.where(np.isnan(summaries.unseen), p_values, summaries.unseen)
    none = (summaries.unseen == 1.0) | (summaries.ordered & (summaries.current_novel == 0))
    return np.where(none, np.nan, p_values), statistic
