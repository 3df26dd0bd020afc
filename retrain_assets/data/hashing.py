"""The content hash of a table: the same rows have the same hash, in any process and on any machine.

The hash is a function of the column names and their order, the logical type of each column, and the values in the
frame's row order. Storage details do not count:

- int8 to int64, unsigned and nullable integers are one type; so are float32, float64 and Float64, so are text,
  `string` and the categories of a categorical column.
- Missing is missing: None, NaN, NaT and pd.NA are the same. -0.0 is 0.0.
- Times are instants in UTC, cut to microseconds; a time without a zone is taken as UTC.
- The frame's index does not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute
"""Its functions are made at import, where no type checker sees them."""
_UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")


def frame_hash(frame: pd.DataFrame) -> str:
    """SHA-256 (hex) of the content.

    >>> frame_hash(pd.DataFrame({"a": [1, 2]})) == frame_hash(pd.DataFrame({"a": [1, 2]}, dtype="Int64"))
    True

    Raises:
        TypeError: a column mixes types, or has one that no table can hold.
    """
    return table_hash(canonical_table(frame))


def canonical_table(frame: pd.DataFrame) -> pa.Table:
    """The frame as an Arrow table of logical types; the form that is hashed and stored.

    Columns become bool, int64, float64 (missing is null), large_string, timestamp[us, UTC], or a nested, date, decimal
    or binary type as it is. A column of objects that are all missing has the type null: nothing tells what it holds.

    Raises:
        TypeError: a column mixes types, or has one that no table can hold, or names are not unique texts.
    """
    names = list(frame.columns)
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise TypeError(f"column names must be unique texts (got {names})")
    arrays = [_canonical_column(str(name), column) for name, column in frame.items()]
    return pa.Table.from_arrays(arrays, names=names)


def table_hash(table: pa.Table) -> str:
    """SHA-256 (hex) of a canonical table."""
    digest = hashlib.sha256(f"{table.num_rows} {table.num_columns}".encode())
    for name, column in zip(table.column_names, table.columns, strict=True):
        encoded = name.encode()
        digest.update(b"%d:%s:" % (len(encoded), encoded))
        digest.update(str(column.type).encode())
        for part in _parts(_one_chunk(column)):
            digest.update(part)
    return digest.hexdigest()


def _canonical_column(name: str, column: pd.Series) -> pa.Array:
    # Arrow asks a Series for what it may be ten times as long as it reads a short one.
    values = column.to_numpy() if isinstance(column.dtype, np.dtype) else column
    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        raise TypeError(f"column '{name}' must hold values of one type ({error})") from error
    try:
        return _canonical_array(_one_chunk(array))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError) as error:
        raise TypeError(f"column '{name}' cannot be stored as {array.type} ({error})") from error


def _one_chunk(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(array, pa.Array):
        return array
    if array.num_chunks == 1:
        return array.chunk(0)
    return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], type=array.type)


def _canonical_array(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = _canonical_array(array.dictionary_decode())
    elif pa.types.is_integer(kind):
        array = _cast(array, pa.int64())
    elif pa.types.is_floating(kind):
        array = _canonical_numbers(_cast(array, pa.float64()))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        array = _cast(array, pa.large_string())
    elif pa.types.is_timestamp(kind):
        array = _utc(array)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        array = _canonical_list(array)
    elif pa.types.is_struct(kind):
        array = _canonical_struct(array)
    elif not _is_plain(kind):
        raise TypeError("give it as a number, a text or a time")
    return array


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    return array if array.type == kind else array.cast(kind)


def _is_plain(kind: pa.DataType) -> bool:
    return (
        pa.types.is_null(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_date32(kind)
        or pa.types.is_decimal128(kind)
        or pa.types.is_binary(kind)
    )


def _canonical_numbers(numbers: pa.Array) -> pa.Array:
    missing = pc.is_nan(numbers)
    return pc.if_else(missing, None, numbers) if pc.any(missing).as_py() else numbers


def _utc(array: pa.Array) -> pa.Array:
    if array.type.tz is None:
        return array.cast(pa.timestamp("us"), safe=False).cast(_UTC_MICROSECONDS)
    return array.cast(_UTC_MICROSECONDS, safe=False)


def _canonical_list(array: pa.Array) -> pa.Array:
    # Through lengths, so that neither an offset of a slice nor what lies under a null counts.
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    offsets = pa.array(np.concatenate([[0], np.cumsum(np.asarray(lengths))]).astype(np.int32))
    values = _canonical_array(array.flatten())
    if values.type == pa.null():
        values = values.cast(pa.float64())
    mask = array.is_null() if array.null_count else None
    return pa.ListArray.from_arrays(offsets, values, mask=mask)


def _canonical_struct(array: pa.Array) -> pa.Array:
    fields = [_canonical_array(field) for field in array.flatten()]
    names = [array.type.field(position).name for position in range(array.type.num_fields)]
    return pa.StructArray.from_arrays(fields, names=names, mask=array.is_null())


def _parts(array: pa.Array) -> Iterator[bytes | memoryview]:
    """The bytes that stand for an array's values, with one bit for each missing one."""
    if array.null_count:
        yield np.packbits(np.asarray(array.is_valid())).tobytes()
    yield b"|"
    kind = array.type
    if pa.types.is_null(kind):
        return
    if pa.types.is_floating(kind):
        values = np.asarray(pc.fill_null(array, np.nan)) + 0.0  # -0.0 becomes 0.0
        values[np.isnan(values)] = np.nan
        yield values.tobytes()
    elif pa.types.is_list(kind):
        yield np.asarray(pc.fill_null(pc.list_value_length(array), -1)).astype("<i8").tobytes()
        yield from _parts(array.flatten())
    elif pa.types.is_struct(kind):
        for field in array.flatten():
            yield from _parts(field)
    elif pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        yield from _text_parts(array)
    else:
        yield from _number_parts(array)


def _text_parts(array: pa.Array) -> Iterator[bytes | memoryview]:
    filled = pc.fill_null(array, "" if pa.types.is_large_string(array.type) else b"")
    lengths = np.asarray(pc.binary_length(filled)).astype("<i8")
    yield lengths.tobytes()
    _, offsets, data = filled.buffers()
    if data is None or not len(filled):
        return
    width = np.dtype("<i8" if pa.types.is_large_string(array.type) else "<i4")
    first = int(np.frombuffer(offsets, dtype=width, count=1, offset=filled.offset * width.itemsize)[0])
    yield memoryview(data)[first : first + int(lengths.sum())]


def _number_parts(array: pa.Array) -> Iterator[bytes | memoryview]:
    kind = array.type
    if pa.types.is_decimal128(kind):
        yield from _text_parts(array.cast(pa.large_string()))
        return
    if pa.types.is_date32(kind):
        array = array.cast(pa.int32())
    integers = _cast(array, pa.int64())
    yield np.ascontiguousarray(np.asarray(pc.fill_null(integers, 0)).astype("<i8", copy=False)).tobytes()
