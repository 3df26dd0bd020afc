"""The best that any schedule could have done, known only in hindsight: dynamic programming over cached losses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain_assets.replay.clock import Course
from retrain_assets.replay.scorebook import Scorebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """For each number of retrains, the least sum of row losses that so many (or fewer) retrains allow.

    `schedules` holds the batches at whose end each retrains. No gate refuses the oracle: a retrain that it would
    refuse, it does not make.
    """

    losses: npt.NDArray[np.float64]
    schedules: tuple[tuple[int, ...], ...]

    def best(self, cost: float = 0.0) -> int:
        """Number of retrains with the least loss plus cost of retrains; the smallest of equals."""
        totals = self.losses + cost * np.arange(len(self.losses))
        return int(np.flatnonzero(totals <= totals.min() * (1 + 1e-12))[0])


def hindsight(book: Scorebook, course: Course) -> Oracle:
    """The oracle of a history, for every number of retrains.

    With D decisions, loss(i, j) the sum of row losses of the model trained at decision i from its first batch until the
    model of decision j takes over, and f_k(j) the least loss until then with k retrains,

        f_k(j) = min over i < j of f_{k-1}(i) + loss(i, j).
    """
    stream, decisions = book.stream, list(course.decisions(book.stream))
    start, size = course.starts_at(book.stream), len(decisions) + 1
    begins = [start, *(batch + 1 + course.lag for batch in decisions), len(stream)]
    models = [course.first - 1, *(stream.labelled(batch) for batch in decisions)]
    served = np.full((size, size + 1), np.inf)
    for i, model in enumerate(models):
        if book.usable(model):
            served[i, i + 1 :] = book.cumulated[model, begins[i + 1 :]] - book.cumulated[model, begins[i]]
    return _solved(served, decisions)


def _solved(served: npt.NDArray[np.float64], decisions: list[int]) -> Oracle:
    size = len(served)
    reached = served[0].copy()
    losses, origins = [reached[size]], [np.zeros(size + 1, dtype=np.int64)]
    schedules: list[tuple[int, ...]] = [()]
    for _ in range(1, size):
        # From state i, in which retrain number k was decision i; the first model (i = 0) is no retrain.
        through = reached[1:size, None] + served[1:size, :]
        origins.append(through.argmin(axis=0) + 1)
        reached = through.min(axis=0)
        if reached[size] < losses[-1]:
            losses.append(reached[size])
            schedules.append(_traced(origins, size, decisions))
        else:
            losses.append(losses[-1])
            schedules.append(schedules[-1])
    return Oracle(losses=np.array(losses), schedules=tuple(schedules))


def _traced(origins: list[npt.NDArray[np.int64]], size: int, decisions: list[int]) -> tuple[int, ...]:
    at, found = size, list[int]()
    for origin in reversed(origins[1:]):
        at = int(origin[at])
        found.append(decisions[at - 1])
    return tuple(reversed(found))
