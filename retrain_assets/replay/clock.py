"""The simulated clock: what a policy knows at each moment of a replay, and what became of what it decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from retrain_assets.promotion.luck import Noticed
from retrain_assets.replay.gate import ReplayGate
from retrain_assets.replay.scorebook import Scorebook

if TYPE_CHECKING:
    from retrain_assets.replay.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is fixed for all policies of a replay.

    Args:
        first: batches that train the first model.
        lag: batches from a promotion until the new model serves.
    """

    first: int
    lag: int = 0

    def decisions(self, stream: Stream) -> range:
        """Batches at whose end a policy decides and can still change something."""
        return range(self.starts_at(stream), len(stream) - 1 - self.lag)

    def starts_at(self, stream: Stream) -> int:
        """The first batch that is served: the first model waits for its labels."""
        return self.first + stream.label_delay

    def models(self, stream: Stream) -> tuple[int, ...]:
        """Newest training batches of all models that a policy could have."""
        last = len(stream) - 2 - self.lag
        newest = max(last - stream.label_delay, stream.labelled(last))
        return tuple(range(self.first - 1, max(newest, self.first - 1) + 1))


@dataclass(slots=True, kw_only=True)
class Moment:
    """What is known at the end of a batch; models are named by their newest training batch.

    `labelled` is the newest batch with labels, `champion` the model in force, `attempted` that of the last training,
    promoted or not. `serving` holds the model of each batch that was served, `trained` the batch of each decision that
    led to a training, the first model's among them. A rule may leave in `noticed` how bad the champion looked to it.
    """

    book: Scorebook
    course: Course
    decided: int
    labelled: int
    champion: int
    attempted: int
    serving: dict[int, int]
    trained: list[int]
    champions: list[int]
    noticed: Noticed | None = None


Rule = Callable[[Moment], bool]
"""Whether to retrain now. It must look at nothing that becomes known later, and may remember what it saw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A named policy; `begin` gives a fresh rule for each walk. So many of its last champions serve together.

    `weighs_cost` tells whether it may decide otherwise where a retrain costs otherwise.
    """

    name: str
    begin: Callable[[], Rule]
    members: int = 1
    weighs_cost: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What a policy did: the batches at whose end it retrained and promoted, and the models that served.

    `served` holds the model of each served batch, the first of which is `first_served`; `champions` the models that had
    been promoted, with the first batch that each served.
    """

    retrains: tuple[int, ...]
    promotions: tuple[int, ...]
    first_served: int
    served: npt.NDArray[np.int64]
    champions: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Serving:
    """Which model serves which batch."""

    since: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def at(self, batch: int) -> int:
        return next(model for first, model in reversed(self.since) if first <= batch)


def walk(book: Scorebook, course: Course, rule: Rule, gate: ReplayGate) -> Walk:
    """Goes through the batches: serve, wait for labels, decide, train, judge, promote.

    A decision at the end of batch t sees labels up to batch t - delay, trains on those, and what it promotes serves
    from batch t + 1 + lag on. Without labels that the last training had not, there is no retrain.
    """
    stream = book.stream
    start, initial = course.starts_at(stream), course.first - 1
    serving = _Serving([(start, initial)])
    moment = Moment(
        book=book, course=course, decided=start, labelled=initial, champion=initial, attempted=initial, serving={},
        trained=[start - 1], champions=[initial],
    )  # fmt: skip
    retrains: list[int] = []
    promotions: list[int] = []
    for batch in course.decisions(stream):
        moment.decided, moment.labelled = batch, stream.labelled(batch)
        moment.serving[batch] = serving.at(batch)
        moment.noticed = None
        if moment.labelled <= moment.attempted or not rule(moment):
            continue
        candidate = moment.labelled
        retrains.append(batch)
        moment.trained.append(batch)
        moment.attempted = candidate
        if gate.passes(candidate, moment.champion, moment.noticed):
            promotions.append(batch)
            moment.champion = candidate
            moment.champions.append(candidate)
            serving.since.append((batch + 1 + course.lag, candidate))
    return Walk(
        retrains=tuple(retrains),
        promotions=tuple(promotions),
        first_served=start,
        served=np.array([serving.at(batch) for batch in range(start, len(stream))]),
        champions=tuple((model, first) for first, model in serving.since),
    )


def batch_losses(book: Scorebook, walked: Walk) -> npt.NDArray[np.float64]:
    """Mean loss of each served batch."""
    batches = np.arange(walked.first_served, len(book.stream))
    return book.mean[walked.served, batches]


def scheduled(at: Sequence[int]) -> Rule:
    """Retrains at the end of these batches."""
    chosen = frozenset(at)
    return lambda moment: moment.decided in chosen
