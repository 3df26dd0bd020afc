"""Values that stand for those of a reference: what its profile alone still knows of a column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from retrain_assets.data.column_profile import ColumnProfile


def stand_ins(reference: ColumnProfile, like: pd.Series, count: int) -> pd.Series | None:
    """At most so many values, each for as many rows of the reference as any other.

    Of numbers the quantiles at `(k + 1/2) / count`, of categories those at the same shares of the rows, the most
    frequent first; as many missing values as their share comes to, where the column can have them.

    Args:
        reference: profile of the column.
        like: values of the same column, whose type they get.
        count: at least one.

    Returns:
        The values; None where the profile shows none that the column can have (a time, a decimal).

    >>> profile = ColumnProfile(name="k", kind="categorical", rows=4, missing=0, categories={"a": 3, "b": 1})
    >>> stand_ins(profile, pd.Series(["a", "c"]), 4).tolist()
    ['a', 'a', 'a', 'b']
    """
    gone = round(reference.missing_share * count) if _can_miss(like) else 0
    shares = [(place + 0.5) / (count - gone) for place in range(count - gone)]
    there = _numbers(reference, like, shares) if reference.kind == "numeric" else _labels(reference, like, shares)
    if there is None:
        return None
    return pd.concat([there, pd.Series([None] * gone, dtype=like.dtype)], ignore_index=True) if gone else there


def _can_miss(like: pd.Series) -> bool:
    return not (isinstance(like.dtype, np.dtype) and like.dtype.kind in "biu")


def _numbers(reference: ColumnProfile, like: pd.Series, shares: list[float]) -> pd.Series | None:
    if not pd.api.types.is_numeric_dtype(like.dtype) or pd.api.types.is_bool_dtype(like.dtype):
        return None
    found = [reference.quantile(share) for share in shares]
    if not reference.bins or None in found:
        return None
    values = pd.Series(found, dtype="float64")
    return (values.round() if pd.api.types.is_integer_dtype(like.dtype) else values).astype(like.dtype)


def _labels(reference: ColumnProfile, like: pd.Series, shares: list[float]) -> pd.Series | None:
    """A profile knows labels as text: the values whose text they are, or those where the column holds texts."""
    known = {str(value): value for value in _values(reference, like)}
    textual = _holds_texts(like)
    counts = {
        known.get(label, label): count for label, count in reference.categories.items() if textual or label in known
    }
    if not counts or reference.kind == "datetime":
        return None
    reached = np.cumsum(list(counts.values()))
    places = np.searchsorted(reached / reached[-1], shares)
    labels = list(counts)
    return pd.Series([labels[place] for place in places], dtype=like.dtype)


def _values(reference: ColumnProfile, like: pd.Series) -> Iterable[Any]:
    """That the column can have, whichever of them its rows happen to hold; of mixed types only those are known."""
    if isinstance(like.dtype, pd.CategoricalDtype):
        return like.cat.categories
    present = like.dropna()
    flags = pd.api.types.is_bool_dtype(like.dtype) or pd.api.types.infer_dtype(present) == "boolean"
    return (False, True) if flags or (present.empty and reference.kind == "boolean") else present.unique()


def _holds_texts(like: pd.Series) -> bool:
    """Where it holds nothing at all, as far as its type allows."""
    if isinstance(like.dtype, pd.CategoricalDtype):
        return False
    present = like.dropna()
    if present.empty:
        return isinstance(like.dtype, pd.StringDtype) or pd.api.types.is_object_dtype(like.dtype)
    return pd.api.types.infer_dtype(present) == "string"
