"""What the values of a column look like: numbers that count rows, times that are written otherwise."""

from __future__ import annotations

import re
from collections.abc import Hashable

import pandas as pd

from retrain_assets.authoring.own_names import LABEL, owner_of

_COUNTED = 50
"""A number that never falls over fewer distinct values than this may do so by chance, or be a year."""
_OTHER_DATE = re.compile(r"\d{1,4}([./ -])\w{1,9}\1\s?\d{2,4}\b.*")
_SECONDS_OF_OUR_TIME = (1e9, 4e9)
"""From 2001 to 2096, as seconds since 1970."""


def unfit(name: str, values: pd.Series) -> str | None:
    """What a column is that no schema can describe."""
    if name == "":
        return "the column that has no name in the file"
    if (whose := owner_of(name, target=LABEL)) is not None:  # which column is the target is not known yet
        return f"{name} ({whose}: rename it in the file)"
    known = values.dropna() if pd.api.types.is_object_dtype(values.dtype) else values[:0]
    return None if known.empty or isinstance(known.iloc[0], Hashable) else f"{name} (lists or records)"


def numbers_rows(values: pd.Series) -> bool:
    """Whether whole numbers count the rows: they tell a model when a row came, and nothing of rows to come."""
    if not pd.api.types.is_integer_dtype(values.dtype) or len(values) < 2 or values.hasnans:
        return False
    return values.is_unique and int(values.max()) - int(values.min()) + 1 == len(values)


def counts_up(values: pd.Series, times: pd.Series) -> bool:
    """Whether a number never falls as time goes by."""
    numbers = pd.DataFrame({"time": times, "number": pd.to_numeric(values, errors="coerce")}).dropna()
    grown = numbers.sort_values(["time", "number"])["number"]
    return bool(grown.is_monotonic_increasing and grown.nunique() >= _COUNTED)


def other_time(values: pd.Series) -> str | None:
    """The first value of a column of dates that are not ISO, or of seconds or milliseconds since 1970."""
    known = values.dropna()
    if known.empty or pd.api.types.is_bool_dtype(known):
        return None
    if pd.api.types.is_numeric_dtype(known):
        low, high = _SECONDS_OF_OUR_TIME
        held = any(bool(known.between(low * scale, high * scale).all()) for scale in (1, 1e3))
    else:
        held = bool(known.astype(str).str.fullmatch(_OTHER_DATE).mean() > 0.95)
    return str(known.iloc[0]) if held else None
