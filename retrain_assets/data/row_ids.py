"""The id of a row: from the columns that the declaration names, or from the row's content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

ROW_ID = "ra_row_id"
"""Column of the row id in every internal table."""

_NOTHING: Any = None  # a Series may hold it, but pandas-stubs do not take it as a replacement
_KEY = "row content v1  "  # 16 bytes, as the hash demands


def row_ids(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Ids of the rows as text; null where a named column has no value.

    With `columns`, their texts joined by `|`. Without, a 64-bit hash of the row's content, with an occurrence number
    for the second and further rows of the same content, so that ids are unique and do not depend on other rows.

    >>> frame = pd.DataFrame({"carrier": ["UA", "B6"], "flight": [1545, 725.0]})
    >>> row_ids(frame, ["carrier", "flight"]).tolist()
    ['UA|1545', 'B6|725']
    """
    if columns:
        return ids_of_texts([as_text(frame[column]) for column in columns])
    return _content_ids(frame)


def ids_of_texts(texts: Sequence[pd.Series]) -> pd.Series:
    """The ids of rows from what `as_text` says of each of their columns."""
    return _joined(texts).rename(ROW_ID)


def _content_ids(frame: pd.DataFrame) -> pd.Series:
    # Columns by name: their order in a file is no content.
    typed = pd.DataFrame({name: _comparable(frame[name]) for name in sorted(frame.columns, key=str)}, index=frame.index)
    if typed.empty:
        hashes = pd.Series(0, index=frame.index, dtype="uint64")
    else:
        hashes = pd.util.hash_pandas_object(typed, index=False, hash_key=_KEY)
    occurrence = hashes.groupby(hashes).cumcount()
    ids = hashes.map("{:016x}".format).astype("object")
    again = occurrence > 0
    ids[again] = ids[again] + "#" + (occurrence[again] + 1).astype(str)
    return ids.rename(ROW_ID)


def _comparable(values: pd.Series) -> pd.Series:
    """Equal values with equal bytes: -0.0 and 0.0 are one number, and a time is one whatever its unit."""
    if pd.api.types.is_float_dtype(values.dtype):
        return values + 0.0
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        moments = values.dt.tz_convert(None) if isinstance(values.dtype, pd.DatetimeTZDtype) else values
        return moments.astype("datetime64[us]")
    return values


def as_text(values: pd.Series) -> pd.Series:
    """One text for each value, the same whether it came as text or typed: `5`, `5.0` and "5" are `5`.

    Times are ISO 8601 in UTC; null is None.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        categories = [*as_text(pd.Series(values.cat.categories)), None]  # the code of a missing value is -1
        return pd.Series([categories[code] for code in values.cat.codes], index=values.index, dtype="object")
    if _all_text(values):
        objects = values.astype("object")
        known = objects.notna()
        return objects if known.all() else objects.where(known, _NOTHING)
    known = values.dropna()
    if pd.api.types.is_bool_dtype(values.dtype):
        texts = known.astype(bool).map({True: "true", False: "false"})
    elif isinstance(values.dtype, pd.DatetimeTZDtype):
        texts = _iso(known.dt.tz_convert("UTC").dt.tz_localize(None))
    elif pd.api.types.is_datetime64_dtype(values.dtype):
        texts = _iso(known)
    elif pd.api.types.is_integer_dtype(values.dtype):
        texts = pd.Series([str(number) for number in known.tolist()], index=known.index, dtype="object")
    elif pd.api.types.is_float_dtype(values.dtype):
        texts = _float_texts(known.astype(float))
    else:
        texts = known.astype("object").map(_object_text)
    if len(known) == len(values):
        return pd.Series(texts.array, index=values.index, dtype="object", name=values.name)
    result = pd.Series([None] * len(values), index=values.index, dtype="object", name=values.name)
    result[known.index] = texts.astype("object")
    return result


def _iso(times: pd.Series) -> pd.Series:
    # Rows share their times: each is written once.
    places, distinct = pd.factorize(times.to_numpy().astype("datetime64[us]"))
    moments = np.asarray(distinct, dtype="datetime64[us]")
    seconds = moments.astype("datetime64[s]")
    # Each time by itself: its text must not depend on whether another row has a fraction.
    texts = np.datetime_as_string(seconds, unit="s").astype(object)
    broken = moments != seconds
    texts[broken] = np.datetime_as_string(moments[broken], unit="us").astype(object)
    return pd.Series((texts + "Z")[places], index=times.index, dtype="object")


def _float_texts(numbers: pd.Series) -> pd.Series:
    texts = [
        str(int(number)) if number.is_integer() and abs(number) < 2**63 else repr(number) for number in numbers.tolist()
    ]
    return pd.Series(texts, index=numbers.index, dtype="object")


def _object_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, pd.Timestamp):
        moment = value.tz_convert("UTC").tz_localize(None) if value.tzinfo else value
        return f"{moment.isoformat()}Z"
    return str(value)


def _all_text(values: pd.Series) -> bool:
    return pd.api.types.infer_dtype(values, skipna=True) == "string"


def _joined(parts: Sequence[pd.Series]) -> pd.Series:
    """The parts with `|` between them; a `|` inside a part is escaped where more than one is joined."""
    if len(parts) == 1:
        return parts[0]
    texts = [_escaped(part) for part in parts]
    rows = zip(*texts, strict=True)
    some_lack = any(None in part for part in texts)
    joined = [None if some_lack and None in row else "|".join(row) for row in rows]
    return pd.Series(joined, index=parts[0].index, dtype="object")


def _escaped(part: pd.Series) -> list[str | None]:
    texts: list[str | None] = part.tolist()
    # One look at all of them: hardly any id holds what would have to be escaped.
    whole = "".join([text for text in texts if text is not None])
    if "|" not in whole and "\\" not in whole:
        return texts
    return [None if text is None else text.replace("\\", "\\\\").replace("|", "\\|") for text in texts]
