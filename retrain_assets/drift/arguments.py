"""What `compare` is asked, refused where it cannot be meant: with what it must be, what it is, and the remedy."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import cast

from retrain_assets.data.profile import OWN, TableProfile
from retrain_assets.drift.distances.registry import floor_problem
from retrain_assets.drift.given import name_of
from retrain_assets.drift.settings import Settings
from retrain_assets.errors import did_you_mean


def refuse_arguments(
    joint: str,
    known: Sequence[str],
    columns: Sequence[str] | None,
    outputs: Sequence[str],
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
    if seed < 0:
        raise ValueError(f"seed must be >= 0 (got {seed!r})")


def weights_of(importance: object) -> dict[str, float]:
    """Numbers of Python by the text of the columns' names: what a fitted model tells are numbers of numpy.

    Raises:
        TypeError: it is no mapping, or one of its keys is no name.
        ValueError: a weight is none.

    >>> import numpy as np
    >>> weights_of({"x": np.float32(0.5), 0: 1})
    {'x': 0.5, '0': 1.0}
    """
    if importance is None:
        return {}
    if not isinstance(importance, Mapping):
        raise TypeError(
            f"importance must be a number by column (got {type(importance).__name__}): write it as a dict, "
            "as in {'x': 0.4}"
        )
    weights: dict[str, float] = {}
    for name, weight in cast("Mapping[object, object]", importance).items():
        if not isinstance(weight, Real) or not 0 <= float(weight) < math.inf:
            raise ValueError(f"the importance of '{name}' must be a number >= 0 and finite (got {weight!r})")
        weights[name_of(name, "each of importance")] = float(weight)
    return weights


def refuse_floor(settings: Settings) -> None:
    """Refuses a floor that no distance reaches.

    Raises:
        TypeError: what the distance names is none.
        ValueError: there is no such distance, or its values end below the floor.
    """
    problem = floor_problem(settings.distance, settings.effect_floor)
    if problem is not None:
        raise ValueError(f"effect_floor {problem}")


def refuse_unknown(
    what: str, asked: Iterable[str], past: Sequence[TableProfile], now: TableProfile, batch: str | None
) -> None:
    """Refuses an argument that names what is no column.

    Args:
        what: the argument.
        asked: the names.
        past: profiles of the reference.
        now: profile of the current window.
        batch: the batch column, which is no data.

    Raises:
        ValueError: neither side has it.
    """
    known = dict.fromkeys(name for side in (*past, now) for name in side.names)
    for name in asked:
        if not any(name in side for side in (*past, now)):
            raise ValueError(
                f"{what} must name columns of the reference or the current window (got {name!r})."
                f"{_why_unknown(name, known, batch)}"
            )


def _why_unknown(name: str, known: Iterable[str], batch: str | None) -> str:
    if name == batch:
        return " It is the batch column, which says which rows came together, and is not compared."
    if name.startswith(OWN):
        return f" Names that begin with {OWN} are the platform's own: rename the column."
    return did_you_mean(name, known)
