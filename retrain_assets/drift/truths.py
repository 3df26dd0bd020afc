"""Truth values that one side holds as booleans and the other as the numbers 0 and 1, as files and gaps make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from retrain_assets.data import sketch
from retrain_assets.data.column_profile import ColumnProfile, absent_column, bins_of, merge_columns
from retrain_assets.data.profile import TableProfile
from retrain_assets.errors import DataError

_TRUTHS = np.array([0.0, 1.0])


def as_truths(profiles: Sequence[ColumnProfile]) -> list[ColumnProfile]:
    """Numbers as booleans, where other profiles are boolean, and the numbers are none but 0 and 1.

    >>> truths = ColumnProfile(name="k", kind="boolean", rows=2, missing=0, categories={"True": 2})
    >>> numbers = ColumnProfile(name="k", kind="numeric", rows=3, missing=1, zeros=2, minimum=0, maximum=0, bins={0: 2})
    >>> as_truths([truths, numbers])[1].categories
    {'False': 2}
    """
    if {profile.kind for profile in profiles if profile.present} != {"boolean", "numeric"}:
        return list(profiles)
    found = [_as_truth(profile) if profile.kind == "numeric" else profile for profile in profiles]
    known = [profile for profile in found if profile is not None]
    return known if len(known) == len(profiles) else list(profiles)


def batches_of_window(tables: Sequence[TableProfile]) -> tuple[list[TableProfile], dict[str, str]]:
    """The same of every column of several batches, which can be added up then.

    Returns:
        The batches, and by column why it is left out of them: its kinds do not agree, so that it has no value there.
    """
    if len(tables) < 2:
        return list(tables), {}
    by_name: dict[str, list[ColumnProfile]] = {}
    for table in tables:
        for column in table.columns:
            by_name.setdefault(column.name, []).append(column)
    alike, apart = dict[str, list[ColumnProfile]](), dict[str, str]()
    for name, found in by_name.items():
        if len({column.kind for column in found}) > 1:
            alike[name] = as_truths(found)
            try:
                merge_columns(alike[name])
            except DataError as error:
                apart[name] = f"the batches of the current window do not agree: {error}"
                alike[name] = [absent_column(name, column.rows) for column in found]
    if not alike:
        return list(tables), {}
    columns = {name: iter(found) for name, found in alike.items()}
    return [
        replace(
            table,
            columns=tuple(next(columns[column.name]) if column.name in alike else column for column in table.columns),
        )
        for table in tables
    ], apart


def _as_truth(numbers: ColumnProfile) -> ColumnProfile | None:
    """None where there are other numbers than 0 and 1."""
    zero, one = sketch.collapsed(sketch.keys_of(_TRUTHS), sketch.FINEST, numbers.precision).tolist()
    keys, _ = bins_of(numbers)
    ones = numbers.bins.get(one, 0)
    # The bin of 1 begins with it, and that of 0 holds what is nearly 0 too.
    others = numbers.infinite or not {*keys.tolist()} <= {zero, one} or (numbers.maximum or 0) > 1
    if others or numbers.bins.get(zero, 0) != numbers.zeros:
        return None
    counts = {"False": numbers.zeros, "True": ones}
    return ColumnProfile(
        name=numbers.name,
        kind="boolean",
        rows=numbers.rows,
        missing=numbers.missing,
        categories={label: count for label, count in sorted(counts.items(), key=lambda each: -each[1]) if count},
    )
