"""The cells in which a column is compared: fitted on the reference, the same for every batch of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrain_assets.data import bins as fine
from retrain_assets.data import sketch
from retrain_assets.data.column_profile import ColumnProfile, bins_of
from retrain_assets.drift.numerals import numeral, telling_apart

Counts = sketch.Counts

MISSING, REST, UNSEEN, RISEN = "missing", "all others", "unseen", "new or rare before"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericBinning:
    """Quantile bins of the reference, one open bin beyond either end of it, and a last cell for missing and infinite.

    A value that many rows share has a bin of its own where it alone exceeds a quantile, so that there are fewer bins
    then. The bins end where fine bins end, on the coarser of the grids of the two sides.

    Args:
        precision: binary digits of the fine bins.
        ends: last fine bin of each cell but the last two, ascending.
        labels: of all cells, in order.
    """

    precision: int
    ends: tuple[int, ...]
    labels: tuple[str, ...]

    def counts(self, profile: ColumnProfile) -> Counts:
        """Rows of a profile by cell, shape (cells,)."""
        return self.counts_of_each([profile])[0]

    def counts_of_each(self, profiles: Sequence[ColumnProfile]) -> Counts:
        """Rows of profiles by cell, shape (profiles, cells)."""
        parts = [_collapsed_bins(profile, self.precision) for profile in profiles]
        keys, sizes = (np.concatenate(of) for of in zip(*parts, strict=True))
        cells = np.searchsorted(np.array(self.ends, dtype=np.int64), keys, side="left")
        # All profiles in one count: each has cells of its own in it.
        width = len(self.labels)
        cells += np.repeat(width * np.arange(len(parts)), [len(own) for own, _ in parts])
        counted = np.bincount(cells, weights=sizes, minlength=width * len(parts))
        counts = counted.astype(np.int64).reshape(len(parts), width)
        counts[:, -1] += [profile.missing + profile.infinite for profile in profiles]
        return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryBinning:
    """The most frequent categories, the others of the reference together, unseen ones, and missing.

    Where the reference itself does not know all of its categories by name, an unseen one cannot be told from a rare
    one and counts among the others, unless it is far too frequent now to have been there before: such ones have a cell
    together. Where there are more than cells, `retrain_assets.drift.frequent` chooses.

    Of a profile that does not name all of its own, those of the reference that it does not name may have as many rows
    as the rarest that it names: only what is more than that is surely unseen.

    Args:
        known: categories of the reference by name, those with a cell first.
        named: so many of them have a cell of their own.
        complete: whether the reference knows all its categories by name.
        labels: of all cells, in order.
        risen: where it does not, the categories that were new or rare in all its batches and are frequent now.
    """

    known: tuple[str, ...]
    named: int
    complete: bool
    labels: tuple[str, ...]
    risen: tuple[str, ...] = ()

    @property
    def novel_apart(self) -> bool:
        """Whether there is a cell of the categories that are new."""
        return self.complete or bool(self.risen)

    def counts(self, profile: ColumnProfile) -> Counts:
        """Rows of a profile by cell, shape (cells,)."""
        return self.counts_of_each([profile])[0]

    def counts_of_each(self, profiles: Sequence[ColumnProfile]) -> Counts:
        """Rows of profiles by cell, shape (profiles, cells)."""
        rest, unseen = self.named, self.named + 1 if self.complete else self.named
        cells = {label: min(place, rest) for place, label in enumerate(self.known)}
        cells.update(dict.fromkeys(self.risen, rest + 1))
        counts = np.zeros((len(profiles), len(self.labels)), dtype=np.int64)
        for own, profile in zip(counts, profiles, strict=True):
            for label, count in profile.categories.items():
                own[cells.get(label, unseen)] += count
            known = self._most_of_known(profile) if profile.other and unseen > rest else 0
            own[rest] += known
            own[unseen] += profile.other - known
            own[-1] += profile.missing + profile.infinite
        return counts

    def _most_of_known(self, profile: ColumnProfile) -> int:
        """Rows among the unnamed ones of a profile that may be of categories of the reference."""
        unnamed = sum(label not in profile.categories for label in self.known)
        return min(profile.other, unnamed * min(profile.categories.values(), default=0))


Binning = NumericBinning | CategoryBinning


def fit_binning(
    reference: ColumnProfile,
    *,
    bins: int,
    precision: int | None = None,
    named: Sequence[str] | None = None,
    risen: Sequence[str] = (),
) -> Binning:
    """Cells for a column.

    Args:
        reference: the side that is looked at.
        bins: quantile bins of numbers; categories with a cell of their own.
        precision: binary digits of the other side's fine bins, where they are coarser.
        named: the categories with a cell; by default the most frequent ones.
        risen: those with one cell together, where the reference does not know all by name.
    """
    if reference.kind in ("categorical", "boolean"):
        return _fit_categories(reference, tuple(reference.categories)[:bins] if named is None else named, risen)
    return _fit_numbers(
        reference, bins, min(reference.precision, reference.precision if precision is None else precision)
    )


def _fit_numbers(reference: ColumnProfile, bins: int, precision: int) -> NumericBinning:
    keys, counts = _collapsed_bins(reference, precision)
    if not len(keys):
        return NumericBinning(precision=precision, ends=(), labels=("any value", MISSING))
    keys, counts = sketch.add_up(keys, counts)
    reached = np.cumsum(counts)
    quantiles = np.searchsorted(reached, reached[-1] * np.arange(1, bins + 1) / bins, side="left")
    inner = np.unique(np.append(quantiles, len(keys) - 1))
    ends = [int(keys[0]) - 1, *keys[inner].tolist()]
    # A cell begins with the fine bin behind the end of the cell before it.
    firsts = [int(keys[0]), *keys[inner[:-1] + 1].tolist()]
    labels = _labels(reference, precision, firsts, ends[1:])
    # No cell begins before the one below it ends.
    lowest, highest = labels[0].partition(" to ")[0], labels[-1].rpartition(" to ")[2]
    under, over = ("before", "after") if reference.kind == "datetime" else ("below", "above")
    return NumericBinning(
        precision=precision, ends=tuple(ends), labels=(f"{under} {lowest}", *labels, f"{over} {highest}", MISSING)
    )


def _fit_categories(reference: ColumnProfile, named: Sequence[str], risen: Sequence[str]) -> CategoryBinning:
    novel = (UNSEEN,) if reference.other == 0 else (RISEN,) if risen else ()
    return CategoryBinning(
        known=tuple(dict.fromkeys((*named, *reference.categories))),
        named=len(named),
        complete=reference.other == 0,
        labels=(*named, REST, *novel, MISSING),
        risen=tuple(risen),
    )


def _collapsed_bins(profile: ColumnProfile, precision: int) -> tuple[sketch.Keys, Counts]:
    keys, counts = bins_of(profile)
    return fine.collapsed(keys, profile.precision, precision, days=profile.kind == "datetime"), counts


def _labels(reference: ColumnProfile, precision: int, firsts: Sequence[int], lasts: Sequence[int]) -> list[str]:
    """What each cell of fine bins is called."""
    days = reference.kind == "datetime"
    low, below = fine.edges(np.array(firsts), precision, days=days)
    above, high = fine.edges(np.array(lasts), precision, days=days)
    if days:
        said = [(_day(first), _day(last - 1)) for first, last in zip(low.tolist(), high.tolist(), strict=True)]
        return [first if first == last else f"{first} to {last}" for first, last in said]
    if precision == sketch.FINEST:
        # Each bin is a single number, that of its edges which is nearer to zero; the other one belongs to the next bin.
        low, high = np.where(low < 0, below, low), np.where(high > 0, above, high)
    digits = telling_apart(low.tolist())
    begins, ends = ([numeral(edge, digits) for edge in edges.tolist()] for edges in (low, high))
    # Of a single bin one edge says enough: the one where whole numbers lie.
    return [
        begin if first == last or begin == end else f"{begin} to {end}"
        for first, last, begin, end in zip(firsts, lasts, begins, ends, strict=True)
    ]


def _day(second: float) -> str:
    return str(np.datetime64(int(second), "s").astype("datetime64[D]"))
