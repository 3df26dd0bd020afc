"""Labels cut to what the profile of a column has room for, in bytes as JSON writes them: some characters take six."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute
"""Its functions are made when it is loaded, so that no type checker knows them."""

MAX_CATEGORY_LENGTH = 80
"""In bytes of JSON in UTF-8, where a quote takes two and a control character six: a longer text is cut before it is
counted. So the profile of a column stays below 25 kB, whatever its values are called."""
_MOST = 6
"""Bytes that a character takes at the most."""
_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_ROWS = 65_536
"""So many labels are cut at a time."""


def _written() -> npt.NDArray[np.uint8]:
    sizes = np.ones(256, dtype=np.uint8)
    sizes[:32] = _MOST
    sizes[list(b'\b\t\n\f\r"\\')] = 2
    return sizes


_WRITTEN = _written()
"""Bytes of JSON that each byte of UTF-8 takes."""


def cut_label(label: str) -> str:
    r"""A category as it is counted: at most `MAX_CATEGORY_LENGTH` bytes of JSON.

    >>> len(cut_label("y" * 150)), len(cut_label("ä" * 150)), len(cut_label('"' * 150)), len(cut_label("\0" * 150))
    (80, 40, 40, 13)
    """
    if _MOST * len(label) <= MAX_CATEGORY_LENGTH:
        return label
    first = label[:MAX_CATEGORY_LENGTH]
    if first.isascii() and not _ESCAPED.search(first):
        return first
    encoded = first.encode("utf-8", "replace")
    written = np.cumsum(_WRITTEN[np.frombuffer(encoded, dtype=np.uint8)])
    return encoded[: int(np.searchsorted(written, MAX_CATEGORY_LENGTH, side="right"))].decode("utf-8", "ignore")


def cut_texts(texts: pa.Array) -> pa.Array:
    """The same of texts, none of them null; the same array where none is longer."""
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    if _MOST * longest <= MAX_CATEGORY_LENGTH:
        return texts
    longer = np.flatnonzero(_longer(texts))
    if not len(longer):
        return texts
    blocks = [_cut(texts.take(pa.array(longer[start : start + _ROWS]))) for start in range(0, len(longer), _ROWS)]
    mask = np.zeros(len(texts), dtype=bool)
    mask[longer] = True
    return pc.replace_with_mask(texts, pa.array(mask), pa.concat_arrays(blocks).cast(texts.type))


def _bytes_of(texts: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Where the texts begin and end, and all their bytes."""
    _, offsets, data = texts.buffers()
    kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    ends = np.frombuffer(offsets, dtype=kind)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return ends - ends[0], np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]]


def _longer(texts: pa.Array) -> npt.NDArray[np.bool_]:
    """Which texts JSON writes in more bytes than there may be."""
    ends, data = _bytes_of(texts)
    sizes = _WRITTEN[data]
    escaped = np.flatnonzero(sizes > 1)
    more = np.append(0, np.cumsum(sizes[escaped].astype(np.int64) - 1))[np.searchsorted(escaped, ends)]
    return np.diff(ends) + np.diff(more) > MAX_CATEGORY_LENGTH


def _cut(longer: pa.Array) -> pa.Array:
    """Texts of which each is too long."""
    ends, data = _bytes_of(longer)
    width = MAX_CATEGORY_LENGTH + 1
    padded = np.append(data, np.zeros(width, dtype=np.uint8))
    first = np.lib.stride_tricks.sliding_window_view(padded, width)[ends[:-1]]
    kept = (np.cumsum(_WRITTEN[first], axis=1, dtype=np.uint16) <= MAX_CATEGORY_LENGTH).sum(axis=1)
    rows = np.arange(len(first))
    for _ in range(3):  # no character is cut in two: it has at most three bytes behind its first
        kept -= (first[rows, kept] & 0xC0) == 0x80
    taken = first[np.arange(width) < kept[:, None]]
    offsets = np.append(0, np.cumsum(kept)).astype(np.int64)
    return pa.LargeStringArray.from_buffers(len(first), pa.py_buffer(offsets), pa.py_buffer(taken.tobytes()))
