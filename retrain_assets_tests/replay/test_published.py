"""What the rules from the literature do on series of losses whose answer is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from retrain_assets.performance.decay import HoldoutLoss
from retrain_assets.replay.clock import Course, Moment
from retrain_assets.replay.published import Upf, cara

BATCHES = 40


def moment(losses: np.ndarray, labelled: int, *champions: int, attempted: int | None = None) -> Moment:
    """The end of the batch after the newest labelled one; `losses` are by model and batch, the holdout's loss is 1."""
    holdout = HoldoutLoss(value=1.0, standard_error=0.1, expected=None)
    book: Any = SimpleNamespace(mean=losses, holdout=lambda model: holdout)
    models = list(champions) or [0]
    return Moment(
        book=book, course=Course(first=1), decided=labelled + 1, labelled=labelled, champion=models[-1],
        attempted=models[-1] if attempted is None else attempted, serving={}, trained=[0], champions=models,
    )  # fmt: skip


def by_age(slope: float, noise: float = 0.0) -> np.ndarray:
    """Losses about 1 that grow by `slope` with the logarithm of a model's age, whatever the batch."""
    models, batches = np.indices((BATCHES, BATCHES))
    drawn = np.random.default_rng(0).normal(scale=noise, size=(BATCHES, BATCHES))
    return 1 + slope * np.log1p(np.maximum(0, batches - models)) + drawn


def first_retrain(rule: Any, losses: np.ndarray) -> int | None:
    return next((t for t in range(1, BATCHES - 1) if rule(moment(losses, t))), None)


@pytest.mark.parametrize(("cost", "fires"), [(0.15, 1), (0.35, 2), (0.55, 3), (1.95, 10)])
def test_cara_retrains_where_the_excess_sums_to_the_cost(cost, fires):
    assert first_retrain(cara(cost)(), np.full((BATCHES, BATCHES), 1.2)) == fires


def test_cara_leaves_a_series_alone_that_stays_at_its_holdout():
    assert first_retrain(cara(0.5)(), by_age(0.0)) is None
    assert first_retrain(cara(0.5)(), by_age(0.0, noise=0.02)) is None


def test_a_good_batch_pays_nothing_back_to_cara_and_a_retrain_starts_it_anew():
    losses = np.ones((BATCHES, BATCHES))
    losses[0, 1:4] = 1.3, 0.4, 1.3
    rule = cara(0.5)()
    assert [rule(moment(losses, t)) for t in (1, 2, 3, 4)] == [False, False, True, True]
    # Also one whose candidate was refused.
    assert not rule(moment(losses, 4, attempted=3))


def test_upf_retrains_where_older_models_are_shown_to_be_worse():
    losses = by_age(0.3, noise=0.02)
    assert Upf(0.5)(moment(losses, 14, 0, 8))
    # What a retrain saves over eight batches is less than 50 of them cost.
    assert not Upf(50.0)(moment(losses, 14, 0, 8))


def test_upf_leaves_a_stationary_series_alone():
    assert first_retrain(Upf(0.5), by_age(0.0, noise=0.02)) is None


def test_upf_says_nothing_of_a_few_losses_or_none():
    worse = by_age(3.0)
    assert not Upf(0.01)(moment(worse, 3))
    assert Upf(0.01)(moment(worse, 6))
    assert not Upf(0.01)(moment(np.zeros((BATCHES, BATCHES)), 6))


def test_upf_fears_what_it_knows_less_and_only_away_from_the_median():
    """A retrain pays by the mean. Of one model that served long, new ones are known less the noisier its losses are."""
    quiet, noisy = (moment(by_age(0.3, noise), 10) for noise in (0.1, 0.5))
    assert [Upf(0.3, quantile=0.5)(known) for known in (quiet, noisy)] == [True, True]
    assert [Upf(0.3)(known) for known in (quiet, noisy)] == [True, False]
    # Of one that served for six batches, what it will lose at an age of fourteen is known less.
    young = moment(by_age(0.3, 0.5), 6)
    assert (Upf(1.2, quantile=0.5)(young), Upf(1.2)(young)) == (False, True)
