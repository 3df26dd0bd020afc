"""Arrow types for which Arrow has hardly any function, as plain ones: views, which Polars exports, and run ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def in_plain_types(table: pa.Table) -> pa.Table:
    """The table with runs decoded, and views of text and bytes, also those in dictionaries, as large text and bytes."""
    for place, field in enumerate(table.schema):
        plain = _plain(field.type)
        if plain is not None:
            table = table.set_column(place, field.name, _converted(table.column(place), plain))
    return table


def _plain(kind: pa.DataType) -> pa.DataType | None:
    """The type that runs, a view, or a dictionary of views are converted to; None for any other."""
    import pyarrow as pa

    if pa.types.is_run_end_encoded(kind):
        return _plain(kind.value_type) or kind.value_type
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    return {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}.get(kind)


def _converted(column: pa.ChunkedArray, plain: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_run_end_encoded(column.type):
        runs: Any = [pc.call_function("run_end_decode", [chunk]) for chunk in column.chunks]
        return pa.chunked_array(runs, type=column.type.value_type).cast(plain)
    if not pa.types.is_dictionary(column.type):
        return column.cast(plain)
    kind = pa.dictionary(column.type.index_type, plain)
    return pa.chunked_array(
        [pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(plain)) for chunk in column.chunks],
        type=kind,
    )
