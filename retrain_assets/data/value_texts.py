"""Values that are neither numbers nor times as the texts by which they are counted: lists, records, bytes and the rest.

Block by block, and in a block column by column: what lists and records are made of is written at once, and put together
by Arrow. Python sees each different text, byte string or time of a block once, and values that Arrow has no type for.
Whatever library holds them, and whatever else is in their block, the same values have the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from retrain_assets.data.categories import element_text, label_of
from retrain_assets.data.exact import EXACT
from retrain_assets.data.sound_texts import sound

pc: Any = pyarrow.compute
"""Its functions are made when it is loaded, so that no type checker knows them."""

ROWS = 65_536
"""Of a block; fewer where values are large."""
BYTES = 1 << 26
"""Of a block, about: what is written of it stays far below what an Arrow text array can hold."""
_FIELDS = 256
"""Of records that Arrow reads: of more names most are missing in each."""
_ALIKE = 1e-4, 1e10
"""Between them Arrow writes a number that is not whole as Python does."""


def texts_of_arrow(values: pa.ChunkedArray) -> Iterator[pa.Array]:
    """Blocks of texts, null where there is no value."""
    for chunk in values.chunks:
        rows = max(1, min(ROWS, BYTES * len(chunk) // max(chunk.nbytes, 1)))
        for start in range(0, len(chunk), rows):
            yield texts_of_array(chunk.slice(start, rows))


def texts_of_series(values: pd.Series) -> Iterator[pa.Array]:
    """The same of a column of pandas: of texts, or of whatever objects."""
    if isinstance(values.dtype, pd.ArrowDtype):
        found: Any = pa.array(values.array)
        yield from texts_of_arrow(found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found]))
        return
    if isinstance(values.dtype, pd.CategoricalDtype):
        if len(values.cat.categories) > len(values):  # of a batch, which has the categories of its whole frame
            values = values.cat.remove_unused_categories()
        named = [*texts_of_series(pd.Series(values.cat.categories))] or [pa.nulls(0, pa.string())]
        codes = values.cat.codes.to_numpy()
        yield pa.concat_arrays(named).take(pa.array(codes, mask=codes < 0))
        return
    for start in range(0, len(values), ROWS):
        yield texts_of_array(_as_arrow(objects_of(values.iloc[start : start + ROWS])))


def objects_of(values: pd.Series) -> np.ndarray:
    """As Python objects, None where there is no value."""
    missing: Any = None  # pandas-stubs know no such one
    return values.to_numpy(dtype=object, na_value=missing)


def _as_arrow(block: np.ndarray) -> pa.Array:
    """As Arrow reads it where all are of one kind, which it must not have to guess; else the texts themselves."""
    kinds = set(map(type, block)) - {type(None)}
    alike = any(kinds <= each for each in ({str}, {bytes}, {list, tuple, np.ndarray}, {pd.DateOffset}))
    if alike or (kinds <= {dict} and len(set().union(*filter(None, block))) <= _FIELDS):
        try:
            return pa.array(block, from_pandas=True)
        except (pa.ArrowException, UnicodeError, TypeError, ValueError, OverflowError):
            pass  # of several types inside, of several dimensions, no text of any encoding: Arrow has no type for it
    return pa.array(
        [None if absent else sound(label_of(each)) for each, absent in zip(block, pd.isna(block), strict=True)]
    )


def texts_of_array(values: pa.Array) -> pa.Array:
    """As categories are named: a text as it is, a truth value as Python writes it."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return values  # large ones may be more than what a plain array holds
    if pa.types.is_dictionary(kind):
        return texts_of_array(values.dictionary).take(values.indices)
    if pa.types.is_nested(kind):
        return _within(values)
    return _once_each(values, label_of)


def _within(values: pa.Array) -> pa.Array:
    """As an element of a list or record is written, null where there is none."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _within(values.dictionary).take(values.indices)
    if pa.types.is_struct(kind):
        return _of_records(values)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _of_lists(values)
    return _of_scalars(values)


def _of_scalars(values: pa.Array) -> pa.Array:
    if pa.types.is_boolean(values.type):
        return pc.if_else(values, "True", "False")
    if pa.types.is_integer(values.type):
        return values.cast(pa.string())
    if pa.types.is_floating(values.type):
        return _of_floats(values.cast(pa.float64()))
    return _once_each(values, element_text)


def _of_floats(values: pa.Array) -> pa.Array:
    size = pc.abs(values)
    whole = pc.and_(pc.equal(pc.floor(values), values), pc.less_equal(size, EXACT))
    as_whole = pc.if_else(whole, values, None).cast(pa.int64()).cast(pa.string())
    alike = pc.and_(pc.greater_equal(size, _ALIKE[0]), pc.less(size, _ALIKE[1]))
    as_arrow = pc.if_else(alike, values, None).cast(pa.string())
    rest = pc.if_else(pc.or_(pc.or_(whole, alike), pc.is_nan(values)), None, values)
    found = pc.coalesce(as_whole, as_arrow)
    return found if rest.null_count == len(rest) else pc.coalesce(found, _once_each(rest, element_text))


def _of_records(values: pa.Array) -> pa.Array:
    """By the order of the names, without what is missing: records that name it and that do not are the same."""
    fields = sorted(zip((field.name for field in values.type), values.flatten(), strict=True), key=lambda each: each[0])
    parts = [
        pc.fill_null(pc.binary_join_element_wise(f", {name!r}: ", _within(field), ""), "") for name, field in fields
    ]
    joined = pc.binary_join_element_wise(*parts, "") if parts else pa.array([""] * len(values))
    inner = pc.utf8_slice_codeunits(joined, len(", "))
    return pc.if_else(values.is_valid(), pc.binary_join_element_wise("{", inner, "}", ""), None)


def _of_lists(values: pa.Array) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.append(0, np.cumsum(lengths)).astype(np.int32))
    elements = pc.fill_null(_within(pc.list_flatten(values)), "None")
    inner = pc.binary_join(pa.ListArray.from_arrays(offsets, elements), ", ")
    return pc.if_else(values.is_valid(), pc.binary_join_element_wise("[", inner, "]", ""), None)


def _once_each(values: pa.Array, text_of: Callable[[Any], str]) -> pa.Array:
    """What Arrow does not write as Python does: each different value once, where Arrow can tell them apart."""
    if isinstance(values, pa.ExtensionArray) and values.type.extension_name.startswith("pandas."):
        codes, found = pd.factorize(values.to_pandas())
        return _named(list(found), text_of).take(pa.array(codes, mask=codes < 0))
    storage = values.storage if isinstance(values, pa.ExtensionArray) else values
    try:
        encoded = storage.dictionary_encode()
    except pa.ArrowNotImplementedError:  # of maps and unions Arrow has no kernel yet: it is asked, and tells
        return _named(values.to_pylist(), text_of)
    distinct = encoded.dictionary
    if isinstance(values, pa.ExtensionArray):
        distinct = pa.ExtensionArray.from_storage(values.type, distinct)
    return _named(distinct.to_pylist(), text_of).take(encoded.indices)


def _named(values: Sequence[Any], text_of: Callable[[Any], str]) -> pa.Array:
    return pa.array([None if value is None else sound(text_of(value)) for value in values], pa.string())
