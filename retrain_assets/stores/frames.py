"""Between pandas frames and what a table stores.

What comes back is stable, whatever engine wrote it:

| written | read |
|---|---|
| integers without a missing value | int64 |
| Int64, or objects of integers with a missing value | Int64 |
| bool | bool |
| boolean, or objects of bool with a missing value | boolean |
| any floating type | float64, missing is NaN |
| text, `string`, categories of text | object of str, missing is None |
| times | datetime64[us, UTC] |
| lists | object of numpy arrays, missing is None |
| objects that are all missing | object of None |

Categories come back as their values: the codes of a categorical differ from batch to batch, and a model must not see
that. The index is not stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from retrain_assets.data.hashing import canonical_table
from retrain_assets.errors import StoreError

PARTITION = "ra_batch"
"""Column of the partition; the store adds it."""
ROW = "ra_row"
"""Column of the row's place within its partition; the store adds it, and readers of the store do not see it."""

_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def table_of(frame: pd.DataFrame, *, table: str, partition: str) -> pa.Table:
    """The canonical table of one partition's rows, without the store's own columns.

    Raises:
        StoreError: the frame cannot be stored, or its `ra_batch` says another partition.
    """
    if PARTITION in frame.columns:
        if not (frame[PARTITION] == partition).all():
            raise StoreError(
                f"{table}: {PARTITION} of the rows must be '{partition}', the partition they are written to"
            )
        frame = frame.drop(columns=PARTITION)
    if ROW in frame.columns:
        raise StoreError(f"{table}: a column must not be named {ROW}: the store keeps the order of the rows there")
    try:
        return canonical_table(frame)
    except TypeError as error:
        raise StoreError(f"{table} of {partition}: {error}") from error


def kinds_of(table: pa.Table, frame: pd.DataFrame) -> dict[str, str]:
    """The type of each column, with `?` after it where the dtype must be one that knows missing values.

    >>> frame = pd.DataFrame({"a": [1], "b": pd.array([1], dtype="Int64")})
    >>> kinds_of(canonical_table(frame), frame)
    {'a': 'int64', 'b': 'int64?'}
    """
    kinds: dict[str, str] = {}
    dtypes = frame.dtypes.to_dict()
    for name, column in zip(table.column_names, table.columns, strict=True):
        dtype = dtypes[name]
        masked = isinstance(dtype, pd.api.extensions.ExtensionDtype) and not isinstance(dtype, pd.CategoricalDtype)
        nullable = column.type in _NULLABLE and (masked or column.null_count > 0)
        kinds[name] = f"{column.type}?" if nullable else str(column.type)
    return kinds


def fit(table: pa.Table, stored: pa.Schema, *, name: str) -> pa.Table:
    """The table with the types that the store already has for its columns, and the rows numbered in `ra_row`.

    Columns of unknown type are left out.

    Raises:
        StoreError: a value does not fit the stored type.
    """
    arrays: dict[str, pa.ChunkedArray] = {}
    for column_name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_null(column.type):
            continue
        target = stored.field(column_name).type if column_name in stored.names else None
        arrays[column_name] = column if target is None else _fit_column(column, target, f"{name}.{column_name}")
    arrays[ROW] = pa.chunked_array([pa.array(np.arange(table.num_rows))])
    return pa.table(arrays)


def _fit_column(column: pa.ChunkedArray, target: pa.DataType, place: str) -> pa.ChunkedArray:
    if column.type == target:
        return column
    same_family = (pa.types.is_string(target) and pa.types.is_large_string(column.type)) or (
        {column.type, target} == {pa.int64(), pa.float64()}
    )
    nested = pa.types.is_nested(target) and pa.types.is_nested(column.type)
    if same_family or nested:
        try:
            return column.cast(target)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise _misfit(place, target, column.type, str(error)) from error
    raise _misfit(place, target, column.type, "another type")


def _misfit(place: str, target: pa.DataType, got: pa.DataType, reason: str) -> StoreError:
    return StoreError(
        f"{place} must stay {target}, as in the versions before (got {got}: {reason}). "
        "Write it in the old type or under a new name."
    )


def frame_of(
    parts: Sequence[tuple[str, pa.Table]],
    columns: Sequence[str],
    kinds: Sequence[Mapping[str, str]],
    types: Mapping[str, pa.DataType],
) -> pd.DataFrame:
    """One frame from the partitions, in their order.

    Args:
        parts: Partition and rows; of their columns, `ra_row` is always there and never given.
        columns: The columns to give, in order; may name `ra_batch`.
        kinds: For each part, the kinds with which it was written.
        types: The stored type of each column; a column without one was never anything but missing.
    """
    names = [name for name in columns if name != PARTITION]
    counts = [rows.num_rows for _, rows in parts]
    rows = pa.concat_tables([_aligned(rows, names, types) for _, rows in parts]) if parts and names else pa.table({})
    frame = rows.to_pandas() if names else pd.DataFrame(index=pd.RangeIndex(sum(counts)))
    for name in names:
        dtype = _NULLABLE.get(types.get(name))
        if dtype is not None and any(not _is_plain(kind.get(name)) for kind in kinds):
            frame[name] = rows[name].to_pandas(types_mapper=_NULLABLE.get)
    if PARTITION in columns:
        labels = np.array([partition for partition, _ in parts], dtype=object)
        batch = np.repeat(labels, counts)
        frame.insert(list(columns).index(PARTITION), PARTITION, pd.Series(batch, index=frame.index, dtype=object))
    return frame


def joined(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """One frame of its own from those of several partitions, which have the same columns and types."""
    if len(frames) > 1:
        frame = pd.concat(frames, ignore_index=True)
        return frame if list(frame.columns) == list(columns) else frame[list(columns)]
    return frames[0][list(columns)].copy() if list(frames[0].columns) != list(columns) else frames[0].copy()


def _aligned(rows: pa.Table, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
    schema = pa.schema([pa.field(name, types.get(name, pa.null())) for name in names])
    if rows.schema.equals(schema):
        return rows
    present = {name: rows[name] for name in rows.column_names}
    arrays = [
        _cast(present[field.name], field.type) if field.name in present else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays([_chunked(array) for array in arrays], schema=schema)


def _cast(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    return column if column.type == wanted else column.cast(wanted)


def _chunked(array: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _is_plain(kind: str | None) -> bool:
    """Written without missing values in a dtype that has none; a missing column and one of unknown type are not."""
    return kind in ("int64", "bool")
