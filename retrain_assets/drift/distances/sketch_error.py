"""How far the distance of two profiles may be from that of the rows that they were made of."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.drift.distances.distance import Distance
from retrain_assets.drift.distances.fine_bins import FineBins
from retrain_assets.drift.distances.registry import find_distance
from retrain_assets.drift.distances.wasserstein import deviation_of

_OF_CATEGORIES = {"wasserstein": 1.0}
"""The largest values where these have no places."""


def sketch_errors(
    scores: Mapping[str, float], before: ColumnProfile, after: ColumnProfile, fine: FineBins | None
) -> dict[str, float | None]:
    """The most by which distances of rows differ from those of their profiles; None where no bound is known.

    Of numbers the cells end where bins end, so that a profile counts them as rows would: no error, but for distances
    over fine bins. Of categories the kept counts are exact, but where merged profiles left some among the others.

    Args:
        scores: what the distances of the profiles are, by name.
        before: profile of the reference.
        after: profile of the current window.
        fine: both sides over their fine bins; None of categories.
    """
    hidden = _hidden(before), _hidden(after)
    errors: dict[str, float | None] = {}
    for name, score in scores.items():
        distance = find_distance(name)
        error = _of_categories(distance.name, *hidden, score) if fine is None else _of_numbers(distance, fine, score)
        most = distance.maximum
        if fine is None:
            most = min(most, _OF_CATEGORIES.get(distance.name, math.inf))
        known = error is not None and math.isfinite(error)
        errors[name] = min(error, max(score, most - score)) if error is not None and known else None
    return errors


def _of_numbers(distance: Distance, fine: FineBins, score: float) -> float | None:
    if not distance.fine:
        return 0.0
    if distance.name == "kolmogorov_smirnov":
        return _of_kolmogorov_smirnov(fine)
    return _of_wasserstein(fine, score) if distance.name == "wasserstein" else None


def _hidden(side: ColumnProfile) -> float:
    """The share of the rows whose category is not known by name."""
    return side.other / side.rows if side.rows else 0.0


def _of_categories(name: str, before: float, after: float, score: float) -> float | None:
    """By the triangle inequality: moving a share e of the rows moves a side by at most e in total variation.

    Jensen-Shannon and Hellinger distances, and the root of the symmetric chi-square, are metrics of at most the root of
    the total variation (Lin 1991; Le Cam 1986).
    """
    moved, roots = before + after, math.sqrt(before) + math.sqrt(after)
    if not moved:
        return 0.0
    if name in ("total_variation", "l_infinity", "kolmogorov_smirnov", "wasserstein"):
        return moved
    if name in ("jensen_shannon", "hellinger"):
        return roots
    return roots * (2 * math.sqrt(score) + roots) if name == "chi_square" else None


def _of_kolmogorov_smirnov(fine: FineBins) -> float:
    """Only in bins of several numbers the gap can be larger than at their edges."""
    wide = fine.away > 0
    shares = fine.reference / fine.reference.sum(), fine.current / fine.current.sum()
    return float(np.minimum(*shares)[wide].max(initial=0.0))


def _of_wasserstein(fine: FineBins, score: float) -> float | None:
    """No row is farther from the middle of its bin than half its width, and no deviation moves by more than that."""
    placed = ~np.isnan(fine.positions)
    p, q = fine.reference[placed], fine.current[placed]
    x, away = fine.positions[placed], fine.away[placed]
    if not away.any() or not p.sum() or not q.sum():
        return 0.0
    p, q = p / p.sum(), q / q.sum()
    scale, widest = deviation_of(p, x), float(away.max())
    off = widest * math.sqrt(float(p @ (away / widest) ** 2))
    if scale is None or off >= scale:
        return None
    moved, farther = score * scale, float((p + q) @ away)
    return max((moved + farther) / (scale - off) - score, score - max(moved - farther, 0.0) / (scale + off))
