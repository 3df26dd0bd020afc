"""Arrow types for which Arrow has hardly any function, as plain ones: views, which Polars exports, runs, extensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrain_assets.data.seconds import seconds_of_series
from retrain_assets.data.value_texts import texts_of_array

if TYPE_CHECKING:
    import pyarrow as pa


def in_plain_types(table: pa.Table) -> pa.Table:
    """The table with runs decoded, and views of text and bytes, wherever they are nested, as large text and bytes.

    Periods of pandas are the times at which they begin, UUIDs their texts, and other extensions what they are stored
    as, with truth values in 8 bits as such.
    """
    import pyarrow as pa

    for place, (name, kind) in enumerate(zip(table.column_names, table.schema.types, strict=True)):
        if isinstance(kind, pa.BaseExtensionType) and not kind.extension_name.startswith("pandas."):
            table = table.set_column(place, name, _without_extension(table.column(place)))
        plain = _plain(table.schema.types[place])
        if plain is not None:
            table = table.set_column(place, name, _converted(table.column(place), plain))
    return table


def _without_extension(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    name, stored = column.type.extension_name, column.type.storage_type
    if name == "arrow.uuid":
        return pa.chunked_array([texts_of_array(chunk) for chunk in column.chunks], pa.string())
    whole = column.cast(stored)
    return whole.cast(pa.bool_()) if name == "arrow.bool8" else whole


def _plain(kind: pa.DataType) -> pa.DataType | None:
    """The type that runs, a view, or what is made of them is converted to; None for any other."""
    import pyarrow as pa

    if getattr(kind, "extension_name", "") == "pandas.period":
        return pa.timestamp("s")
    if pa.types.is_run_end_encoded(kind):
        return _plain(kind.value_type) or kind.value_type
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = _plain(kind.value_type)
        return None if inner is None else pa.large_list(inner)
    if pa.types.is_struct(kind):
        inner = [(field.name, _plain(field.type) or field.type) for field in kind]
        return None if all(_plain(field.type) is None for field in kind) else pa.struct(inner)
    return {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}.get(kind)


def _converted(column: pa.ChunkedArray, plain: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if getattr(column.type, "extension_name", "") == "pandas.period":
        begun = seconds_of_series(column.to_pandas())
        return pa.chunked_array([pa.array(begun, from_pandas=True).cast(pa.int64()).cast(plain)])
    if not pa.types.is_dictionary(column.type):
        try:
            if pa.types.is_run_end_encoded(column.type):
                runs: Any = [pc.call_function("run_end_decode", [chunk]) for chunk in column.chunks]
                return pa.chunked_array(runs, type=column.type.value_type).cast(plain)
            return column.cast(plain)
        except pa.ArrowNotImplementedError:
            # Arrow has no kernel for some nested types, and a release may bring one: it is asked, and tells.
            return pa.chunked_array([pa.array(chunk.to_pylist(), type=plain) for chunk in column.chunks], type=plain)
    kind = pa.dictionary(column.type.index_type, plain)
    return pa.chunked_array(
        [pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(plain)) for chunk in column.chunks],
        type=kind,
    )
