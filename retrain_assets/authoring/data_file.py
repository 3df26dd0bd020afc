"""The file from which a model is scaffolded: its rows as types, and its cells as they were written."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from retrain_assets.data.infer import is_zero_led
from retrain_assets.data.reading import NULL_TOKENS, read_part
from retrain_assets.errors import DeclarationError, Problem, UnreadableFileError

_OTHER_FORMS = ("wrong_encoding", "mixed_encodings", "wrong_separator")
"""Reasons of files that a declaration can describe, and `init` cannot."""
_REMEDY = (
    "Write it anew first, `pandas.read_csv(file, sep=..., decimal=..., encoding=...).to_csv(copy, index=False)`, and "
    "give the copy to `init`. Numbers with a decimal comma are texts in any delivery"
)

_TEXTS = (".tsv", ".tab", ".txt")
_ANEW = "Write it anew first, with `DataFrame.to_csv(copy, index=False)` of pandas, and give the copy to `init`"


def read_data(file: Path) -> pd.DataFrame:
    """The rows of a CSV or Parquet file that would be taken as a delivery: else the first batch would be refused.

    Raises:
        DeclarationError: another kind of file, or one that cannot be read.
    """
    if file.suffix.lower() not in (".csv", ".parquet"):
        told = _REMEDY if file.suffix.lower() in _TEXTS else _ANEW
        raise _wrong(f"must be a .csv or .parquet file (got '{file.name}'). {told}")
    try:
        delivered = read_part(file.name, "csv" if is_csv(file) else "parquet", file.read_bytes())
        frame = _typed(file, delivered) if is_csv(file) else _read_parquet(file)
    except UnreadableFileError as error:
        other = error.reason in _OTHER_FORMS
        form = "must be UTF-8 with commas here, whatever is declared later: " if other else ""
        raise _wrong(f"{form}{error}{f'. {_REMEDY}' if other else ''}") from error
    except (ValueError, OSError) as error:  # parser and decoding errors are ValueErrors
        raise _wrong(f"{file} cannot be read: {error}") from error
    if frame.empty:
        raise _wrong(f"must have rows (got {file} without any)")
    return frame


def _typed(file: Path, delivered: pd.DataFrame) -> pd.DataFrame:
    """The texts of a CSV file as pandas types them.

    Missing is what it is in a delivery, and so is a column without a name, to which pandas gives one.
    """
    codes: dict[Hashable, Any] = {
        place: "str" for place, name in enumerate(delivered.columns) if is_zero_led(delivered[name])
    }
    frame = pd.read_csv(file, keep_default_na=False, na_values=list(NULL_TOKENS), dtype=codes)
    return frame.set_axis(delivered.columns, axis="columns")


def _read_parquet(file: Path) -> pd.DataFrame:
    """A named index is columns, as it is in the file and in a delivery; rows are numbered, for an index may repeat."""
    frame = pd.read_parquet(file)
    named = [name for name in frame.index.names if name is not None and name not in frame.columns]
    return (frame.reset_index(level=named) if named else frame).reset_index(drop=True)


def cells_as_written(file: Path) -> pd.DataFrame:
    """The same rows; numbers of a CSV file as their text, for read as numbers and written again they could change."""
    if is_csv(file):
        lines = pd.read_csv(file, header=None, dtype=str, keep_default_na=False, na_filter=False)
        return lines[1:].set_axis(lines.iloc[0].tolist(), axis="columns").reset_index(drop=True)
    return _read_parquet(file)


def is_csv(file: Path) -> bool:
    """Whether the file holds text; else it is Parquet."""
    return file.suffix.lower() == ".csv"


def _wrong(message: str) -> DeclarationError:
    return DeclarationError([Problem(field="DATA", message=message)])
