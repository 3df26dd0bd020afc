"""The profile of one column, and how profiles add up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from retrain_assets.data import bins as fine
from retrain_assets.data import sketch
from retrain_assets.data.bins import Bins
from retrain_assets.data.categories import added, added_bins, count_lengths, most_frequent
from retrain_assets.data.older_labels import CUT_SINCE, SINCE, as_now, cut_as_now, written_otherwise
from retrain_assets.data.packing import pack, unpack
from retrain_assets.data.stored_numbers import refuse_numbers
from retrain_assets.errors import DataError

ColumnKind = Literal["numeric", "categorical", "boolean", "datetime"]

FORMAT = 4
"""Of a stored profile: the first one wrote bins as lists of numbers, the first two some categories otherwise, the first
three cut them later (see `retrain_assets.data.older_labels`), and all are read too. A later one is refused."""
COUNTED = ("rows", "missing", "infinite", "zeros")
"""Fields that a table of profiles shows as columns of its own."""
_SHOWN = ("name", "kind", "rows", "missing", "minimum", "maximum", "mean", "deviation")
"""What a profile of a column shows of itself; the last ones where there are numbers."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ColumnProfile:
    """What one column of some rows looks like.

    Counts are exact and stay exact under addition; mean and `m2` to a billionth of the largest value and of its square.
    Names of categories are exact while a column has at most `MAX_CATEGORIES`; beyond, an addition makes a kept count
    short by at most the `other` of the two addends, and all of them together by at most the `other` of the sum.

    Args:
        name: of the column.
        kind: of its values; a column without any present value takes the kind of what it is added to.
        rows: all rows.
        missing: rows without a value (None, NaN, NaT).
        infinite: rows with plus or minus infinity; they are in none of the fields below.
        minus_infinite: those of them with minus infinity; None where an earlier version of this package did not tell.
        zeros: rows that are exactly zero.
        minimum: smallest value; of a datetime, in seconds since 1970 (UTC), as all numbers here.
        maximum: largest value.
        mean: mean value.
        m2: sum of the squared deviations from the mean (Chan, Golub and LeVeque 1983).
        precision: binary digits of the bins (see `retrain_assets.data.bins`).
        bins: rows by fine bin, where there are any; of a datetime, by day since 1970.
        categories: rows by category, as text, the most frequent first.
        other: rows of all other categories.
        lengths: of a text the rows by length, in the bins of `retrain_assets.data.categories`; None of what is none.
        older: whether a format before 3 wrote categories that are written otherwise today.
    """

    name: str
    kind: ColumnKind
    rows: int
    missing: int
    infinite: int = 0
    minus_infinite: int | None = 0
    zeros: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    m2: float = 0.0
    precision: int = sketch.FINEST
    bins: Mapping[int, int] = field(default_factory=Bins.none)
    categories: Mapping[str, int] = field(default_factory=dict[str, int])
    other: int = 0
    lengths: Bins | None = None
    older: bool = field(default=False, compare=False)  # what was counted is the same

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={getattr(self, name)!r}" for name in _SHOWN[: None if self.minimum is not None else 4]
        )
        named = f", {len(self.categories)} categories{' and others' if self.other else ''}" if self.categories else ""
        return f"ColumnProfile({shown}{named})"

    @property
    def present(self) -> int:
        """Rows with a finite value."""
        return self.rows - self.missing - self.infinite

    @property
    def missing_share(self) -> float:
        """Share of the rows without a value; 0 for no rows."""
        return self.missing / self.rows if self.rows else 0.0

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the present values (divided by n - 1); None below two.

        Of values whose squares are too large or too small for a double that of their bins' middles, within the bins'
        accuracy; None where some lie beyond the bins.
        """
        if self.mean is None or self.present < 2:
            return None
        lost = math.isinf(self.m2) or (self.m2 == 0 and self.minimum != self.maximum)
        return _deviation_of_bins(self) if lost else (self.m2 / (self.present - 1)) ** 0.5

    def quantile(self, share: float) -> float | None:
        """The value that the given share of the present rows does not exceed, within the bins' accuracy."""
        if not self.bins or self.minimum is None or self.maximum is None:
            return None
        keys, counts = bins_of(self)
        reached = int(np.searchsorted(np.cumsum(counts), share * counts.sum()))
        low, high = bin_edges(self, keys[min(reached, len(keys) - 1)][None])
        return float(np.clip((low[0] + high[0]) / 2, self.minimum, self.maximum))

    def __add__(self, other: ColumnProfile) -> ColumnProfile:
        return merge_columns([self, other])


def absent_column(name: str, rows: int) -> ColumnProfile:
    """A column that the rows do not have: all missing."""
    return ColumnProfile(name=name, kind="categorical", rows=rows, missing=rows)


def merge_columns(profiles: Sequence[ColumnProfile]) -> ColumnProfile:
    """The profile of one column over all rows together."""
    profiles = as_now(profiles)
    kind = _common_kind(profiles)
    precision, bins = _merged_bins(profiles, kind)
    categories, rest = most_frequent(added(profile.categories for profile in profiles))
    other = rest + sum(profile.other for profile in profiles)
    moments = [(profile.present, profile.mean, profile.m2) for profile in profiles if profile.mean is not None]
    mean, m2 = pooled_moments(moments) if moments else (None, 0.0)
    minima = [profile.minimum for profile in profiles if profile.minimum is not None]
    maxima = [profile.maximum for profile in profiles if profile.maximum is not None]
    return ColumnProfile(
        name=profiles[0].name,
        kind=kind,
        rows=sum(profile.rows for profile in profiles),
        missing=sum(profile.missing for profile in profiles),
        infinite=sum(profile.infinite for profile in profiles),
        minus_infinite=_sum_known([profile.minus_infinite for profile in profiles]),
        zeros=sum(profile.zeros for profile in profiles),
        minimum=min(minima) if minima else None,
        maximum=max(maxima) if maxima else None,
        mean=mean,
        m2=m2,
        precision=precision,
        bins=bins,
        categories=categories,
        other=other,
        lengths=_merged_lengths(profiles, other),
        older=any(profile.older for profile in profiles),
    )


def _sum_known(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def lengths_of(profile: ColumnProfile) -> Bins | None:
    """Rows by length; what has few and short values tells them by its names. None where they are not known."""
    if profile.lengths is not None:
        return profile.lengths
    return None if profile.other else count_lengths(profile.categories, profile.categories.values())


def _merged_lengths(profiles: Sequence[ColumnProfile], other: int) -> Bins | None:
    if not other and all(profile.lengths is None for profile in profiles):
        return None
    known = [lengths for profile in profiles if (lengths := lengths_of(profile)) is not None]
    return added_bins(known) if len(known) == len(profiles) else None


def bins_of(profile: ColumnProfile) -> tuple[sketch.Keys, sketch.Counts]:
    """Keys and counts of the fine bins, ascending."""
    found = Bins.of(profile.bins)
    return found.keys_, found.counts


def bin_edges(profile: ColumnProfile, keys: sketch.Keys) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lower and upper edges of fine bins, in the units of the column."""
    return fine.edges(keys, profile.precision, days=profile.kind == "datetime")


def _deviation_of_bins(column: ColumnProfile) -> float | None:
    """In units of the farthest value, so that nothing overflows; None where the outermost bins do not hold it."""
    keys, counts = bins_of(column)
    farthest = max(abs(column.minimum or 0.0), abs(column.maximum or 0.0))
    if not 0 < farthest <= sketch.LARGEST:
        return None
    low, high = bin_edges(column, keys)
    middles = np.clip(low / 2 + high / 2, column.minimum, column.maximum) / farthest
    shares = counts / counts.sum()
    return farthest * float(np.sqrt(shares @ (middles - shares @ middles) ** 2))


def sketch_record(column: ColumnProfile) -> dict[str, Any]:
    """What the table's own columns do not say; keys of bins as steps from the first one, which are short."""
    keys, counts = bins_of(column)
    return {
        "format": SINCE - 1 if column.older else FORMAT,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "mean": column.mean,
        "m2": column.m2 if math.isfinite(column.m2) else None,
        "precision": column.precision,
        **_bins_record(keys, counts),
        "categories": dict(column.categories),
        "other": column.other,
        **({"minus_infinite": column.minus_infinite} if column.infinite else {}),
        **({} if column.lengths is None else {"lengths": _bins_record(column.lengths.keys_, column.lengths.counts)}),
    }


def _bins_record(keys: sketch.Keys, counts: sketch.Counts) -> dict[str, Any]:
    return {"first": int(keys[0]) if len(keys) else 0, "steps": pack(np.diff(keys)), "counts": pack(counts)}


def column_of(record: Mapping[str, Any], *, name: str, kind: ColumnKind) -> ColumnProfile:
    """The profile of which `sketch_record` and the fields `COUNTED` are left.

    Raises:
        DataError: a later version of this package wrote it, or one of its numbers cannot be.
        ValueError: no version wrote it.
    """
    written = record.get("format", 1)
    if written not in range(1, FORMAT + 1):
        raise DataError(
            f"the profile of column '{name}' must have the format {FORMAT} or an earlier one (it has "
            f"{written}): it was written by a later version of retrain_assets. Use that version, or profile "
            "the rows again."
        )
    if kind not in get_args(ColumnKind):
        raise ValueError(f"column '{name}' is of the kind {kind!r}")
    refuse_numbers(record, name)
    categories, lengths = dict(record["categories"]), _unpacked(record["lengths"]) if "lengths" in record else None
    if written < CUT_SINCE:
        # The first versions of format 2 cut labels as well, and told no lengths.
        whole = written >= SINCE and not record["other"]
        categories, lengths = cut_as_now(categories, lengths, whole=whole)
    return ColumnProfile(
        name=name,
        kind=kind,
        **{counted: int(record[counted]) for counted in COUNTED},
        minus_infinite=record.get("minus_infinite") if record["infinite"] else 0,
        minimum=record["minimum"],
        maximum=record["maximum"],
        mean=record["mean"],
        m2=math.inf if record["m2"] is None else record["m2"],
        precision=record["precision"],
        bins=_listed(record) if written == 1 else _unpacked(record),
        categories=categories,
        other=record["other"],
        lengths=lengths,
        older=written < SINCE and kind == "categorical" and written_otherwise(record["categories"]),
    )


def _listed(record: Mapping[str, Any]) -> Bins:
    return Bins(np.cumsum(np.array(record["steps"], dtype=np.int64)), np.array(record["counts"], dtype=np.int64))


def _unpacked(record: Mapping[str, Any]) -> Bins:
    counts = unpack(record["counts"])
    if not len(counts):
        return Bins.none()
    keys = np.cumsum(np.concatenate([[record["first"]], unpack(record["steps"])]))
    if len(keys) != len(counts):
        raise ValueError(f"there are {len(keys)} bins and {len(counts)} counts")
    return Bins(keys, counts)


def _common_kind(profiles: Sequence[ColumnProfile]) -> ColumnKind:
    """The kind of the columns that have values; of all when none has."""
    kinds: list[ColumnKind] = sorted({profile.kind for profile in profiles if profile.rows > profile.missing})
    if kinds == ["boolean", "categorical"]:
        return "categorical"
    if len(kinds) > 1:
        raise DataError(
            f"column '{profiles[0].name}' is {' in one batch and '.join(kinds)} in another: profiles of different "
            "kinds cannot be added. Give it one type (a model's schema declares it)."
        )
    # Without any value nothing tells the kind: all that counts is that the order of the profiles does not.
    if kinds:
        return kinds[0]
    return profiles[0].kind if len({profile.kind for profile in profiles}) == 1 else "categorical"


def _merged_bins(profiles: Sequence[ColumnProfile], kind: ColumnKind) -> tuple[int, Bins]:
    precision, days = min(profile.precision for profile in profiles), kind == "datetime"
    parts = [bins_of(profile) for profile in profiles]
    keys, counts = sketch.add_up(
        np.concatenate(
            [
                fine.collapsed(keys, profile.precision, precision, days=days)
                for (keys, _), profile in zip(parts, profiles, strict=True)
            ]
        ),
        np.concatenate([counts for _, counts in parts]),
    )
    precision, keys, counts = fine.fitted(keys, counts, precision, days=days)
    return precision, Bins(keys, counts)


def pooled_moments(parts: Sequence[tuple[int, float, float]]) -> tuple[float, float]:
    """Mean and sum of squared deviations of all values, pair by pair (Chan, Golub and LeVeque 1983).

    Args:
        parts: of each part the number of values, their mean and the sum of their squared deviations; at least one.
    """

    def pair(a: tuple[int, float, float], b: tuple[int, float, float]) -> tuple[int, float, float]:
        n, delta = a[0] + b[0], b[1] - a[1]
        if math.isinf(delta):
            return n, a[1] * (a[0] / n) + b[1] * (b[0] / n), math.inf
        return n, a[1] + delta * (b[0] / n), a[2] + b[2] + delta * delta * a[0] * b[0] / n

    _, mean, m2 = reduce(pair, parts)
    return mean, m2
