"""What makes a mixture: the dates of its retrains or the weights of its members, on the same models."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.policy.replays import COST, Measured, Results, Unit, comparisons
from retrain_assets.policy.mixture import MEMORY, OLDER, mixture_weights
from retrain_assets.replay.clock import batch_losses, walk
from retrain_assets.replay.comparison import Comparison
from retrain_assets.replay.debt_growth import PRICE, PRICE_WEIGHT
from retrain_assets.replay.drift_book import DriftBook
from retrain_assets.replay.gate import ReplayGate
from retrain_assets.replay.policies import Policies
from retrain_assets.replay.served_mixture import Weigh, mixture_losses

SHARP = 30.0
"""How fast a published weight falls with excess loss, in nats a row."""
DATES = {
    "`default`": ("default", COST),
    "`debt_growth`": ("debt_growth", COST),
    "`debt_growth` without a cost (.75)": ("debt_growth", (0.75 / PRICE) ** (1 / PRICE_WEIGHT)),
}
"""Rules, each with the cost of a retrain that it is told; the last is that at which its price is .75."""


def published(
    losses: Sequence[Mapping[int, float]],
    rows: Sequence[int],
    /,
    **_: object,
) -> npt.NDArray[np.float64]:
    """0.8^rank x exp(-30 x discounted mean excess over the best member, in nats): neither rows nor scale count."""
    newest = max((batch for own in losses for batch in own), default=0)
    excess = np.zeros(len(rows))
    for k, own in enumerate(losses):
        others = {b: [each[b] for each in losses if b in each] for b in own}
        shared = {b: own[b] - min(found) for b, found in others.items() if len(found) > 1}
        if shared:
            discount = np.array([MEMORY ** (newest - b) for b in shared])
            excess[k] = discount @ np.array(list(shared.values())) / discount.sum()
    weights = OLDER ** np.arange(len(rows)) * np.exp(-SHARP * (excess - excess.min()))
    return weights / weights.sum()


def without_reserved(
    losses: Sequence[Mapping[int, float]],
    rows: Sequence[int],
    /,
    *,
    overlap: float,
    **_: object,
) -> npt.NDArray[np.float64]:
    """Today's weights, as they would be before a new member has labels."""
    return mixture_weights(losses, rows, overlap=overlap)


WEIGHTS: Mapping[str, Weigh | None] = {
    "newest alone": None,
    "published weights": published,
    "without reserved rows": without_reserved,
    "as served": mixture_weights,
}


def mix_all(work: Sequence[Unit]) -> Results:
    """Every rule with every kind of weights, case by case; models that are kept are not fitted again."""
    results: Results = {}
    for done, unit in enumerate(work, start=1):
        results.update((case, dict(_mixed(comparison))) for case, comparison in comparisons(unit))
        print(f"{done}/{len(work)}  {unit}", flush=True)
    return results


def _mixed(comparison: Comparison) -> Iterator[tuple[str, Measured]]:
    book, course = comparison.book, comparison.course
    gate, drift = ReplayGate(book), DriftBook(book.stream)
    for (dates, (rule, cost)), (weights, weigh) in itertools.product(DATES.items(), WEIGHTS.items()):
        policy = Policies(book.stream.spec, drift, cost=cost).named(rule)
        walked = walk(book, course, policy.begin(), gate)
        losses = batch_losses(book, walked) if weigh is None else mixture_losses(book, walked, weigh=weigh)
        count = len(walked.retrains)
        skill = comparison.skill(comparison.mean(losses), count)
        share = count / len(course.decisions(book.stream))
        yield f"{dates}, {weights}", Measured(skill=skill, share=share, totals={}, best={})
