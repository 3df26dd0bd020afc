"""Many policies on one history: quality against retrains, total cost, and how far from a calendar to the oracle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from retrain_assets.promotion.luck import Noticed
from retrain_assets.replay.clock import Course, Policy, Walk, batch_losses, scheduled, walk
from retrain_assets.replay.gate import ReplayGate
from retrain_assets.replay.oracle import Oracle, hindsight
from retrain_assets.replay.policies import Policies, every
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets.replay.served_mixture import mixture_losses

COST_RATIOS = (0.02, 0.05, 0.1, 0.2, 0.5)
"""What a retrain costs, in batches' worth of loss: the loss of a batch while every batch retrains."""
PHASES = 10
"""Calendars of so many phases stand for one of a number of retrains."""
LEAST_ROOM = 1e-3
"""Share of a calendar's loss that the oracle must save for a skill to mean something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a policy achieved; `loss` is the mean over all served rows.

    `calendar_loss` is that of evenly spaced calendars with as many retrains, `oracle_loss` the least that so many
    allow; `skill` is None where there is nothing to tell them apart by. `totals` are loss plus cost of retrains, a row,
    by cost ratio; a policy that knows the cost decides by each.
    """

    name: str
    loss: float
    batch_losses: npt.NDArray[np.float64]
    retrains: tuple[int, ...]
    promotions: int
    calendar_loss: float
    oracle_loss: float
    skill: float | None
    totals: Mapping[float, float]


class Comparison:
    """Walks of policies over one scorebook.

    Args:
        book: scores of all models.
        course: where the replay starts.
        policies: makes policies by name.
    """

    def __init__(self, book: Scorebook, course: Course, policies: Policies) -> None:
        self.book = book
        self.course = course
        self._policies = policies
        self._gate = ReplayGate(book)
        self._calendars: dict[int, float] = {}
        self._at_any_cost: dict[str, tuple[float, int]] = {}

    @cached_property
    def oracle(self) -> Oracle:
        """The best schedules, in hindsight."""
        return hindsight(self.book, self.course)

    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """Rows of each served batch."""
        return self.book.stream.rows[self.course.starts_at(self.book.stream) :]

    @cached_property
    def unit(self) -> float:
        """A batch's worth of loss, spread over all served rows: what a cost of 1 adds to the loss of a row."""
        walked = walk(self.book, self.course, every(1)(), self._gate)
        return self.mean(batch_losses(self.book, walked)) / len(self.rows)

    def mean(self, losses: npt.NDArray[np.float64]) -> float:
        """Mean over rows of the means of batches."""
        return float(losses @ self.rows / self.rows.sum())

    def outcome(self, name: str) -> Outcome:
        """What the policy of a name would have done."""
        policy = self._policies.named(name)
        walked = walk(self.book, self.course, policy.begin(), self._gate)
        losses = self._losses(policy, walked)
        loss, retrains = self.mean(losses), len(walked.retrains)
        if not policy.weighs_cost:
            self._at_any_cost[name] = loss, retrains
        return Outcome(
            name=name,
            loss=loss,
            batch_losses=losses,
            retrains=walked.retrains,
            promotions=len(walked.promotions),
            calendar_loss=self.calendar_loss(retrains),
            oracle_loss=self.oracle_loss(retrains),
            skill=self.skill(loss, retrains),
            totals={ratio: self.total(name, ratio) for ratio in COST_RATIOS},
        )

    def hindsight_outcome(self) -> Outcome:
        """The oracle's own: the least loss that any number of retrains allows."""
        best = self.oracle.best()
        schedule = self.oracle.schedules[best]
        losses = self._oracle_losses(schedule)
        loss = self.mean(losses)
        return Outcome(
            name="oracle",
            loss=loss,
            batch_losses=losses,
            retrains=schedule,
            promotions=len(schedule),
            calendar_loss=self.calendar_loss(best),
            oracle_loss=loss,
            skill=1.0,
            totals={ratio: self._oracle_total(ratio) for ratio in COST_RATIOS},
        )

    def tuned_calendar(self, ratio: float) -> tuple[int, float]:
        """The number of batches between retrains with the least total cost in hindsight, and that cost."""
        totals = {step: self.total(f"every:{step}", ratio) for step in range(1, len(self.rows) + 1)}
        best = min(totals, key=lambda step: (totals[step], -step))
        return best, totals[best]

    def calendar_loss(self, retrains: int) -> float:
        """Loss of evenly spaced retrains, mean over their phases, through the same gate."""
        if retrains not in self._calendars:
            decisions = self.course.decisions(self.book.stream)
            losses = [
                self.mean(batch_losses(self.book, walk(self.book, self.course, scheduled(times), self._gate)))
                for times in _phases(decisions, retrains)
            ]
            self._calendars[retrains] = float(np.mean(losses))
        return self._calendars[retrains]

    def oracle_loss(self, retrains: int) -> float:
        """The least loss that so many retrains allow."""
        return float(self.oracle.losses[min(retrains, len(self.oracle.losses) - 1)] / self.rows.sum())

    def skill(self, loss: float, retrains: int) -> float | None:
        """Where a loss lies between a calendar (0) and the oracle (1) with as many retrains; None without room."""
        calendar = self.calendar_loss(retrains)
        room = calendar - self.oracle_loss(retrains)
        return (calendar - loss) / room if room > LEAST_ROOM * calendar else None

    def _losses(self, policy: Policy, walked: Walk) -> npt.NDArray[np.float64]:
        if policy.members == 1:
            return batch_losses(self.book, walked)
        return mixture_losses(self.book, walked, members=policy.members)

    def total(self, name: str, ratio: float) -> float:
        """Loss plus cost of retrains, a row; a policy that does not weigh the cost is walked once for all costs."""
        made = self._at_any_cost.get(name)
        if made is None:
            policy = self._policies.at_cost(name, ratio)
            walked = walk(self.book, self.course, policy.begin(), self._gate)
            made = self.mean(self._losses(policy, walked)), len(walked.retrains)
            if not policy.weighs_cost:
                self._at_any_cost[name] = made
        loss, retrains = made
        return loss + ratio * self.unit * retrains

    def _oracle_total(self, ratio: float) -> float:
        losses = self.oracle.losses / self.rows.sum()
        return float((losses + ratio * self.unit * np.arange(len(losses))).min())

    def _oracle_losses(self, schedule: Sequence[int]) -> npt.NDArray[np.float64]:
        ungated = walk(self.book, self.course, scheduled(schedule), _Open(self.book))
        return batch_losses(self.book, ungated)


class _Open(ReplayGate):
    """Lets every model through that could be trained."""

    def passes(
        self,
        candidate: int,
        champion: int,  # noqa: ARG002 - the signature of a gate; this one lets all pass
        noticed: Noticed | None = None,  # noqa: ARG002 - the same: what was noticed changes nothing here
    ) -> bool:
        """Whether there is a model."""
        return self._book.usable(candidate)


def _phases(decisions: range, retrains: int) -> list[tuple[int, ...]]:
    if retrains == 0:
        return [()]
    spread = len(decisions) / retrains
    offsets = (np.arange(PHASES) + 0.5) / PHASES
    return [
        tuple(sorted({decisions[min(len(decisions) - 1, int((k + offset) * spread))] for k in range(retrains)}))
        for offset in offsets
    ]


def compare(
    comparison: Comparison, names: Sequence[str], told: Callable[[str], None] | None = None
) -> tuple[Outcome, ...]:
    """The outcome of each policy, in the order of their names, and the oracle's behind them."""
    made: list[Outcome] = []
    for name in dict.fromkeys(names):
        if told is not None:
            told(name)
        made.append(comparison.outcome(name))
    return (*made, comparison.hindsight_outcome())
