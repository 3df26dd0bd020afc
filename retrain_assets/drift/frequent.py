"""Which categories have a cell of their own, where there are more of them than cells.

Those that are most frequent in the reference were lucky there: in any other window they are rarer, and a stable column
of very many values would look like drift. So they are chosen by the rows of both sides together, as margins of a table
of counts (Fisher 1935, "The logic of inductive inference", JRSS 98): where windows are exchangeable, so are their
counts in such cells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retrain_assets.data.categories import added
from retrain_assets.data.column_profile import ColumnProfile

_SURE = 3.0
"""Deviations of a count by which a category is above the rarest that a profile knows, to count as known to it."""


def frequent_categories(
    parts: Sequence[ColumnProfile],
    most: int,
    *,
    among: frozenset[str] | None,
    counted_as: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    """The most frequent categories of all parts together, the most frequent first.

    A profile names its 200 most frequent categories only: one that it does not name may have as many rows as the rarest
    that it does. Categories that are not clearly above that in every part cannot be compared by name.

    Args:
        parts: the batches of both sides.
        most: so many at most.
        among: those that may be; None for any.
        counted_as: rows that some categories have in all parts, where they are not to be counted as they are.

    >>> first = ColumnProfile(name="k", kind="categorical", rows=9, missing=0, categories={"a": 5, "b": 4})
    >>> second = ColumnProfile(name="k", kind="categorical", rows=9, missing=0, categories={"b": 6, "a": 3})
    >>> frequent_categories([first, second], 1, among=None)
    ('b',)
    """
    total = {**added(part.categories for part in parts), **(counted_as or {})}
    least = max((_least_share(part) for part in parts), default=0.0) * sum(part.present for part in parts)
    found = [label for label, rows in total.items() if rows >= least and (among is None or label in among)]
    return tuple(sorted(found, key=lambda label: (-total[label], label))[:most])


@dataclass(frozen=True, slots=True)
class Peaks:
    """How frequent the categories of profiles are at most.

    Args:
        first: the largest share of each category that any profile names.
        owner: the profile that has it.
        second: the largest share in any other profile.
        hidden: the largest share that a category may have in a profile that does not name it.
        least: the smallest share from which on all profiles name it by almost certainty.
        usual: rows of a profile on average; None of a single one, which differs from no other.
        strange: share of the rows of each profile in categories of more than `_FEW` rows that no other one names;
            of a single one, of those that it does not name.
    """

    first: dict[str, float]
    owner: dict[str, int]
    second: dict[str, float]
    hidden: float
    least: float
    usual: float | None
    strange: tuple[float, ...]

    def risen(self, part: ColumnProfile, own: int | None = None) -> tuple[str, ...]:
        """Categories of a profile that were new or rare in all others: they have `_TIMES` the share that any may have.

        And `_SURE_TIMES` the share from which on both sides would have named them, and as many times what `_SURE`
        deviations are above no row: chance hardly lifts a category over both (a Poisson count of 4.5 is 18 or more
        about once in a million). A part of more rows than the profiles has to reach the share that is as many rows of
        one of them: what shows in so many rows only, they may have had as well.

        Those that no other profile names have risen all at once where together they have `_TIMES` the share that those
        of any other profile have, and one more may have: of very many categories that were replaced none is frequent.

        Args:
            part: whose categories are looked at.
            own: its place among the profiles, where it is one of them.
        """
        larger = max(part.present / self.usual, 1.0) if self.usual else 1.0
        least = _SURE_TIMES * max(max(self.least, _least_share(part)) * part.present, _SURE**2 * larger)
        found: list[str] = []
        for label, rows in part.categories.items():
            if rows < least:
                continue
            before = (self.second if self.owner.get(label) == own else self.first).get(label, 0.0)
            if rows >= _TIMES * max(before, self.hidden) * part.present:
                found.append(label)
        strange = [label for label, rows in part.categories.items() if rows > _FEW and self._named_by_none(label, own)]
        others = [share for place, share in enumerate(self.strange) if place != own]
        before = max(others, default=0.0) + self.hidden
        if sum(part.categories[label] for label in strange) >= max(
            _TIMES * before * part.present, _SURE_TIMES * _SURE**2 * larger
        ):
            return tuple(dict.fromkeys((*found, *strange)))
        return tuple(found)

    def _named_by_none(self, label: str, own: int | None) -> bool:
        """Of the other profiles."""
        return label not in self.first or (self.owner[label] == own and label not in self.second)


_TIMES, _SURE_TIMES = 4.0, 2.0
_FEW = 3
"""Of categories in so few rows, as identifiers are, a profile names some for no other reason than their order."""


def peaks_of(parts: Sequence[ColumnProfile]) -> Peaks:
    """Of the reference batches.

    >>> days = [ColumnProfile(name="k", kind="categorical", rows=90, missing=0, categories={"a": 60, "b": 30})] * 2
    >>> now = ColumnProfile(name="k", kind="categorical", rows=90, missing=0, categories={"a": 50, "c": 40})
    >>> peaks_of(days).risen(now)
    ('c',)
    """
    first: dict[str, float] = {}
    owner: dict[str, int] = {}
    second: dict[str, float] = {}
    for place, part in enumerate(parts):
        for label, rows in part.categories.items():
            share = rows / part.present
            if share > first.get(label, 0.0):
                first[label], owner[label], share = share, place, first.get(label, 0.0)
            if share > second.get(label, 0.0):
                second[label] = share
    hidden = [min(part.categories.values(), default=0) / part.present for part in parts if part.other]
    least = max((_least_share(part) for part in parts), default=0.0)
    usual = sum(part.present for part in parts) / len(parts) if len(parts) > 1 else None
    return Peaks(first, owner, second, max(hidden, default=0.0), least, usual, _strange(parts))


def _strange(parts: Sequence[ColumnProfile]) -> tuple[float, ...]:
    if len(parts) == 1:
        return (parts[0].other / max(parts[0].present, 1),)
    named = Counter(label for part in parts for label in part.categories)
    return tuple(
        sum(rows for label, rows in part.categories.items() if rows > _FEW and named[label] == 1) / max(part.present, 1)
        for part in parts
    )


def _least_share(part: ColumnProfile) -> float:
    """Of a category that a part names by almost certainty: `n - 3 sqrt(n)` rows are as many as its rarest one has."""
    if not part.other:
        return 0.0
    rarest = min(part.categories.values(), default=0)
    rows = (_SURE / 2 + (_SURE**2 / 4 + rarest) ** 0.5) ** 2
    return rows / part.present
