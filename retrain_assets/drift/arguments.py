"""What `compare` is asked, refused where it cannot be meant: with what it must be, what it is, and the remedy."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from numbers import Integral, Real

from retrain_assets.data.profile import TableProfile
from retrain_assets.errors import did_you_mean


def refuse_arguments(
    joint: str,
    known: Sequence[str],
    columns: Sequence[str] | None,
    outputs: Sequence[str],
    importance: Mapping[str, float],
    seed: int,
) -> None:
    """Refuses what cannot be meant, whatever the rows.

    Raises:
        TypeError: an argument has another type than it must have.
        ValueError: an argument is none of what it may be.
    """
    if joint not in known:
        raise ValueError(f"joint must be one of {', '.join(map(repr, known))} (got {joint!r})")
    for what, names in (("columns", columns), ("outputs", outputs)):
        if isinstance(names, str):
            raise TypeError(f"{what} must be a list of names (got the text {names!r}): write [{names!r}]")
    if not isinstance(outputs, Iterable):
        raise TypeError(f"outputs must be a list of names (got {outputs!r})")
    if columns is not None and (not isinstance(columns, Collection) or not len(columns)):
        raise TypeError(f"columns must be a list of at least one name (got {columns!r}): leave it out to compare all")
    if not isinstance(seed, Integral):
        raise TypeError(f"seed must be a whole number (got {seed!r})")
    if not isinstance(importance, Mapping):
        raise TypeError(f"importance must be a number by column (got {type(importance).__name__})")
    for name, weight in importance.items():
        if not isinstance(weight, Real) or not 0 <= weight < math.inf:
            raise ValueError(f"the importance of '{name}' must be a number >= 0 and finite (got {weight!r})")


def refuse_unknown(what: str, asked: Iterable[str], past: Sequence[TableProfile], now: TableProfile) -> None:
    """Refuses an argument that names what is no column.

    Args:
        what: the argument.
        asked: the names.
        past: profiles of the reference.
        now: profile of the current window.

    Raises:
        ValueError: neither side has it.
    """
    known = dict.fromkeys(name for side in (*past, now) for name in side.names)
    for name in asked:
        if not any(name in side for side in (*past, now)):
            raise ValueError(
                f"{what} must name columns of the reference or the current window (got {name!r})."
                f"{did_you_mean(str(name), known)}"
            )
