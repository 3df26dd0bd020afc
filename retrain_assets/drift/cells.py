"""One column counted over the same cells in every reference batch and in the current window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from retrain_assets.data.column_profile import ColumnProfile, bin_edges, bins_of
from retrain_assets.drift.binning import Binning, Counts, NumericBinning, fit_binning
from retrain_assets.drift.frequent import Peaks, frequent_categories, peaks_of
from retrain_assets.drift.reach import Reach

Array = npt.NDArray[np.float64]

INFINITE = ("minus infinite", "infinite")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnCells:
    """Rows of one column by cell, with what lies outside of all other reference batches.

    Args:
        binning: fitted on the reference batches together; which of many categories it names, on both sides.
        reference: rows by cell of the reference batches together, shape (cells,).
        current: rows by cell of the current window, shape (cells,).
        current_batches: rows by cell of each of its batches, shape (batches, cells).
        batches: rows by cell of each reference batch, shape (batches, cells).
        infinite: of each reference batch, the rows with minus and with plus infinity, which the last cell counts too,
            shape (batches, 2); all as plus where a side does not tell which.
        current_infinite: of each batch of the current window, shape (batches, 2).
        novel: of each reference batch, the rows whose value no other one has, shape (batches,). Where the reference
            does not know all categories by name, those of the risen ones (see `Peaks`), each batch against the others.
        current_novel: of the current window, the rows whose value no reference batch has; likewise.
        far: of each reference batch, the rows that lie beyond the range of all others by more than levels that differ
            explain (see `Reach`); where levels do not, those of `novel`.
        current_far: of the current window, likewise.
        by_level: probability of a level that takes a batch as far out as the window's novel rows are, and of one that
            changes the shape as much; 0 where levels explain nothing.
        once: categories that the reference batches together have in a single row; likewise the most rows that they may
            have of the risen ones.
        twice: categories that they have in two rows; likewise none.
    """

    binning: Binning
    reference: Counts
    current: Counts
    current_batches: Counts
    batches: Counts
    infinite: Counts
    current_infinite: Counts
    novel: Counts
    current_novel: int
    far: Counts
    current_far: int
    by_level: tuple[float, float] = (0.0, 0.0)
    once: int = 0
    twice: int = 0

    @property
    def sides(self) -> tuple[tuple[str, ...], Counts, Counts]:
        """Labels, reference and current window; infinite values have cells of their own where there are any."""
        before, after = self.infinite.sum(axis=0), self.current_infinite.sum(axis=0)
        if not before.any() and not after.any():
            return self.binning.labels, self.reference, self.current
        labels = (*self.binning.labels[:-1], *INFINITE, self.binning.labels[-1])
        return labels, _split(self.reference, before), _split(self.current, after)

    @property
    def ordered(self) -> bool:
        """Whether the cells are those of a number."""
        return isinstance(self.binning, NumericBinning)

    @property
    def inner(self) -> slice:
        """The cells of values that the reference has: neither missing nor beyond its range, nor unseen."""
        if self.ordered:
            return slice(1, len(self.reference) - 2) if len(self.reference) > 2 else slice(0, 0)
        return slice(0, len(self.reference) - (2 if self.novel_apart else 1))

    @property
    def knows_all(self) -> bool:
        """Whether a value that the reference does not have can be told."""
        return isinstance(self.binning, NumericBinning) or self.binning.complete

    @property
    def novel_apart(self) -> bool:
        """Whether what the reference does not have is in cells of its own."""
        return isinstance(self.binning, NumericBinning) or self.binning.novel_apart

    @property
    def tells_novelty(self) -> bool:
        """Whether there is novelty to judge."""
        return self.knows_all or self.current_novel > 0 or bool(self.novel.any())

    @property
    def told(self) -> tuple[str, ...]:
        """Categories of which a side that does not name them has hardly any."""
        binning = self.binning
        return () if isinstance(binning, NumericBinning) else (*binning.known[: binning.named], *binning.risen)


@dataclass(slots=True, kw_only=True)
class FittedColumn:
    """One column of the reference, ready to be compared with any number of windows.

    Args:
        merged: the reference batches together: the side that the cells are fitted on.
        batches: the reference batches.
        bins: quantile bins of numbers, or categories with a cell of their own.
    """

    merged: ColumnProfile
    batches: Sequence[ColumnProfile]
    bins: int
    _fitted: tuple[int, Sequence[str] | None, tuple[str, ...]] | None = None
    _cells: ColumnCells | None = None
    _reach: Reach | None = None
    _peaks: Peaks | None = None

    def cells(self, current: ColumnProfile, window: Sequence[ColumnProfile] = ()) -> ColumnCells:
        """Both sides over the same cells.

        Args:
            current: of the same or a comparable kind.
            window: the batches of the current window, where it is more than one.
        """
        precision = min([current.precision, *(batch.precision for batch in (*self.batches, *window))])
        risen = self._risen(current)
        named = self._named(current, window, risen)
        wanted = precision, named, tuple(label for label in risen if label not in (named or ()))
        if self._cells is None or self._fitted != wanted:
            self._fitted, self._cells = wanted, self._count(*wanted)
        binning = self._cells.binning
        counted = binning.counts(current)
        if isinstance(binning, NumericBinning):
            novel = int(counted[0] + counted[-2]) if len(counted) > 2 else 0
        else:
            novel = int(counted[-2]) if binning.complete else sum(current.categories[label] for label in risen)
        batches = binning.counts_of_each(window) if window else counted[None]
        far, by_level = novel, (0.0, 0.0)
        if self._reach is not None:
            far, out = self._reach.novelty(current, len(batches)) if novel else (0, 0.0)
            by_level = out, self._reach.p_of_level(current)
        before, after = infinite_of(self.batches, window or [current])
        return replace(
            self._cells,
            current=counted,
            current_batches=batches,
            current_novel=novel,
            current_far=far,
            by_level=by_level,
            once=self._most_rows(risen) if self.merged.other else self._cells.once,
            infinite=before,
            current_infinite=after,
        )

    def _named(
        self, current: ColumnProfile, window: Sequence[ColumnProfile], risen: Sequence[str]
    ) -> tuple[str, ...] | None:
        """The categories with a cell, where there are more than cells.

        What has risen in the window counts as if that had as many rows as a reference batch: days on which one has
        risen have it in so many rows each, and those of a larger window would crowd theirs out.
        """
        if len(self.merged.categories) <= self.bins or self.merged.kind not in ("categorical", "boolean"):
            return None
        among = None if self.merged.other else frozenset(self.merged.categories)
        usual = (None if self._peaks is None else self._peaks.usual) or current.present
        counted = {
            label: self.merged.categories.get(label, 0) + current.categories[label] * usual / current.present
            for label in risen
        }
        return frequent_categories([*self.batches, *(window or [current])], self.bins, among=among, counted_as=counted)

    def _risen(self, current: ColumnProfile) -> tuple[str, ...]:
        """Those that are frequent now and were new or rare, where the reference does not name all."""
        if not self.merged.other:
            return ()
        if self._peaks is None:
            self._peaks = peaks_of(self.batches)
        return self._peaks.risen(current)

    def _risen_in_batches(self) -> Counts:
        """Rows of each reference batch in categories that have risen in it, against the others."""
        novel = np.zeros(len(self.batches), dtype=np.int64)
        if self._peaks is not None and len(self.batches) > 1:
            for place, batch in enumerate(self.batches):
                novel[place] = sum(batch.categories[label] for label in self._peaks.risen(batch, place))
        return novel

    def _most_rows(self, labels: Sequence[str]) -> int:
        """That the reference may have of categories: those that a batch does not name have no more than its others.

        And each of them as many as the rarest that it names.
        """
        most = 0
        for batch in self.batches:
            named = [batch.categories[label] for label in labels if label in batch.categories]
            rarest = min(batch.categories.values(), default=0)
            most += sum(named) + min(rarest * (len(labels) - len(named)), batch.other)
        return most

    def _novel(self, *, numeric: bool) -> tuple[Counts, Counts]:
        if numeric:
            return _beyond_the_others(self.batches, self._reach)
        novel = self._risen_in_batches() if self.merged.other else _unseen_by_others(self.batches)
        return novel, novel

    def _count(self, precision: int, named: Sequence[str] | None, risen: tuple[str, ...]) -> ColumnCells:
        binning = fit_binning(self.merged, bins=self.bins, precision=precision, named=named, risen=risen)
        numeric = isinstance(binning, NumericBinning)
        self._reach = Reach.of(self.batches) if numeric else None
        novel, far = self._novel(numeric=numeric)
        return ColumnCells(
            binning=binning,
            reference=binning.counts(self.merged),
            current=np.zeros(len(binning.labels), dtype=np.int64),
            current_batches=np.zeros((1, len(binning.labels)), dtype=np.int64),
            batches=binning.counts_of_each(self.batches),
            infinite=np.zeros((len(self.batches), 2), dtype=np.int64),
            current_infinite=np.zeros((1, 2), dtype=np.int64),
            novel=novel,
            current_novel=0,
            far=far,
            current_far=0,
            once=sum(count == 1 for count in self.merged.categories.values()),
            twice=0 if self.merged.other else sum(count == 2 for count in self.merged.categories.values()),
        )


def infinite_of(*sides: Sequence[ColumnProfile]) -> tuple[Counts, ...]:
    """Of each profile of each side the rows with minus and with plus infinity, shape (profiles, 2).

    Where any of them does not tell which, all count as plus.
    """
    told = all(profile.minus_infinite is not None for side in sides for profile in side)
    minus = [[(profile.minus_infinite or 0) if told else 0 for profile in side] for side in sides]
    return tuple(
        np.array([[of, profile.infinite - of] for of, profile in zip(own, side, strict=True)], dtype=np.int64)
        for own, side in zip(minus, sides, strict=True)
    )


def _split(counts: Counts, infinite: Counts) -> Counts:
    return np.concatenate([counts[:-1], infinite, counts[-1:] - infinite.sum()])


def _beyond_the_others(batches: Sequence[ColumnProfile], reach: Reach | None) -> tuple[Counts, Counts]:
    """Rows below the minimum of all other batches, or above their maximum: only two batches can have any.

    Args:
        batches: of a number.
        reach: with the margins of both ends, where levels explain anything.

    Returns:
        All of them, and those beyond by more than the margin, shape (batches,).
    """
    novel = np.zeros((2, len(batches)), dtype=np.int64)
    minima = np.array([np.inf if batch.minimum is None else batch.minimum for batch in batches])
    maxima = np.array([-np.inf if batch.maximum is None else batch.maximum for batch in batches])
    if len(batches) < 2:
        return novel[0], novel[1]
    for place, below in ((int(minima.argmin()), True), (int(maxima.argmax()), False)):
        keys, counts = bins_of(batches[place])
        low, high = bin_edges(batches[place], keys)
        others = np.delete(minima if below else maxima, place)
        margin = 0.0 if reach is None else reach.low.margin if below else reach.high.margin
        for row, by in enumerate((0.0, margin)):
            beyond = high < others.min() - by if below else low > others.max() + by
            novel[row, place] += int(counts[beyond].sum())
        if not np.isfinite(others).any():
            break  # no other batch has a value: all of this one lie below and above them, and count once
    return novel[0], novel[1]


def _unseen_by_others(batches: Sequence[ColumnProfile]) -> Counts:
    owners: dict[str, int] = {}
    for batch in batches:
        for label in batch.categories:
            owners[label] = owners.get(label, 0) + 1
    return np.array(
        [sum(count for label, count in batch.categories.items() if owners[label] == 1) for batch in batches],
        dtype=np.int64,
    )
