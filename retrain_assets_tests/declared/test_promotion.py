"""Each field of `promote` changes whether a candidate passes, `report_metrics` what is measured beside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.evaluation import EvaluationReport, evaluate_models
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.spec import ModelSpec, PromoteSpec
from retrain_assets_tests.promotion.test_gates import report
from retrain_assets_tests.spec.declarations import spec

BETTER, BETTER_THAN_NAIVE = (-0.02, -0.01), (-0.2, -0.1)


def passes(made: EvaluationReport, **declared: Any) -> bool | None:
    return evaluate_gates(made, PromoteSpec.model_validate(declared), bootstrapping=False).passed


@pytest.mark.covers("promote.require")
def test_only_the_required_gates_bind():
    worse_than_naive = report(champion=BETTER, baseline=(0.1, 0.2))
    assert passes(worse_than_naive, require="not_worse_than_champion") is True
    assert passes(worse_than_naive, require="not_worse_than_champion & beats_baseline") is False
    assert passes(worse_than_naive, require="not_worse_than_champion | beats_baseline") is True


@pytest.mark.covers("promote.margin")
def test_the_margin_tolerates_a_little_worse():
    little = report(champion=(0.001, 0.02), baseline=BETTER_THAN_NAIVE)  # up to 4 % of a loss of 0.5
    assert passes(little, margin=0.0) is False
    assert passes(little, margin=0.05) is True


@pytest.mark.covers("promote.min_rows")
def test_too_few_rows_make_every_gate_unknown():
    few = report(champion=BETTER, baseline=BETTER_THAN_NAIVE, rows=150)
    assert passes(few, min_rows=100) is True
    assert passes(few, min_rows=200) is None


def evaluated(declared: ModelSpec) -> EvaluationReport:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    good = np.clip(labels * 0.4 + rng.uniform(0.1, 0.5, 400), 0.01, 0.99)
    naive = np.full(400, 0.5)

    def scores(values: Any) -> Scores:
        return Scores(classes=(0, 1), values=values)

    return evaluate_models(
        model=declared.name,
        batch="b",
        attempt=1,
        labels=labels,
        scores={"candidate": scores(good), "champion": scores(naive), "baseline": scores(naive)},
        versions={"candidate": 2, "champion": 1, "baseline": None},
        batches=["b"] * 400,
        metric=declared.metric,
        report_metrics=declared.report_metrics,
        confidence=declared.promote.confidence,
        rng=np.random.default_rng(1),
        newer_than_both=None,
    )


@pytest.mark.covers("promote.confidence")
def test_more_confidence_takes_wider_intervals():
    widths = []
    for confidence in (0.8, 0.99):
        difference = evaluated(spec(promote={"confidence": confidence})).difference("candidate", "champion")
        assert difference is not None
        widths.append(difference.upper - difference.lower)
    assert widths[0] < widths[1]


@pytest.mark.covers("report_metrics")
def test_further_metrics_are_measured():
    for named in ((), ("accuracy", "roc_auc")):
        role = evaluated(spec(report_metrics=named)).role("candidate")
        assert role is not None
        assert {metric.metric for metric in role.metrics} == {"log_loss", *named}
