"""A healthy champion is one of which it is known."""

import numpy as np
import pytest

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.health import champion_beats_baseline, champion_is_healthy
from retrain_assets.spec import DecaySpec


def losses(value, batches=3):
    return [BatchLoss(batch=f"b{k}", value=value, standard_error=0.005, rows=500) for k in range(batches)]


@pytest.mark.parametrize(("made", "healthy"), [(losses(0.5), True), (losses(0.6), False), (losses(0.5, 2), None)])
def test_healthy_is_not_decayed_and_unknown_is_neither(made, healthy):
    verdict = champion_is_healthy(made, HoldoutLoss(value=0.5, standard_error=0.005), DecaySpec())
    assert verdict.healthy is healthy
    assert verdict.reason


@pytest.fixture
def report():
    rng = np.random.default_rng(0)
    labels = rng.normal(size=400)
    contest = Contest(
        labels=labels, batches=["b"] * 400, versions={"candidate": 5, "champion": 4},
        scores={
            "candidate": Scores(labels + rng.normal(0, 0.1, 400)), "champion": Scores(rng.normal(0, 2, 400)),
            "baseline": Scores(np.zeros(400)),
        },
    )  # fmt: skip
    return evaluate_models(contest, model="m", batch="b", attempt=1, metric="squared_error", confidence=0.95, rng=rng)


def test_the_champion_is_found_in_the_evaluation_by_its_version(report):
    assert champion_beats_baseline(report, 5).healthy is True
    lost = champion_beats_baseline(report, 4)
    assert lost.healthy is False
    assert lost.reason.startswith("v4 is not shown better than the baseline in the evaluation of b: squared_error")


def test_without_evidence_it_is_unknown(report):
    assert champion_beats_baseline(None, 4).healthy is None
    assert champion_beats_baseline(report, 3).healthy is None
