"""The file from which a model is scaffolded: its rows as types, and its cells as they were written."""

from __future__ import annotations

import io
from collections.abc import Hashable
from pathlib import Path, PurePath
from typing import Any

import pandas as pd

from retrain_assets.data.csv_form import CsvForm, csv_form
from retrain_assets.data.gzipped import unpacked
from retrain_assets.data.infer import is_zero_led
from retrain_assets.data.reading import NULL_TOKENS, read_part
from retrain_assets.errors import DeclarationError, Problem, UnreadableFileError

_TEXTS = (".csv", ".tsv", ".tab", ".txt")
_PARQUET = ".parquet"
_PACKED = ".gz"
_ANEW = "Write it anew first, with `DataFrame.to_csv(copy, index=False)` of pandas, and give the copy to `init`"


def form_of(file: Path, *, encoding: str | None = None) -> CsvForm:
    """How a CSV file is written, as far as nobody says so; that of a Parquet file is the default.

    Raises:
        DeclarationError: another kind of file, one that cannot be read, or an encoding that does not apply to it.
    """
    _require_kind(file)
    if encoding is not None and not is_csv(file):
        raise _wrong(f"--encoding is of text, and Parquet has its own: leave it out (got '{file.name}')")
    try:
        "".encode(encoding or "utf-8")
    except LookupError:
        raise _wrong(f"--encoding must be a text encoding such as cp1251 (got {encoding!r})") from None
    try:
        return csv_form(file.read_bytes(), encoding=encoding) if is_csv(file) else CsvForm()
    except UnreadableFileError as error:  # told without its name
        raise _wrong(str(UnreadableFileError(error.reason, file.name, error.detail))) from error


def read_data(file: Path, form: CsvForm | None = None) -> pd.DataFrame:
    """The rows of a CSV or Parquet file that would be taken as a delivery: else the first batch would be refused.

    Raises:
        DeclarationError: another kind of file, or one that cannot be read.
    """
    _require_kind(file)
    form = form_of(file) if form is None else form
    try:
        frame = _typed(file, form) if is_csv(file) else _as_delivered(file)
    except UnreadableFileError as error:
        if error.reason == "wrong_encoding":  # a source would have to declare another; here there is none yet
            raise _wrong(
                f"{file.name} is no {form.encoding} text: give its --encoding, or leave it out (UTF-8, UTF-16)"
            ) from error
        raise _wrong(str(error)) from error
    except (ValueError, OSError) as error:  # parser and decoding errors are ValueErrors
        raise _wrong(f"{file} cannot be read: {error}") from error
    if frame.empty:
        raise _wrong(f"must have rows (got {file} without any)")
    return frame


def _require_kind(file: Path) -> None:
    if suffix_of(file).removesuffix(_PACKED) not in _TEXTS and suffix_of(file) != _PARQUET:
        kinds = f"{', '.join(_TEXTS)} (also with {_PACKED}) or {_PARQUET}"
        raise _wrong(f"must be a file that ends in {kinds} (got '{file.name}'). {_ANEW}")


def _typed(file: Path, form: CsvForm) -> pd.DataFrame:
    """The texts of a CSV file as pandas types them.

    Missing is what it is in a delivery, and so is a column without a name, to which pandas gives one.
    """
    text = _text(file)
    delivered = read_part(file.name, "csv", text.getvalue(), encoding=form.encoding, separator=form.separator)
    codes: dict[Hashable, Any] = {
        place: "str" for place, name in enumerate(delivered.columns) if is_zero_led(delivered[name])
    }
    frame = pd.read_csv(
        text,
        keep_default_na=False,
        na_values=list(NULL_TOKENS),
        dtype=codes,
        sep=form.separator,
        encoding=form.encoding,
        decimal=form.decimal,
    )
    return frame.set_axis(delivered.columns, axis="columns")


def _text(file: Path) -> io.BytesIO:
    """The bytes of a CSV file, unpacked by what they are: pandas would go by the file's name."""
    return io.BytesIO(unpacked(file.read_bytes(), file.name))


def _as_delivered(file: Path) -> pd.DataFrame:
    read_part(file.name, "parquet", file.read_bytes())
    return _read_parquet(file)


def _read_parquet(file: Path) -> pd.DataFrame:
    """A named index is columns, as it is in the file and in a delivery; rows are numbered, for an index may repeat."""
    frame = pd.read_parquet(file)
    named = [name for name in frame.index.names if name is not None and name not in frame.columns]
    return (frame.reset_index(level=named) if named else frame).reset_index(drop=True)


def cells_as_written(file: Path, form: CsvForm) -> pd.DataFrame:
    """The same rows; numbers of a CSV file as their text, for read as numbers and written again they could change."""
    if is_csv(file):
        lines = pd.read_csv(
            _text(file),
            header=None,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            sep=form.separator,
            encoding=form.encoding,
        )
        return lines[1:].set_axis(lines.iloc[0].tolist(), axis="columns").reset_index(drop=True)
    return _read_parquet(file)


def is_csv(file: PurePath) -> bool:
    """Whether the file holds text; else it is Parquet."""
    return suffix_of(file) != _PARQUET


def suffix_of(file: PurePath) -> str:
    """The ending that tells what a file holds, `.csv.gz` as one.

    >>> suffix_of(PurePath("a.b.CSV")), suffix_of(PurePath("a.csv.gz"))
    ('.csv', '.csv.gz')
    """
    last = file.suffix.lower()
    return PurePath(file.stem).suffix.lower() + last if last == _PACKED else last


def _wrong(message: str) -> DeclarationError:
    return DeclarationError([Problem(field="DATA", message=message)])
