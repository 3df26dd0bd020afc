"""Names of columns: texts, each of one column."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from retrain_assets.errors import DataError


def with_text_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Its columns by the text of their names; a frame may name them by numbers, or by several levels."""
    if all(isinstance(name, str) for name in frame.columns):
        return frame
    return frame.set_axis([str(name) for name in frame.columns], axis="columns")


def refuse_twice(columns: Sequence[str], name: str) -> None:
    """Refuses columns that share their name.

    Raises:
        DataError: there are some.
    """
    known = set[str]()
    for column in columns:
        if column in known:
            raise DataError(f"columns of {name} must have names of their own ('{column}' is there more than once)")
        known.add(column)
