"""What every distance and every streaming detector promises: for the tests of those that add one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from inspect import signature

import numpy as np

from retrain_assets.drift.detectors.detector import Detector
from retrain_assets.drift.distances.distance import Counts, Distance

_CLOSE = 1e-7
_QUIET = 0.1
"""A detector that alarms at more of the values of a series that stays as it is tells nothing."""


def check_distance(distance: Distance, *, seed: int = 0) -> None:
    """Holds a distance to its promises on seeded counts.

    Raises:
        AssertionError: one is broken; it says which.

    >>> from retrain_assets.drift.distances import DISTANCES
    >>> check_distance(DISTANCES["hellinger"])
    """
    try:
        signature(distance).bind(None, None, 0.5, None)
    except TypeError as error:
        asked = "(reference_counts, current_counts, smoothing, positions=None)"
        raise AssertionError(f"{distance.name} must be called as {asked}: {error}") from None
    rng = np.random.default_rng(seed)
    for _ in range(50):
        cells = int(rng.integers(2, 12))
        before, after = (rng.integers(0, 200, size=cells) for _ in range(2))
        before[0], after[-1] = before[0] + 1, after[-1] + 1  # no side without rows
        given, order = (before.copy(), after.copy()), rng.permutation(cells)
        there, again, back = (distance(*sides, 0.5) for sides in ((before, after), (before, after), (after, before)))
        _promise(all(map(np.array_equal, given, (before, after))), distance, "leave the counts as they are")
        _promise(math.isfinite(there), distance, "be a finite number of smoothed counts")
        _promise(there == again, distance, "answer the same for the same counts")
        _promise(abs(distance(before, before, 0.5)) <= _CLOSE, distance, "be 0 of equal counts")
        _promise(0 <= there <= distance.maximum, distance, f"lie between 0 and its maximum {distance.maximum:g}")
        _promise(not distance.symmetric or abs(there - back) <= _CLOSE, distance, "be symmetric, as it says")
        shuffled = distance(before[order], after[order], 0.5)
        same = abs(there - shuffled) <= _CLOSE * max(1.0, abs(there))
        _promise(distance.ordered or same, distance, "be blind to the order of cells, as it says")
        _promise(_without_a_common_cell(distance, before) > _CLOSE, distance, "be above 0 of counts that share no cell")
        nearer, farther = _on_the_way(distance, before, after)
        _promise(nearer <= farther + _CLOSE, distance, "be no larger of shares that are half as far away")


def check_detector(make: Callable[[], Detector], *, scaled: Callable[[float], float] = float, seed: int = 0) -> None:
    """Holds a detector to its promises on a seeded series that moves in the middle.

    Args:
        make: a fresh one of the same settings at each call.
        scaled: puts standard normal numbers on the scale that it watches: `lambda value: float(value > 1)` for errors.
        seed: of the numbers.

    Raises:
        AssertionError: a promise is broken; it says which.

    >>> from retrain_assets.drift.detectors import PageHinkley
    >>> check_detector(lambda: PageHinkley(slack=0.5, limit=20.0))
    """
    rng = np.random.default_rng(seed)
    values = [scaled(value) for value in (*rng.normal(size=400), *rng.normal(5, 1, size=400))]
    detector = make()
    _promise(isinstance(detector, Detector) and bool(detector.name), detector, "have name, update and reset")
    first = _alarms(detector, values)
    _promise(_alarms(make(), values) == first, detector, "alarm at the same places for the same numbers")
    detector.reset()
    _promise(_alarms(detector, values) == first, detector, "forget all it has seen by a reset")
    # The unknown after every second number: it is told by the place that is left of it.
    holed = [part for value in values for part in (value, math.nan)]
    _promise(_alarms(make(), holed) == [2 * place for place in first], detector, "let what is unknown change nothing")
    quiet = sum(place < 400 for place in first) <= _QUIET * 400
    _promise(quiet, detector, "stay quiet at nine of ten values of a series that stays as it is")
    _promise(any(place >= 400 for place in first), detector, "alarm after a shift by five deviations that lasts")


def _without_a_common_cell(distance: Distance, counts: Counts) -> float:
    none = np.zeros_like(counts)
    return distance(np.concatenate([counts, none]), np.concatenate([none, counts]), 0.5)


def _on_the_way(distance: Distance, before: Counts, after: Counts) -> tuple[float, float]:
    """To shares halfway between the two sides, and to those of the other side, of as many rows."""
    start, end = before * after.sum(), after * before.sum()
    return distance(2 * start, start + end, 0.5), distance(2 * start, 2 * end, 0.5)


def _alarms(detector: Detector, values: Iterable[float]) -> list[int]:
    return [place for place, value in enumerate(values) if detector.update(value)]


def _promise(kept: bool, member: Distance | Detector, what: str) -> None:
    if not kept:
        raise AssertionError(f"{getattr(member, 'name', type(member).__name__)} must {what}")
