"""The figure of an evaluation is a small PNG, also where little is known."""

from dataclasses import replace

import numpy as np
import pytest

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.reporting.evaluation_figure import _differences, evaluation_figure


@pytest.fixture
def report():
    rng = np.random.default_rng(0)
    labels = rng.normal(size=400)
    contest = Contest(
        labels=labels, batches=["b"] * 400, versions={"candidate": 5, "champion": 4},
        scores={
            "candidate": Scores(labels + rng.normal(0, 0.5, 400)), "champion": Scores(labels + rng.normal(0, 0.6, 400)),
            "baseline": Scores(np.zeros(400)),
        },
        newer_than_both=np.arange(400) > 300,
    )  # fmt: skip
    return evaluate_models(
        contest, model="m", batch="2013-05-07", attempt=1, metric="squared_error", confidence=0.95, rng=rng
    )


def is_small_png(content):
    return content.startswith(b"\x89PNG") and len(content) < 30_000


def test_all_models_and_differences_fit_into_a_small_png(report):
    assert is_small_png(evaluation_figure(report))


def test_an_earlier_champion_is_drawn_beside_the_champion(report):
    champion = next(pair for pair in report.differences if pair.b == "champion")
    before = replace(report.roles[1], role="earlier", version=2)
    told = replace(champion, a="earlier", version=2)
    beside = replace(report, roles=(*report.roles, before), differences=(*report.differences, told))
    assert [each.label for each in _differences(beside)] == [
        "candidate - champion", "candidate - baseline", "candidate - champion (newer)", "v2 - champion",
    ]  # fmt: skip
    many = replace(beside, roles=(*beside.roles, *[before] * 20), differences=(*beside.differences, *[told] * 20))
    assert is_small_png(evaluation_figure(beside))
    assert len(evaluation_figure(many)) < 40_000, "six rows a panel are drawn at most"


def test_the_first_model_and_an_unknown_evaluation_are_drawn_too(report):
    first = replace(report, roles=(report.roles[0], report.roles[2]), differences=report.differences[1:2])
    unknown = replace(
        report,
        rows=0,
        differences=(),
        roles=tuple(
            replace(role, metrics=tuple(replace(m, value=None, lower=None, upper=None) for m in role.metrics))
            for role in report.roles
        ),
    )
    assert is_small_png(evaluation_figure(first))
    assert is_small_png(evaluation_figure(unknown))
