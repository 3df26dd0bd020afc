"""The table of a bare file, and which of its columns a model can learn from."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from retrain_assets.data.csv_form import csv_form
from retrain_assets.data.gzipped import unpacked
from retrain_assets.errors import DataError, UnreadableFileError

ENDLESS = (-np.inf, np.inf)
NO_FEATURES = {
    **dict.fromkeys(("date", "datetime", "time", "timedelta", "period"), "times"),
    "bytes": "bytes",
    "complex": "complex numbers",
    "interval": "intervals",
    "mixed": "neither numbers nor text",
}
"""What a column may hold that no model here learns from, by the name that pandas infers."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
"""A date or time as a CSV file writes it."""


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a Parquet or CSV file; a named index is columns, as it is in the file, and decimals are numbers.

    Separator, encoding and decimal mark of a CSV file are told from it.

    Raises:
        DataError: it cannot be read.
    """
    text = path.suffix.lower() in (".csv", ".txt", ".tsv", ".tab", ".gz")
    try:
        frame = _read_csv(path) if text else pd.read_parquet(path)
    except (ValueError, OSError, UnreadableFileError) as error:
        raise DataError(f"{path} cannot be read as {'CSV' if text else 'Parquet'}: {error}") from error
    indexed = [name for name in frame.index.names if name is not None and name not in frame.columns]
    frame = frame.reset_index(level=indexed) if indexed else frame
    exact = [name for name in frame.columns if pd.api.types.infer_dtype(frame[name], skipna=True) == "decimal"]
    for name in exact:
        frame[name] = pd.to_numeric(frame[name]).astype(np.float64)
    return frame


def _read_csv(path: Path) -> pd.DataFrame:
    content = unpacked(path.read_bytes(), path.name)  # by what it is: pandas would go by the name
    form = csv_form(content)
    return pd.read_csv(
        io.BytesIO(content), low_memory=False, sep=form.separator, encoding=form.encoding, decimal=form.decimal
    )


def left_out(frame: pd.DataFrame) -> dict[str, str]:
    """The columns that are no features, each with what it holds."""
    found: dict[str, str] = {}
    for name in frame.columns:
        kind = re.sub(r"\d+$", "", pd.api.types.infer_dtype(frame[name], skipna=True))
        if kind in NO_FEATURES:
            found[str(name)] = NO_FEATURES[kind]
        elif frame[name].nunique(dropna=False) < 2:
            found[str(name)] = "one value"
        elif kind in ("string", "categorical") and _are_times(frame[name]):
            found[str(name)] = NO_FEATURES["datetime"]
        elif kind in ("string", "categorical", "integer") and frame[name].is_unique:
            names = "another value in each row" if kind != "integer" else _numbering(frame[name])
            found.update({str(name): names} if names else {})
    return found


def _are_times(values: pd.Series) -> bool:
    return all(isinstance(value, str) and _TIME.fullmatch(value) is not None for value in values.dropna().unique())


def _numbering(values: pd.Series) -> str | None:
    """Whole numbers that count the rows tell a model when a row came, and nothing of rows to come."""
    every = values.notna().all() and int(values.max()) - int(values.min()) + 1 == len(values)
    return "row numbers" if every or values.is_monotonic_increasing or values.is_monotonic_decreasing else None


def infinite(frame: pd.DataFrame) -> list[str]:
    """The columns that hold infinite values, which no model learns from: they count as missing."""
    floats = [name for name in frame.columns if pd.api.types.is_float_dtype(frame[name])]
    return [str(name) for name in floats if np.isinf(frame[name].to_numpy(dtype=np.float64, na_value=np.nan)).any()]
