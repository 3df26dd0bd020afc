"""What the numbers of a stored profile must be: what was altered is refused where it is read, not where it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from retrain_assets.data.sketch import FINEST, LEAST
from retrain_assets.errors import DataError


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number))


def _is_count(value: Any) -> bool:
    # A table may have come back from its store with doubles, which are whole all the same.
    return _is_number(value) and value >= 0 and value % 1 == 0


_MUST: Sequence[tuple[Sequence[str], Callable[[Any], bool], str]] = (
    (("rows", "missing", "infinite", "zeros", "other"), _is_count, "a whole number >= 0"),
    (
        ("precision",),
        lambda value: isinstance(value, int) and LEAST <= value <= FINEST,
        f"a whole number between {LEAST} and {FINEST}",
    ),
    (("minimum", "maximum", "mean"), lambda value: value is None or _is_number(value), "a number, or null"),
    (("m2",), lambda value: value is None or (_is_number(value) and value >= 0), "a number >= 0, or null"),
)


def refuse_numbers(record: Mapping[str, Any], name: str) -> None:
    """Refuses what no version of this package wrote.

    Args:
        record: what is stored of a column.
        name: of the column.

    Raises:
        DataError: a number is none, or not within its range.
        KeyError: it is not there.
    """
    for fields, is_sound, must in _MUST:
        for field in fields:
            if not is_sound(record[field]):
                raise DataError(
                    f"'{field}' in the profile of column '{name}' must be {must} (it is {record[field]!r}): no version "
                    "of retrain_assets wrote that. Restore the profile, or profile the rows again."
                )
