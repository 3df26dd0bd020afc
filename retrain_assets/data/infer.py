"""A first schema from rows that somebody has at hand: to be read and corrected, not believed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retrain_assets.data.conversion import Kind, kind_of, read_as
from retrain_assets.data.reading import TEXT
from retrain_assets.spec import ColumnSpec

_MAX_CATEGORIES = 20
_MARGIN = 0.25
_GUESSED: tuple[Kind, ...] = ("int", "float", "bool", "datetime")
_MOSTLY = 0.9
"""Share of numbers among the values of a text column from which one wonders why it is text."""
_BESIDE_DIGITS = r"[,\s%$€£]"


def infer_columns(frame: pd.DataFrame) -> dict[str, ColumnSpec]:
    """Type, nullability, limits and categories of each column, as the rows show them.

    Limits leave a quarter of the observed span on both sides, and never cross zero where no value does. A text with
    few values that repeat is a category; ids, which never repeat, and constants have no limits.

    >>> columns = infer_columns(pd.DataFrame({"n": [1, 2, 3, 3], "kind": ["a", "b", "a", "b"]}))
    >>> columns["n"].type, columns["n"].min, columns["n"].max, columns["kind"].values
    ('int', 0.0, 4.0, ('a', 'b'))
    """
    return {str(name): _column(frame[name]) for name in frame.columns}


def nearly_numbers(frame: pd.DataFrame) -> dict[str, str]:
    """The columns of numbers that are text, each with the first value that makes it so: `n/k`, `12,50` or `7 %`."""
    found: dict[str, str] = {}
    for name in frame.columns:
        if pd.api.types.infer_dtype(frame[name], skipna=True) not in ("string", "mixed-integer"):
            continue
        values = frame[name].dropna()
        numbers = pd.to_numeric(values, errors="coerce").notna()
        written = pd.to_numeric(values.astype(str).str.replace(_BESIDE_DIGITS, "", regex=True), errors="coerce").notna()
        if not numbers.all() and written.mean() >= _MOSTLY:
            found[str(name)] = str(values[~numbers].iloc[0])
    return found


def _column(values: pd.Series) -> ColumnSpec:
    kind = _kind(values)
    read, _ = read_as(values, kind, lenient=True)
    known = read.dropna()
    nullable = len(known) < len(values)
    if kind in ("int", "float"):
        low, high = _limits(known.astype(float), integral=kind == "int")
        return ColumnSpec(type=kind, nullable=nullable, min=low, max=high)
    if kind in ("bool", "datetime"):
        return ColumnSpec(type=kind, nullable=nullable)
    categories = sorted(known.unique())
    if 1 < len(categories) <= _MAX_CATEGORIES and len(categories) <= len(known) / 2:
        return ColumnSpec(type="category", nullable=nullable, values=tuple(categories))
    return ColumnSpec(type="string", nullable=nullable)


def _kind(values: pd.Series) -> Kind:
    """The narrowest kind as which every value can be read; text where there is no value."""
    typed = kind_of(values.dtype)
    if typed == "int" and read_as(values, typed, lenient=True)[1].any():
        return "float"  # beyond 64 bits with a sign
    if typed in ("bool", "int", "float", "datetime"):
        return typed
    known = values.dropna()
    held = pd.api.types.infer_dtype(known, skipna=True)
    if held == "boolean":
        return "bool"
    text = known.astype(TEXT) if held == "string" else known
    if text.empty:
        return "string"
    for kind in _GUESSED:
        if _fits(text, kind):
            return kind
    return "string"


def _fits(values: pd.Series, kind: Kind) -> bool:
    if kind == "bool" and not values.astype("object").map(lambda value: str(value).lower() in ("true", "false")).all():
        return False
    if kind in ("int", "float") and is_zero_led(values):
        return False
    if kind == "int" and values.dtype == TEXT and not values.str.fullmatch(r"\s*[+-]?\d+\s*").all():
        return False
    return not read_as(values, kind, lenient=True)[1].any()


def is_zero_led(values: pd.Series) -> bool:
    """Whether texts of a file are codes such as `007`: as numbers they would lose their zeros."""
    return values.dtype == TEXT and bool(values.str.match(r"0\d").any())


def _limits(values: pd.Series, *, integral: bool) -> tuple[float | None, float | None]:
    finite = values[np.isfinite(values)]
    if finite.nunique() < 2 or (integral and finite.is_unique and len(finite) > _MAX_CATEGORIES):
        return None, None
    low, high = float(finite.min()), float(finite.max())
    span = high - low
    wide_low = low - _MARGIN * span if low < 0 else max(0.0, low - _MARGIN * span)
    wide_high = high + _MARGIN * span if high > 0 else min(0.0, high + _MARGIN * span)
    # Round outwards, to a hundredth of the span's order of magnitude: people will read these numbers.
    digits = 0 if integral else 2 - int(np.floor(np.log10(span)))
    step = 10.0**-digits
    return round(float(np.floor(wide_low / step) * step), max(digits, 0)), round(
        float(np.ceil(wide_high / step) * step), max(digits, 0)
    )
