"""What each batch has of a column, as numbers whose sampling variance is known; `aspects` says which, and judges them.

Scores of ranks (van der Waerden 1952) give a far value no more weight than its rank; the roots stabilise the variance
(Bartlett 1936; Anscombe 1948, "The transformation of Poisson, binomial and negative-binomial data").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from retrain_assets.drift.binning import Counts
from retrain_assets.drift.cells import ColumnCells
from retrain_assets.drift.column_shape import folded, held, shape_of
from retrain_assets.drift.normal_scores import normal_scores, widening
from retrain_assets.drift.variation import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Summaries:
    """The summaries of several columns, stacked.

    A column has no location where it is no number, no shape where the reference has a single value. What a column does
    not have is NaN in `*_current`.

    Args:
        rows: present rows of the reference batches, shape (columns, batches); at least one, or the column is left out.
        current_rows: those that the mean over the current window's batches is as exact as, shape (columns,).
        all_rows: shape (columns, batches), with those without a value.
        current_all_rows: shape (columns,).
        merged: batches in the current window, shape (columns,); for those of `current_rows` with a value.
        all_merged: the same for those of `current_all_rows`.
        scores: location and spread of the reference batches, shape (2, columns, batches).
        current_scores: shape (2, columns).
        ordered: whether the cells are those of a number, shape (columns,).
        roots: roots of the shares or differences (see `ColumnShape`), shape (columns, batches, cells).
        current_roots: shape (columns, cells).
        free: cells that are free to vary, shape (columns,).
        cell_units: sampling variance of the root of each cell, of a single row, shape (columns, cells).
        cell_skews: skewness of it, of a single row, shape (columns, cells).
        absent: arcsine roots of the shares of missing, minus infinite and infinite values, shape (columns, 3, batches).
        current_absent: shape (columns, 3).
        occurring: which of these any side has, shape (columns, 3).
        novel: so many deviations of chance above no novel row, shape (columns, batches).
        current_novel: shape (columns,), NaN where novelty cannot be told.
        unseen: p-value of so many unseen categories, shape (columns,); NaN where `novel` tells more.
        by_level: probabilities of a level that takes a batch as far out as the novel rows of the window are, and that
            changes the shape as much, shape (columns, 2).
    """

    rows: Array
    current_rows: Array
    all_rows: Array
    current_all_rows: Array
    merged: Array
    all_merged: Array
    scores: Array
    current_scores: Array
    ordered: npt.NDArray[np.bool_]
    roots: Array
    current_roots: Array
    free: Array
    cell_units: Array
    cell_skews: Array
    absent: Array
    current_absent: Array
    occurring: npt.NDArray[np.bool_]
    novel: Array
    current_novel: Array
    unseen: Array
    by_level: Array

    def without(self, batch: int) -> Summaries:
        """With one reference batch as the current window and the others as the reference."""
        kept = np.arange(self.rows.shape[1]) != batch
        return replace(
            self,
            rows=self.rows[:, kept],
            current_rows=self.rows[:, batch],
            all_rows=self.all_rows[:, kept],
            current_all_rows=self.all_rows[:, batch],
            merged=np.ones(len(self.rows)),
            all_merged=np.ones(len(self.rows)),
            scores=self.scores[:, :, kept],
            current_scores=np.where(np.isnan(self.current_scores), np.nan, self.scores[:, :, batch]),
            roots=self.roots[:, kept],
            current_roots=self.roots[:, batch],
            absent=self.absent[:, :, kept],
            current_absent=self.absent[:, :, batch],
            novel=self.novel[:, kept],
            current_novel=np.where(np.isnan(self.current_novel), np.nan, self.novel[:, batch]),
        )

    def latest(self, batches: int) -> Summaries:
        """With only so many of the reference batches, the last ones."""
        return replace(
            self,
            rows=self.rows[:, -batches:],
            all_rows=self.all_rows[:, -batches:],
            scores=self.scores[:, :, -batches:],
            roots=self.roots[:, -batches:],
            absent=self.absent[:, :, -batches:],
            novel=self.novel[:, -batches:],
        )

    def with_current(self) -> Summaries:
        """With the current window as one more reference batch, the last."""

        def joined(batches: Array, current: Array) -> Array:
            return np.concatenate([batches, current[..., None]], axis=-1)

        return replace(
            self,
            rows=joined(self.rows, np.maximum(self.current_rows, 1.0)),
            all_rows=joined(self.all_rows, self.current_all_rows),
            scores=joined(self.scores, self.current_scores),
            roots=np.concatenate([self.roots, self.current_roots[:, None]], axis=1),
            absent=joined(self.absent, self.current_absent),
            novel=joined(self.novel, self.current_novel),
        )

    def of(self, columns: npt.NDArray[np.intp]) -> Summaries:
        """Only some of the columns."""
        return replace(
            self,
            **{name: getattr(self, name)[columns] for name in self.__slots__ if "scores" not in name},
            scores=self.scores[:, columns],
            current_scores=self.current_scores[:, columns],
        )


def summarize(columns: Sequence[ColumnCells]) -> Summaries:
    """Stacks the summaries of columns that were counted over as many batches of the reference, and of the window."""
    count = len(columns[0].batches)
    shapes = [shape_of(column) for column in columns]
    widest = max(shape.roots.shape[1] for shape in shapes)
    roots, current_roots = np.zeros((len(columns), count, widest)), np.zeros((len(columns), widest))
    cell_units, cell_skews = np.full((len(columns), widest), 0.25), np.zeros((len(columns), widest))
    for place, shape in enumerate(shapes):
        cells = slice(shape.roots.shape[1])
        roots[place, :, cells], current_roots[place, cells] = shape.roots, shape.current_roots
        cell_units[place, cells], cell_skews[place, cells] = shape.units, shape.skews
    scored = [_scored(column) for column in columns]
    absent, all_rows = _absent_of([(column.batches, column.infinite) for column in columns])
    now_absent, now_rows = _absent_of([(column.current_batches, column.current_infinite) for column in columns])
    rows = np.maximum(all_rows - absent.sum(axis=1), 1.0)
    current_rows, merged = _rows_of_mean(now_rows - now_absent.sum(axis=1))
    current_all_rows, all_merged = _rows_of_mean(now_rows)
    # An arcsine root of few rows lies higher by its 3/8: each batch of several counts as one of the reference's rows.
    scale = all_rows.mean(axis=1, keepdims=True) / now_rows if now_rows.shape[1] > 1 else np.ones_like(now_rows)
    return Summaries(
        rows=rows,
        current_rows=current_rows,
        all_rows=all_rows,
        current_all_rows=current_all_rows,
        merged=merged,
        all_merged=all_merged,
        scores=np.array([batches for batches, _ in scored]).swapaxes(0, 1),
        current_scores=np.array([current for _, current in scored]).T,
        ordered=np.array([column.ordered for column in columns]),
        roots=roots,
        current_roots=current_roots,
        free=np.array([float(shape.free) for shape in shapes]),
        cell_units=cell_units,
        cell_skews=cell_skews,
        absent=_arcsine(absent, all_rows[:, None]),
        current_absent=_arcsine(now_absent * scale[:, None], (now_rows * scale)[:, None]).mean(axis=2),
        occurring=np.concatenate([absent, now_absent], axis=2).sum(axis=2) > 0,
        novel=_excess(np.array([column.far for column in columns], dtype=np.float64), rows),
        current_novel=np.array([_novelty(column) for column in columns]),
        unseen=np.array([_unseen(column) for column in columns]),
        by_level=np.array([column.by_level for column in columns]),
    )


def _absent_of(columns: Sequence[tuple[Counts, Counts]]) -> tuple[Array, Array]:
    """Missing, minus infinite and infinite rows, shape (columns, 3, batches), and all rows, shape (columns, batches).

    Args:
        columns: of each the rows by cell, the last one without a finite value, and those of them that are infinite.
    """
    absent = [np.stack([counts[:, -1] - infinite.sum(axis=1), *infinite.T]) for counts, infinite in columns]
    rows = [counts.sum(axis=1) for counts, _ in columns]
    return np.array(absent, dtype=np.float64), np.array(rows, dtype=np.float64)


def _rows_of_mean(rows: Array) -> tuple[Array, Array]:
    """Rows that the mean over batches is as exact as, `m / mean(1 / rows)`, and the m batches that have any row."""
    merged = np.count_nonzero(rows, axis=1).astype(np.float64)
    inverse = np.divide(1.0, rows, out=np.zeros_like(rows), where=rows > 0).sum(axis=1)
    return np.where(merged > 1, merged**2 / np.maximum(inverse, 1e-300), rows.sum(axis=1)), merged


def _novelty(column: ColumnCells) -> float:
    """So many deviations of chance above no novel row; NaN where novelty cannot be told.

    The more rows, the more of them are novel: of a window of more rows than the reference batches have on average so
    many count as are as probable among as many rows as they have. Unseen categories turn up in proportion to the rows.
    The x farthest of N + n exchangeable numbers are all among the n with a probability of about `(n / (N + n))^x`
    (Rosenbaum 1954, "Tables for a nonparametric test of location"), so their count goes by the logarithms.
    """
    present = np.array(max(int(column.current[:-1].sum()), 1), dtype=np.float64)
    rows = np.maximum(column.batches[:, :-1].sum(axis=1), 1.0)
    usual = rows.mean()
    counted = np.log1p(rows.sum() / present) / np.log1p(rows.sum() / usual) if column.ordered else usual / present
    novel = column.current_far * np.minimum(counted, 1.0)
    return float(_excess(novel, present)) if column.tells_novelty else np.nan


def _unseen(column: ColumnCells) -> float:
    """P-value of so many unseen categories, by the Poisson distribution; NaN where some are in a single batch only."""
    from scipy.special import pdtrc

    if column.ordered or not column.knows_all or column.novel.any():
        return np.nan
    expected = max(int(column.current[:-1].sum()), 1) / max(int(column.batches[:, :-1].sum()), 1)
    return float(pdtrc(column.current_novel - 1, expected)) if column.current_novel else 1.0


def _scored(column: ColumnCells) -> tuple[Array, Array]:
    """Mean scores of each batch, shape (2, batches), and on average over those of the window, shape (2,)."""
    reference, batches, current = folded(column)
    found, current_found = np.zeros((2, len(batches))), np.full(2, np.nan)
    if not column.ordered or not reference.sum() or not current.sum():
        return found, current_found
    if np.count_nonzero(reference) == 2:
        return _scored_by_share(reference, batches, current)
    shares = reference / reference.sum()
    sums = batches.sum(axis=1)
    weights = batches / np.where(sums, sums, 1.0)[:, None]
    weights[sums == 0] = shares  # a batch without any value says nothing about values
    now = np.zeros((2, np.count_nonzero(current.sum(axis=1))))
    now_weights = held(current) / held(current).sum(axis=1, keepdims=True)
    scores = normal_scores(shares)
    for place, score in enumerate(scores):
        found[place], now[place] = weights @ score, now_weights @ score
    if len(scores) == 2:
        widened = widening(shares)
        found[1] -= widened * found[0] ** 2
        now[1] -= widened * now[0] ** 2
    current_found[: len(scores)] = now[: len(scores)].mean(axis=1)
    return found, current_found


def _scored_by_share(reference: Array, batches: Array, current: Array) -> tuple[Array, Array]:
    """The same of numbers of two values: twice the arcsine root of the share of the larger one, which has no spread.

    It has the sampling variance of a score, and of rare values no heavier tail above than below.
    """
    upper = np.cumsum(reference > 0) > 1
    found, current_found = np.zeros((2, len(batches))), np.full(2, np.nan)
    sums = batches.sum(axis=1)
    usual = 2 * _arcsine(reference[upper].sum(), reference.sum())
    found[0] = np.where(sums > 0, 2 * _arcsine(batches[:, upper].sum(axis=1), sums), usual)
    now = held(current)
    current_found[0] = 2 * _arcsine(now[:, upper].sum(axis=1), now.sum(axis=1)).mean()
    return found, current_found


def _arcsine(counts: Array, rows: Array) -> Array:
    return np.arcsin(np.sqrt((counts + 0.375) / (rows + 0.75)))


def _excess(counts: Array, rows: Array) -> Array:
    """So many standard deviations of chance above a count of zero."""
    return 2 * np.sqrt(rows) * (_arcsine(counts, rows) - _arcsine(np.zeros_like(counts), rows))
