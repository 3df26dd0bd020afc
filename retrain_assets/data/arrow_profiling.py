"""From Arrow columns to profiles: what pandas, Polars, DuckDB and Parquet readers all hand over without a copy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from retrain_assets.data.arrow_types import in_plain_types
from retrain_assets.data.column_profile import ColumnKind, ColumnProfile, absent_column
from retrain_assets.data.column_profiling import profile_numbers
from retrain_assets.data.integer_profiling import profile_integers
from retrain_assets.data.profile import TableProfile, merge_tables
from retrain_assets.data.seconds import seconds_of_arrow
from retrain_assets.data.text_counts import add_texts, count_texts
from retrain_assets.data.value_texts import texts_of_array, texts_of_arrow
from retrain_assets.errors import DataError, NoBatchColumnError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

MERGED_PARTS = 64
"""So many profiles of one batch are kept before they are added up: memory stays bounded, however long the stream."""


_NO_DATA = ("ra_", "__index_level_")
"""What begins so is the platform's own, or the index of a pandas frame."""


def profile_arrow(
    chunks: Iterable[pa.RecordBatch | pa.Table], *, batch: str | None = None, name: str = "the table"
) -> dict[str, TableProfile]:
    """Profiles of a stream of rows by batch, out of core: one chunk is in memory at a time.

    Args:
        chunks: the rows, all with the same columns.
        batch: column that says which rows came together; it is not profiled. Without one all are one batch, "".
        name: of the rows, for messages.

    Returns:
        By the text of the batch; in the order of the batch column's values, so that 2 is before 10.

    Raises:
        DataError: the batch column is missing, or a row has none.
    """
    parts: dict[str, list[TableProfile]] = {}
    values: dict[str, Any] = {}  # an hour that comes twice in autumn is one value, and two texts
    for chunk in chunks:
        for value, rows in _by_batch(chunk, batch, name):
            key = str(value)
            values.setdefault(key, value)
            own = parts.setdefault(key, [])
            own.append(_profile_rows(rows))
            if len(own) >= MERGED_PARTS:
                parts[key] = [merge_tables(own)]
    merged = {key: own[0] if len(own) == 1 else merge_tables(own) for key, own in parts.items()}
    return {key: merged[key] for key in sorted(merged, key=values.__getitem__)}


def _profile_rows(rows: pa.Table) -> TableProfile:
    names = [name for name in rows.column_names if not name.startswith(_NO_DATA)]
    columns = tuple(profile_array(name, rows.column(name)) for name in names)
    return TableProfile(rows=rows.num_rows, columns=columns)


def without_batches(batch: str, name: str, columns: Sequence[object]) -> NoBatchColumnError:
    """What to say of rows without the column that tells which of them came together."""
    said = f"the batch column '{batch}' must be in {name}, where rows that came together have the same value (it has no"
    return NoBatchColumnError(f"{said} such column).{did_you_mean(batch, map(str, columns))}")


def _by_batch(chunk: pa.RecordBatch | pa.Table, batch: str | None, name: str) -> Iterator[tuple[Any, pa.Table]]:
    import pyarrow as pa

    table = in_plain_types(pa.Table.from_batches([chunk]) if isinstance(chunk, pa.RecordBatch) else chunk)
    if batch is None:
        yield "", table
        return
    if batch not in table.column_names:
        raise without_batches(batch, name, table.column_names)
    column = table.column(batch)
    if column.null_count:
        raise _gaps(batch, name, column.null_count)
    if not table.num_rows:
        return
    try:
        encoded = column.combine_chunks().dictionary_encode()
    except pa.ArrowNotImplementedError:  # Arrow's own list of what it can encode: no second one is kept here
        needed = "must hold texts, whole numbers or times, which can be told apart"
        raise DataError(f"the batch column '{batch}' of {name} {needed} (it holds {column.type})") from None
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    found = encoded.dictionary.to_pylist()
    without = [code for code, key in enumerate(found) if key is None or (isinstance(key, float) and math.isnan(key))]
    gaps = int(np.isin(codes, without).sum())
    if gaps:
        raise _gaps(batch, name, gaps)
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    rest = table.drop_columns([batch])
    if len(starts) > len(found):
        order = np.argsort(codes, kind="stable")
        rest, codes = rest.take(pa.array(order)), codes[order]
        starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    for start, end in zip(starts, [*starts[1:], len(codes)], strict=True):
        yield found[codes[start]], rest.slice(int(start), int(end - start))


def _gaps(batch: str, name: str, gaps: int) -> DataError:
    return DataError(f"the batch column '{batch}' must have a value in every row of {name} ({gaps} have none)")


def profile_array(name: str, values: pa.ChunkedArray) -> ColumnProfile:
    """Profiles one column."""
    import pyarrow.types as kinds

    kind = values.type
    if kinds.is_dictionary(kind):
        return _counted(name, "categorical", values)
    if kinds.is_null(kind):
        return absent_column(name, len(values))
    if kinds.is_boolean(kind):
        return _counted(name, "boolean", values)
    if kinds.is_timestamp(kind) or kinds.is_date(kind):
        return profile_numbers(name, "datetime", *seconds_of_arrow(values))
    if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind) or kinds.is_duration(kind):
        return _numeric(name, values)
    return _counted(name, "categorical", values)


def _numeric(name: str, values: pa.ChunkedArray) -> ColumnProfile:
    import pyarrow.types as kinds

    counted: ColumnProfile | None = None
    if kinds.is_integer(values.type):
        there = [chunk.to_numpy(zero_copy_only=False) for chunk in values.drop_null().chunks]
        counted = profile_integers(name, there, missing=values.null_count)
    return counted or profile_numbers(name, "numeric", *_floats(values))


def _floats(values: pa.ChunkedArray) -> list[npt.NDArray[np.float64]]:
    """The numbers chunk by chunk, as they lie in memory where they are doubles without gaps."""
    import pyarrow as pa
    import pyarrow.types as kinds

    if kinds.is_duration(values.type):
        return seconds_of_arrow(values)
    if kinds.is_decimal(values.type):
        # By way of texts the double is the nearest one, as Python makes it. The direct way it is often the one beside
        # it, and a price that many rows have would be another one than in pandas.
        values = values.cast(pa.string()).cast(pa.float64())
    return [chunk.to_numpy(zero_copy_only=False).astype(np.float64, copy=False) for chunk in values.chunks]


def _counted(name: str, kind: ColumnKind, values: pa.ChunkedArray) -> ColumnProfile:
    import pyarrow.types as kinds

    told_apart = kinds.is_dictionary(values.type) or kinds.is_string(values.type) or kinds.is_large_string(values.type)
    if told_apart or kind == "boolean":
        whole = values.value_counts()
        texts = texts_of_array(whole.field("values"))
        counted = add_texts([(texts, whole.field("counts").to_numpy())])
    else:
        counted = count_texts(texts_of_arrow(values))
    return counted.profile(name, kind, len(values))
