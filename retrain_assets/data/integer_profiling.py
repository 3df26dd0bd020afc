"""Whole numbers of a small range, such as counts, ages and codes: each value is counted, and all else follows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrain_assets.data import sketch
from retrain_assets.data.bins import Bins
from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.exact import EXACT

MAX_RANGE = 65_536
"""Values from the least to the greatest, at most four for each row: more of them are not counted one by one."""


def profile_integers(name: str, parts: Sequence[npt.NDArray[np.integer]], *, missing: int = 0) -> ColumnProfile | None:
    """The profile that the same numbers have as doubles; None of what spans too many values to be counted one by one.

    Args:
        name: of the column.
        parts: the values that are there, in one or several pieces.
        missing: rows without one.

    >>> profile = profile_integers("k", [np.array([3, 5, 5])], missing=1)
    >>> profile.rows, profile.maximum, profile.bins.counts.tolist()
    (4, 5.0, [1, 2])
    """
    parts = [part for part in parts if len(part)]
    present = sum(len(part) for part in parts)
    if not parts:
        return None
    low, high = min(int(part.min()) for part in parts), max(int(part.max()) for part in parts)
    if high - low >= min(MAX_RANGE, 4 * present) or max(-low, high) > EXACT:
        return None
    table = np.zeros(high - low + 1, dtype=np.int64)
    for part in parts:
        table += np.bincount(part.astype(np.int64, copy=False) - low, minlength=len(table))
    offsets = np.flatnonzero(table)
    counts = table[offsets]
    values = (offsets + low).astype(np.float64)
    centre = float((offsets * counts).sum()) / present
    precision, keys, added = sketch.fitted(sketch.keys_of(values), counts, sketch.FINEST)
    return ColumnProfile(
        name=name,
        kind="numeric",
        rows=present + missing,
        missing=missing,
        zeros=int(counts[values == 0].sum()),
        minimum=float(values[0]),
        maximum=float(values[-1]),
        mean=low + centre,
        m2=float((np.square(offsets - centre) * counts).sum()),
        precision=precision,
        bins=Bins(keys, added),
    )
