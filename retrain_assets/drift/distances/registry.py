"""Distances by the name that `drift.distance` gives them: the built-in ones, and those of other packages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from numbers import Real

from retrain_assets.drift.distances.chi_square import ChiSquare
from retrain_assets.drift.distances.cramers_v import CramersV
from retrain_assets.drift.distances.distance import Distance
from retrain_assets.drift.distances.hellinger import Hellinger
from retrain_assets.drift.distances.jensen_shannon import JensenShannon
from retrain_assets.drift.distances.kolmogorov_smirnov import KolmogorovSmirnov
from retrain_assets.drift.distances.kullback_leibler import KullbackLeibler
from retrain_assets.drift.distances.l_infinity import LInfinity
from retrain_assets.drift.distances.psi import PopulationStabilityIndex
from retrain_assets.drift.distances.total_variation import TotalVariation
from retrain_assets.drift.distances.wasserstein import Wasserstein
from retrain_assets.drift.plugged import find_plugged

GROUP = "retrain_assets.distances"
"""Entry points of this group are distances: the class, or an instance of it."""

DISTANCES: Mapping[str, Distance] = {
    distance.name: distance
    for distance in (
        JensenShannon(),
        Hellinger(),
        TotalVariation(),
        KullbackLeibler(),
        PopulationStabilityIndex(),
        KolmogorovSmirnov(),
        Wasserstein(),
        LInfinity(),
        ChiSquare(),
        CramersV(),
    )
}


@cache
def find_distance(name: str) -> Distance:
    """The distance of a name: built in, an entry point of the group `GROUP`, or an import path `module:Class`.

    Raises:
        ValueError: there is no such distance.
        TypeError: what is there is none.
    """
    if name in DISTANCES:
        return DISTANCES[name]
    return _checked(name, find_plugged(name, what="distance", group=GROUP, built_in=DISTANCES))


def floor_problem(name: str, floor: float) -> str | None:
    """What is wrong with a floor that no value of a distance reaches; None where one does.

    Raises:
        ValueError: there is no such distance.
        TypeError: what is there is none.

    >>> floor_problem("jensen_shannon", 2.0)
    'must be at most 1, the largest value of jensen_shannon (got 2): no column could ever drift'
    """
    most = find_distance(name).maximum
    if floor <= most:
        return None
    return f"must be at most {most:g}, the largest value of {name} (got {floor:g}): no column could ever drift"


def _checked(name: str, found: object) -> Distance:
    try:
        made = found() if isinstance(found, type) else found
    except TypeError as error:
        raise TypeError(f"distance {name!r} must be a class that takes no arguments, or an instance: {error}") from None
    if not isinstance(made, Distance):
        lacking = [
            part for part in ("name", "maximum", "ordered", "symmetric", "fine", "meaning") if not hasattr(made, part)
        ]
        raise TypeError(
            f"distance {name!r} must be callable and have name, maximum, ordered, symmetric, fine and meaning "
            f"(it is {type(made).__name__}{', without ' + ', '.join(lacking) if lacking else ''})"
        )
    if not isinstance(made.maximum, Real) or math.isnan(made.maximum):
        raise TypeError(f"the maximum of distance {name!r} must be a number, or infinite (it is {made.maximum!r})")
    return made
