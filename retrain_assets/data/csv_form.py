"""How a CSV file is written, told from the file itself: for whoever has a file at hand and has declared nothing yet."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from retrain_assets.data.gzipped import unpacked
from retrain_assets.data.reading import SEPARATORS, read_part
from retrain_assets.errors import UnreadableFileError

DecimalMark = Literal[".", ","]

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_NUMBER = r"\s*[+-]?\d+(?:{mark}\d+)?(?:[eE][+-]?\d+)?\s*"
_GROUPED = r"\s*[+-]?[1-9]\d{0,2}(?:,\d{3})+\s*"
"""A whole number in groups of thousands, as `1,234`, which may as well be one and a quarter or so."""
_MOSTLY = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvForm:
    """What a source of CSV files declares of their form."""

    encoding: str = "utf-8"
    separator: str = ","
    decimal: DecimalMark = "."


def csv_form(content: bytes, *, encoding: str | None = None) -> CsvForm:
    r"""The form in which a file can be read; of one that cannot, whatever could be told.

    The encoding is UTF-8 where the bytes are, else UTF-16 by its mark, else the one of Windows for western Europe,
    which nothing in a file proves. The separator is the one by which the header has the most names. The decimal mark is
    a comma where numbers of some column have one that groups no thousands, and those of none have a point.

    >>> csv_form("day;prix\n2024-01-01;12,50\n".encode())
    CsvForm(encoding='utf-8', separator=';', decimal=',')
    """
    content = unpacked(content)
    encoding = encoding or _encoding(content)
    separator = _separator(content.decode(encoding, errors="replace"))
    try:
        frame = read_part("", "csv", content, encoding=encoding, separator=separator)
    except UnreadableFileError:
        return CsvForm(encoding=encoding, separator=separator)
    return CsvForm(encoding=encoding, separator=separator, decimal=_decimal(frame))


def _encoding(content: bytes) -> str:
    if content.startswith(_UTF_16):
        return "utf-16"
    try:
        content.decode()
    except UnicodeDecodeError:
        if not content.decode(errors="ignore").isascii():
            return "utf-8"  # one part is and another is not: that is a damage, and no other encoding
    else:
        return "utf-8"
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def _separator(text: str) -> str:
    """The one that the header holds most of, outside of quotes."""
    names = {mark: len(_header(text, mark)) for mark in SEPARATORS}
    return max(SEPARATORS, key=lambda mark: names[mark])  # the first of several: a comma where there is one column


def _header(text: str, separator: str) -> list[str]:
    try:
        return next((row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row), [])
    except csv.Error:
        return []


def _decimal(frame: pd.DataFrame) -> DecimalMark:
    columns = [known for name in frame.columns if len(known := frame[name].dropna())]
    with_comma = any(_are_numbers(values, ",") and _have_decimals(values) for values in columns)
    with_point = any(_are_numbers(values, r"\.") and values.str.contains(".", regex=False).any() for values in columns)
    return "," if with_comma and not with_point else "."


def _are_numbers(values: pd.Series, mark: str) -> bool:
    return bool(values.str.fullmatch(_NUMBER.format(mark=mark)).mean() >= _MOSTLY)


def _have_decimals(values: pd.Series) -> bool:
    with_comma = values[values.str.contains(",", regex=False)]
    return not with_comma.empty and not with_comma.str.fullmatch(_GROUPED).all()
