"""How far a figure of the benchmark rests on its streams: they are drawn anew, and of each its estimators and seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from benchmarks.policy.replays import Case

ROUNDS = 4000
CONFIDENCE = 0.95

Values = npt.NDArray[np.float64]


def interval(values: Mapping[Case, float], figure: Callable[[Values], Values]) -> tuple[float, float]:
    """The percentile interval of a figure over cells, by a bootstrap of streams.

    Streams are drawn with replacement, and within each drawn stream the pairs of an estimator and a seed; delays,
    targets and starts stay together, since they share models. Of few streams such an interval is a rough one, and
    rather too narrow than too wide.

    Args:
        values: of each case.
        figure: of an array (rounds, cells), over the second axis; a cell without a value is NaN.
    """
    sums, counts = _arrays(values)
    streams, units, _ = sums.shape
    rng = np.random.default_rng(0)
    stream = rng.integers(streams, size=(ROUNDS, streams, 1))
    unit = rng.integers(units, size=(ROUNDS, streams, units))
    held = counts[stream, unit].sum(axis=2)
    cells = np.divide(sums[stream, unit].sum(axis=2), held, out=np.full(held.shape, np.nan), where=held > 0).reshape(
        ROUNDS, -1
    )
    found = figure(cells[~np.isnan(cells).all(axis=1)])
    low, high = np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _arrays(values: Mapping[Case, float]) -> tuple[Values, Values]:
    """Sums and numbers of the values by stream, by estimator and seed, and by target and delay."""
    places = [
        {key: place for place, key in enumerate(sorted({by(case) for case in values}))}
        for by in (_stream, _unit, _cell)
    ]  # fmt: skip
    sums = np.zeros(tuple(len(place) for place in places))
    counts = np.zeros_like(sums)
    for case, value in values.items():
        at = tuple(place[by(case)] for place, by in zip(places, (_stream, _unit, _cell), strict=True))
        sums[at] += value
        counts[at] += 1
    return sums, counts


def _stream(case: Case) -> tuple[object, ...]:
    return (case.stream,)


def _unit(case: Case) -> tuple[object, ...]:
    return (case.estimator, case.seed)


def _cell(case: Case) -> tuple[object, ...]:
    return (case.task, case.delay)
