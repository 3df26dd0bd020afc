"""Which categories have a cell of their own, where there are more of them than cells.

Those that are most frequent in the reference were lucky there: in any other window they are rarer, and a stable column
of very many values would look like drift. So they are chosen by the rows of both sides together, as margins of a table
of counts (Fisher 1935, "The logic of inductive inference", JRSS 98): where windows are exchangeable, so are their
counts in such cells.
"""

from __future__ import annotations

from collections.abc import Sequence

from retrain_assets.data.categories import added
from retrain_assets.data.column_profile import ColumnProfile

_SURE = 3.0
"""Deviations of a count by which a category is above the rarest that a profile knows, to count as known to it."""


def frequent_categories(parts: Sequence[ColumnProfile], most: int, *, among: frozenset[str] | None) -> tuple[str, ...]:
    """The most frequent categories of all parts together, the most frequent first.

    A profile names its 200 most frequent categories only: one that it does not name may have as many rows as the rarest
    that it does. Categories that are not clearly above that in every part cannot be compared by name.

    Args:
        parts: the batches of both sides.
        most: so many at most.
        among: those that may be; None for any.

    >>> first = ColumnProfile(name="k", kind="categorical", rows=9, missing=0, categories={"a": 5, "b": 4})
    >>> second = ColumnProfile(name="k", kind="categorical", rows=9, missing=0, categories={"b": 6, "a": 3})
    >>> frequent_categories([first, second], 1, among=None)
    ('b',)
    """
    total = added(part.categories for part in parts)
    least = max((_least_share(part) for part in parts), default=0.0) * sum(part.present for part in parts)
    found = [label for label, rows in total.items() if rows >= least and (among is None or label in among)]
    return tuple(sorted(found, key=lambda label: (-total[label], label))[:most])


def _least_share(part: ColumnProfile) -> float:
    """Of a category that a part names by almost certainty: `n - 3 sqrt(n)` rows are as many as its rarest one has."""
    if not part.other:
        return 0.0
    rarest = min(part.categories.values(), default=0)
    rows = (_SURE / 2 + (_SURE**2 / 4 + rarest) ** 0.5) ** 2
    return rows / part.present
