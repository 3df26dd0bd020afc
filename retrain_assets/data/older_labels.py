"""Categories of profiles that earlier versions of this package wrote, read as those of today where that can be known.

Formats before 3 wrote a category 3.0 as "3.0", which is "3" today, and lists and records in several ways. The text
"3.0" is still "3.0": only what the profiles of today hold tells which of the two it was. Formats before 4 cut labels
later, whatever JSON makes of them: they are cut again when they are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from retrain_assets.data.bins import Bins
from retrain_assets.data.categories import count_categories, label_of, most_frequent
from retrain_assets.data.label_length import MAX_CATEGORY_LENGTH, cut_label

if TYPE_CHECKING:
    from retrain_assets.data.column_profile import ColumnProfile

SINCE = 3
"""The format from which on labels are those of today, but for where they are cut."""
CUT_SINCE = 4
"""The format from which on they are cut as today."""
_WHOLE = re.compile(r"-?\d+\.0")
_WITHIN = re.compile(r"""[\[({](?:[-\d'"\[({\])}]|b['"]|None\b|True\b|False\b|nan\b|inf\b|\w+(?:\.\w+)*\()""")
_ENDS = {"[": "]", "(": ")", "{": "}"}


def written_otherwise(labels: Mapping[str, int]) -> bool:
    """Whether an earlier version may have written these labels otherwise than they are written today.

    >>> [written_otherwise({label: 1}) for label in ("[deleted]", "3.0", "[1.0, None]")]
    [False, True, True]
    """
    return any(_is_whole(label) or _is_nested(label) for label in labels)


def cut_as_now(
    categories: Mapping[str, int], lengths: Bins | None, *, whole: bool
) -> tuple[Mapping[str, int], Bins | None]:
    """Labels that were cut later than today, and the lengths that were told by them as long as they were whole.

    Args:
        categories: rows by label.
        lengths: rows by length, where they were stored.
        whole: whether the labels are all values as they were, where no lengths were stored.
    """
    if all(cut_label(label) == label for label in categories):
        return categories, lengths
    cut, _, told = count_categories(list(categories), list(categories.values()))
    return cut, told if lengths is None and whole else lengths


def as_now(profiles: Sequence[ColumnProfile]) -> list[ColumnProfile]:
    """Profiles of a column with the labels of today, where there is one of today among them that tells how to read.

    >>> from retrain_assets.data.column_profile import ColumnProfile
    >>> before = ColumnProfile(name="k", kind="categorical", rows=2, missing=0, categories={"3.0": 2}, older=True)
    >>> now = ColumnProfile(name="k", kind="categorical", rows=1, missing=0, categories={"3": 1})
    >>> as_now([before, now])[0].categories
    {'3': 2}
    """
    today = [profile for profile in profiles if profile.present and not profile.older]
    if not today or len(today) == len(profiles):
        return list(profiles)
    texts = any(_is_whole(label) for profile in today for label in profile.categories)
    return [_as_now(profile, texts=texts) if profile.older else profile for profile in profiles]


def differently_written(profiles: Sequence[ColumnProfile]) -> str | None:
    """Why profiles cannot be compared of which `as_now` could not read all; None where it could."""
    if {profile.older for profile in profiles if profile.present} != {True, False}:
        return None
    return (
        "some profiles are of an earlier version of retrain_assets, which wrote these values otherwise: profile the "
        "rows again"
    )


def _as_now(profile: ColumnProfile, *, texts: bool) -> ColumnProfile:
    if profile.kind != "categorical" or any(map(_is_nested, profile.categories)):
        return profile
    if texts:
        return replace(profile, older=False)
    counts: dict[str, int] = {}
    for label, count in profile.categories.items():
        read = label_of(float(label)) if _is_whole(label) else label
        counts[read] = counts.get(read, 0) + count
    return replace(profile, categories=most_frequent(counts)[0], lengths=None, older=False)


def _is_whole(label: str) -> bool:
    return _WHOLE.fullmatch(label) is not None and label_of(float(label)) != label


def _is_nested(label: str) -> bool:
    """Whether it looks like a list, a tuple or a record, of which the end may be cut off."""
    cut = len(json.dumps(label, ensure_ascii=False).encode("utf-8", "replace")) > MAX_CATEGORY_LENGTH - 4
    return _WITHIN.match(label) is not None and (cut or label[-1] == _ENDS[label[0]])
