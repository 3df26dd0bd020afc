"""A column before and after, as numbers: what a report says in words, for machines."""

from __future__ import annotations

from dataclasses import dataclass

from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.drift.cells import ColumnCells


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """One side of a column; None is what it does not have. Times are in seconds since 1970 (UTC).

    Args:
        rows: all rows.
        missing: rows without a value.
        missing_share: of all rows.
        infinite: rows with plus or minus infinity.
        infinite_share: of all rows.
        minus_infinite: those of them with minus infinity; None where a profile of an earlier version does not tell.
        zeros: rows that are exactly zero.
        zero_share: of all rows.
        novel_share: of all rows those with an unseen category, or a number beyond the range: of the reference in the
            current window, of the other batches in those of the reference. None where it cannot be told.
        categories: so many are known by name.
        mean: of the finite values.
        deviation: their standard deviation.
        minimum: the smallest.
        median: within the accuracy of the bins.
        maximum: the largest.
    """

    rows: int
    missing: int
    missing_share: float | None
    infinite: int | None
    infinite_share: float | None
    minus_infinite: int | None
    zeros: int | None
    zero_share: float | None
    novel_share: float | None
    categories: int | None
    mean: float | None
    deviation: float | None
    minimum: float | None
    median: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Both sides of a column; None of one that does not have it."""

    before: Measures | None
    after: Measures | None


def change_of(before: ColumnProfile | None, after: ColumnProfile | None, cells: ColumnCells | None = None) -> Change:
    """The measures of a column.

    Args:
        before: profile of the reference; None where it does not have the column.
        after: of the current window; likewise.
        cells: both sides over the same cells, where they can be compared: they tell what is novel.
    """
    told = cells is not None and cells.knows_all
    novel = (int(cells.novel.sum()), cells.current_novel) if cells is not None and told else (None, None)
    return Change(
        before=None if before is None else _measures(before, novel[0]),
        after=None if after is None else _measures(after, novel[1]),
    )


def _measures(side: ColumnProfile, novel: int | None) -> Measures:
    number, time = side.kind == "numeric", side.kind == "datetime"
    return Measures(
        rows=side.rows,
        missing=side.missing,
        missing_share=_share(side.missing, side),
        infinite=side.infinite if number else None,
        infinite_share=_share(side.infinite, side) if number else None,
        minus_infinite=side.minus_infinite if number else None,
        zeros=side.zeros if number else None,
        zero_share=_share(side.zeros, side) if number else None,
        novel_share=None if novel is None else _share(novel, side),
        categories=None if number or time else len(side.categories),
        mean=side.mean,
        deviation=side.deviation,
        minimum=side.minimum,
        median=side.quantile(0.5),
        maximum=side.maximum,
    )


def _share(rows: int, side: ColumnProfile) -> float | None:
    return rows / side.rows if side.rows else None
