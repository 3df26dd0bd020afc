"""Columns that are declared as personal data: named where they take part, and shown by no value."""

from __future__ import annotations

import hashlib
from typing import Any

import pandas as pd

from retrain_assets.spec import ModelSpec

WITHHELD = "(personal)"
"""Stands where a value of a personal column would."""

_ID_DIGITS = 32
_MISSING = "missing"
_NOTHING: Any = None  # a Series may hold it, but pandas-stubs do not take it as a replacement


def has_personal_ids(spec: ModelSpec) -> bool:
    """Whether the id of a row is made of personal data."""
    return not set(spec.row_id).isdisjoint(spec.personal_columns)


def pseudonyms(ids: pd.Series) -> pd.Series:
    """The first 128 bits of each id's SHA-256: the same id has the same one everywhere, null stays null.

    A pseudonym is no anonymity: whoever can enumerate the ids can find the one that a pseudonym belongs to.

    >>> pseudonyms(pd.Series(["ada@example.org"])).tolist()
    ['cfe00dde46ef942601ffafb9e2825e80']
    """
    return ids.astype("object").map(
        lambda text: hashlib.sha256(str(text).encode()).hexdigest()[:_ID_DIGITS], na_action="ignore"
    )


def numbered(values: pd.Series) -> pd.Series:
    """Groups by number instead of by value, counted in the order of the values; missing ones stay `missing`.

    >>> numbered(pd.Series(["f", "m", None, "f"], name="sex")).tolist()
    ['group 1', 'group 2', 'missing', 'group 1']
    """
    known = values.astype("object").where(values.notna(), _NOTHING)
    order = {value: place for place, value in enumerate(sorted(known.dropna().unique(), key=_comparable), start=1)}
    return known.map(lambda value: f"group {order[value]}" if value in order else _MISSING)


def _comparable(value: Any) -> tuple[str, Any]:
    """Numbers by size, all else by its text."""
    is_number = isinstance(value, int | float)
    return ("number", value) if is_number else (type(value).__name__, str(value))
