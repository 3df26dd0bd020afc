"""Columns and what changed in them, in a few words."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.sound_texts import UNSEEN
from retrain_assets.drift.numerals import numeral, telling_apart
from retrain_assets.drift.report import ColumnDrift

_NAMED_CATEGORIES = 3


def describe(column: ColumnProfile, categories: Sequence[str] = (), *, ends: str = "") -> str:
    """A column in a few words; of categories those asked for, by default the most frequent; of numbers also their ends.

    >>> from retrain_assets.data.profile import profile_table
    >>> import pandas as pd
    >>> describe(profile_table(pd.DataFrame({"x": [1.0, 3.0, None, None]}))["x"])
    'mean 2.00, deviation 1.41, 50 % missing'
    """
    missing = f"{100 * column.missing_share:.3g} % missing" if column.missing else ""
    minus = f" ({column.minus_infinite} of them minus)" if column.minus_infinite else ""
    infinite = f"{column.infinite} infinite{minus}" if column.infinite else ""
    return ", ".join(part for part in (_middle(column, categories), ends, missing, infinite) if part) or "no rows"


def ends_of(*sides: ColumnProfile) -> tuple[str, ...]:
    """The range of each side that has numbers, with as many digits as tell all ends apart.

    >>> from retrain_assets.data.profile import profile_table
    >>> import pandas as pd
    >>> ends_of(*(profile_table(pd.DataFrame({"x": [first, first + 30]}))["x"] for first in (20240101, 20240131)))
    ('from 20240101 to 20240131', 'from 20240131 to 20240161')
    """
    ranges = [_range(side) for side in sides]
    digits = telling_apart(end for ends in ranges for end in ends)
    said = (" to ".join(numeral(end, digits) for end in ends) for ends in ranges)
    return tuple(f"from {ends}" if ends else "" for ends in said)


def _range(column: ColumnProfile) -> tuple[float, ...]:
    low, high = column.minimum, column.maximum
    # Where the mean is not finite, the ends are said in its place.
    told = column.kind == "numeric" and math.isfinite(column.mean or 0.0)
    return (low, high) if told and low is not None and high is not None else ()


def _middle(column: ColumnProfile, categories: Sequence[str]) -> str:
    if not column.present:
        return ""
    if column.kind == "datetime" and column.minimum is not None and column.maximum is not None:
        # No datetime of Python: its last year is 9999.
        first, last = (np.datetime64(math.floor(edge), "s") for edge in (column.minimum, column.maximum))
        return f"{first.astype('datetime64[D]')} to {last.astype('datetime64[D]')}"
    if column.kind == "numeric" and column.mean is not None:
        if not math.isfinite(column.mean):  # the sum of the largest doubles is infinite
            return f"from {column.minimum:.3g} to {column.maximum:.3g}"
        deviation = column.deviation or 0.0
        spread = f", deviation {_readable(deviation, deviation)}" if deviation else ""
        return f"mean {_readable(column.mean, deviation)}{spread}"
    labels = categories or list(column.categories)[:_NAMED_CATEGORIES]
    return ", ".join(f"{shown(label)} {_share(label, column)}" for label in labels)


def _share(label: str, column: ColumnProfile) -> str:
    if label not in column.categories and column.other:
        return "hardly any"
    return f"{100 * column.categories.get(label, 0) / column.rows:.3g} %"


def shown(label: str, most: int = 40) -> str:
    r"""A name as a reader sees it: on one line, blanks and control characters as Python writes them, a long one cut.

    >>> shown(" "), shown("y" * 50, 5), shown("a\n"), shown(chr(27) + "[31m")
    ("' '", 'yyyy…', "'a\\n'", "'\\x1b[31m'")
    """
    seen = repr(label) if not label.strip() or UNSEEN.search(label) else label
    return seen if len(seen) <= most else f"{seen[: most - 1]}…"


def _readable(number: float, deviation: float) -> str:
    """With the digits that the deviation lets matter: 2001.3 where it is 6.7, 0.0012 where it is 0.0003.

    >>> _readable(1.7e12, 2.5e7), _readable(1.7e12 + 8.64e7, 2.5e7)  # milliseconds since 1970, a day apart
    ('1.7e+12', '1.7000864e+12')
    """
    scale = deviation or abs(number) or 1.0
    if not 1e-6 < scale < 1e9 or abs(number) >= 1e12:
        apart = math.log10(abs(number)) - math.log10(scale) if number else 0.0
        return f"{number:.{min(3 + max(math.ceil(apart), 0), 17)}g}"
    return f"{number:.{max(0, 2 - math.floor(math.log10(scale)))}f}"


def probability(p_value: float) -> str:
    """A p-value in words: of one that is too small for a double no more than that.

    >>> probability(0.0123), probability(0.0)
    ('p = 0.012', 'p < 1e-300')
    """
    return "p < 1e-300" if p_value < 1e-300 else f"p = {p_value:.2g}"


def movers(before: ColumnProfile, after: ColumnProfile, *, new: bool = False, told: Sequence[str] = ()) -> list[str]:
    """The categories whose shares changed most; the new ones first where these are asked for.

    Only those whose rows both sides know: where a side has more categories than it names, one that it does not name may
    have any of its other rows, but for those that are `told` to have had hardly any.
    """
    sides = before, after
    every = {**before.categories, **after.categories}
    labels = [
        label for label in every if label in told or all(label in side.categories or not side.other for side in sides)
    ]
    rows = max(before.rows, 1), max(after.rows, 1)

    def moved(label: str) -> float:
        change = before.categories.get(label, 0) / rows[0] - after.categories.get(label, 0) / rows[1]
        return round(abs(change), 9)

    def place(label: str) -> tuple[bool, float, str]:
        return new and label in before.categories, -moved(label), label

    return sorted(labels, key=place)[:_NAMED_CATEGORIES]


def first_of(names: Sequence[str]) -> str:
    """Some names in a few words.

    >>> first_of(["a", "b", "c", "d"])
    'a, b, c, ...'
    """
    return ", ".join(shown(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")


def nothing_compared(columns: Sequence[ColumnDrift]) -> str:
    """Why there is no verdict: what the first of the columns says, none of which could be compared."""
    if not columns:
        return "no column could be compared: there is none but times, which are compared where they are named"
    more = f"; and {len(columns) - 1} more" if len(columns) > 1 else ""
    return f"no column could be compared ({shown(columns[0].name)}: {columns[0].reason}{more})"


def none_to_compare(times: Sequence[str]) -> str:
    """Why nothing is compared of a frame without any other columns than these.

    >>> none_to_compare(["t"])
    "no column could be compared: there is none but times (t), which are compared where they are named: columns=['t']"
    """
    if not times:
        return "no column could be compared: there is none, or none but the batch column"
    named = f"there is none but times ({first_of(times)}), which are compared where they are named"
    return f"no column could be compared: {named}: columns=[{times[0]!r}{', ...' if len(times) > 1 else ''}]"


def count_of(drifted: Sequence[str], compared: int) -> str:
    """How many of the compared columns drifted, and the first of them.

    >>> count_of(["a", "b"], 5), count_of([], 3)
    ('2 of 5 columns drifted (a, b)', '0 of 3 columns drifted')
    """
    named = f" ({first_of(drifted)})" if drifted else ""
    return f"{len(drifted)} of {plural(compared, 'column', 'columns')} drifted{named}"


def left_out(columns: Sequence[ColumnDrift]) -> str:
    """What a verdict does not rest on, to be added to its reason; nothing where all columns are known."""
    names = [column.name for column in columns if column.verdict == "unknown"]
    return f"; {len(names)} could not be compared ({first_of(names)})" if names else ""


def plural(count: int, one: str, more: str) -> str:
    """As `1 batch` or `3,000 batches`."""
    return f"{count:,} {one if count == 1 else more}"
