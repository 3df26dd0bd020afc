"""Reads the values of a column as the type that a schema gives it; what cannot be read is marked, row by row."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain_assets.data.reading import TEXT
from retrain_assets.data.row_ids import as_text

Kind = Literal["int", "float", "bool", "datetime", "string", "category", "other"]

UTC_TIME: Any = pd.DatetimeTZDtype("us", "UTC")  # pyright: ignore[reportArgumentType] - pandas-stubs know "ns" only
"""The type of the event time and of other times in internal tables: what Delta Lake keeps."""

# Values that a Series may hold, but that pandas-stubs do not take as a replacement.
_NOTHING: Any = None
_MISSING: Any = pd.NA
_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_MOST_INT64 = 2**63 - 1
_NEVER_EMPTY: tuple[Kind, ...] = ("int", "float", "bool", "datetime")


def kind_of(dtype: Any) -> Kind:
    """The family of a numpy or pandas type.

    >>> kind_of(np.dtype("int32")), kind_of(pd.BooleanDtype()), kind_of(pd.DatetimeTZDtype("ns", "UTC"))
    ('int', 'bool', 'datetime')
    """
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if isinstance(dtype, pd.StringDtype) or getattr(dtype, "kind", "") == "U":
        return "string"
    families: tuple[tuple[Kind, Any], ...] = (
        ("bool", pd.api.types.is_bool_dtype),
        ("int", pd.api.types.is_integer_dtype),
        ("float", pd.api.types.is_float_dtype),
        ("datetime", pd.api.types.is_datetime64_any_dtype),
    )
    for kind, belongs in families:
        if belongs(dtype):
            return kind
    return "other"


def read_as(values: pd.Series, kind: Kind, *, lenient: bool, decimal: str = ".") -> tuple[pd.Series, NDArray[np.bool_]]:
    """The values as a kind, null where they cannot be read, and a mask of those.

    Args:
        values: Raw values of a column; those of dtype `TEXT` come from a CSV file and are parsed in any case. An empty
            text of theirs is no number, truth value or time, and so is missing there.
        kind: What to read them as. Integers come as `Int64`, times as UTC, texts as Python strings.
        lenient: Also parse text that did not come from a CSV file, and print what is not text as text.
        decimal: Decimal mark of numbers in a CSV file. By a comma, a point makes what would be a number none.
    """
    lenient = lenient or values.dtype == TEXT
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if values.dtype == TEXT and kind in _NEVER_EMPTY:
        # A file that quotes every value quotes the missing ones, too.
        empty = _arrow_texts(values).to_numpy(zero_copy_only=False) == ""
        values = values.mask(empty) if empty.any() else values
    if kind in ("int", "float"):
        values = with_point(values, decimal)
    if kind == "int":
        return _integers(values, lenient)
    if kind == "float":
        return _floats(values, lenient)
    if kind == "bool":
        return _booleans(values, lenient)
    if kind == "datetime":
        return _times(values, lenient)
    if kind in ("string", "category"):
        return _texts(values, lenient or kind == "category")
    if values.dtype == TEXT:
        # Without a type in the schema a text stays a text, in the form that other files have it.
        values = values.astype("object").where(values.notna(), _NOTHING)
    return values, np.zeros(len(values), dtype=bool)


def with_point(values: pd.Series, decimal: str) -> pd.Series:
    """The numbers of a CSV file with a point for their decimal mark; what has a point beside that is none any more."""
    if decimal == "." or values.dtype != TEXT:
        return values
    # No question mark is part of a number; a point would be taken for the mark that it is not here.
    return values.str.replace(".", "?", regex=False).str.replace(decimal, ".", regex=False)


def _floats(values: pd.Series, lenient: bool) -> tuple[pd.Series, NDArray[np.bool_]]:
    fast = _cast(values)
    if fast is not None:
        return fast.astype("float64", copy=False), np.zeros(len(values), dtype=bool)
    numbers, bad = _parsed(values, lenient)
    floats = [np.nan if number is None else float(number) for number in numbers]
    return pd.Series(floats, index=values.index, dtype="float64", name=values.name), bad


def _integers(values: pd.Series, lenient: bool) -> tuple[pd.Series, NDArray[np.bool_]]:
    fast = _cast(values)
    if fast is not None and fast.dtype != np.dtype("float64"):
        return fast.astype("Int64"), np.zeros(len(values), dtype=bool)
    if values.dtype == np.dtype("float64"):
        return _whole(values)
    numbers, _ = _parsed(values, lenient)
    whole = [number if number is not None and _is_int64(number) else None for number in numbers]
    bad = values.notna().to_numpy() & np.array([number is None for number in whole], dtype=bool)
    integers = pd.array([None if number is None else int(number) for number in whole], dtype="Int64")
    return pd.Series(integers, index=values.index, name=values.name), bad


def _cast(values: pd.Series) -> pd.Series | None:
    """Numbers as they are, texts of a file by Arrow all at once; None where values must be looked at one by one."""
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_integer_dtype(values.dtype):
        beyond = pd.api.types.is_unsigned_integer_dtype(values.dtype) and (values > _MOST_INT64).any()
        return None if beyond else values.astype("Int64")
    if pd.api.types.is_float_dtype(values.dtype):
        return values.astype("float64", copy=False)
    if values.dtype != TEXT:
        return None
    array = _arrow_texts(values)
    for wanted, dtype in ((pa.int64(), "Int64"), (pa.float64(), "float64")):
        try:
            numbers = pc.cast(array, wanted)
        except pa.ArrowInvalid:
            continue
        plain = numbers.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        return pd.Series(plain.array, index=values.index, dtype=dtype, name=values.name)
    return None


def _arrow_texts(values: pd.Series) -> pa.Array:
    """The texts of a file, null where there is no value."""
    return pa.array(values, type=pa.string(), from_pandas=True)


def _whole(values: pd.Series) -> tuple[pd.Series, NDArray[np.bool_]]:
    floats = values.to_numpy(dtype="float64")
    with np.errstate(invalid="ignore"):
        whole = (np.mod(floats, 1) == 0) & (floats >= -(2.0**63)) & (floats < 2.0**63)
    integers = pd.Series(np.where(whole, floats, 0).astype("int64"), index=values.index, name=values.name)
    return integers.astype("Int64").where(whole, _MISSING), ~whole & ~np.isnan(floats)


def _parsed(values: pd.Series, lenient: bool) -> tuple[list[int | float | None], NDArray[np.bool_]]:
    """Each value as a number of Python, integers exact; None where there is none."""
    objects = values.astype("object")
    known = objects.notna().to_numpy()
    numbers = [_number(value, lenient) if there else None for value, there in zip(objects, known, strict=True)]
    return numbers, known & np.array([number is None for number in numbers], dtype=bool)


def _number(value: object, lenient: bool) -> int | float | None:
    if isinstance(value, str):
        # Python reads 1_000 as a number; nobody else does.
        return _number_of_text(value) if lenient and "_" not in value else None
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return int(value)
    return float(value) if isinstance(value, float | np.floating | Decimal) else None


def _number_of_text(text: str) -> int | float | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return None if np.isnan(number) else number


def _is_int64(number: float) -> bool:
    if isinstance(number, float) and not number.is_integer():
        return False
    return -(2**63) <= number <= _MOST_INT64


def _booleans(values: pd.Series, lenient: bool) -> tuple[pd.Series, NDArray[np.bool_]]:
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.infer_dtype(values, skipna=True) == "boolean":
        return values.astype("boolean"), np.zeros(len(values), dtype=bool)
    objects = values.astype("object")
    known = objects.notna().to_numpy()
    texts = [None if text is None else text.strip().lower() for text in as_text(values)]
    readable = (
        known if lenient else known & objects.map(lambda value: isinstance(value, bool | np.bool_)).to_numpy(dtype=bool)
    )
    true, false = (np.array([text in which for text in texts], dtype=bool) & readable for which in (_TRUE, _FALSE))
    read = true | false
    return pd.Series(pd.arrays.BooleanArray(true, ~read), index=values.index, name=values.name), known & ~read


def _times(values: pd.Series, lenient: bool) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Times in UTC; a time without a zone is UTC. Text must be ISO 8601: other forms are ambiguous."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        zoned = values if isinstance(values.dtype, pd.DatetimeTZDtype) else values.dt.tz_localize("UTC")
        return zoned.astype(UTC_TIME), np.zeros(len(values), dtype=bool)
    objects = values.astype("object")
    known = objects.notna().to_numpy()
    if pd.api.types.is_numeric_dtype(values.dtype):
        return pd.Series(pd.NaT, index=values.index, dtype=UTC_TIME, name=values.name), known
    is_text = objects.map(_is_text).to_numpy(dtype=bool)
    is_time = objects.map(_is_time).to_numpy(dtype=bool)
    readable = known & (is_time | (is_text & lenient))
    times = pd.to_datetime(objects.where(readable, _NOTHING), errors="coerce", utc=True, format="ISO8601").astype(
        UTC_TIME
    )
    return times, known & times.isna().to_numpy()


def _texts(values: pd.Series, lenient: bool) -> tuple[pd.Series, NDArray[np.bool_]]:
    objects = values.astype("object")
    known = objects.notna().to_numpy()
    objects = objects if known.all() else objects.where(known, _NOTHING)
    if values.dtype == TEXT:
        return objects, np.zeros(len(values), dtype=bool)
    if pd.api.types.infer_dtype(objects, skipna=True) == "string":
        return objects, np.zeros(len(values), dtype=bool)
    other = known & ~objects.map(_is_text).to_numpy(dtype=bool)
    if other.any() and lenient:
        return as_text(values), np.zeros(len(values), dtype=bool)
    return objects.where(~other, _NOTHING), other


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_time(value: object) -> bool:
    return isinstance(value, date | np.datetime64)
