"""What the benchmark of an evaluation measures: every metric on every slice, and both kinds of resamples."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from benchmarks.evaluation import METRICS, PROMOTE, SLICES, drawn, evaluated, measure
from retrain_assets.performance.grouped import MANY_ROWS
from retrain_assets.performance.metrics import metric_value
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.measures import chosen

ROWS = MANY_ROWS + 4_000
"""As many as are resampled in groups, like a million."""


@cache
def of(batches: int) -> tuple[pd.DataFrame, dict[str, Scores], EvaluationReport]:
    frame, scores = drawn(ROWS, batches)
    return frame, scores, evaluated(frame, scores)


@pytest.mark.parametrize(("batches", "unit"), [(4, "rows"), (12, "batches")])
def test_five_metrics_are_measured_of_all_models_and_on_twenty_slices(batches: int, unit: str) -> None:
    frame, scores, report = of(batches)
    assert (len(METRICS), SLICES, report.resampled, report.rows) == (5, 20, unit, ROWS)
    assert [[made.metric for made in role.metrics] for role in report.roles] == [list(METRICS)] * 3
    on_slices = {(each.name, each.group): each for each in report.measures if each.kind == "slice"}
    places = {f"place={place}" for place in range(SLICES)}
    for name in (*METRICS, "difference"):
        own = {group: each for (named, group), each in on_slices.items() if named == name}
        assert set(own) == places
        for each in own.values():
            assert each.value is not None
            assert each.lower is not None
            assert each.upper is not None
            assert each.lower < each.value < each.upper
    inside = (frame["place"] == 3).to_numpy()
    of_slice = Scores(scores["candidate"].values[inside], (0, 1))
    expected = metric_value("roc_auc", frame["label"][inside].to_numpy(), of_slice)
    assert on_slices["roc_auc", "place=3"].value == pytest.approx(expected, abs=1e-9)


def test_all_that_it_requires_is_judged() -> None:
    *_, report = of(4)
    gates = evaluate_gates(report, PROMOTE, bootstrapping=False)
    assert gates.passed is True, "the candidate knows more than the champion"
    assert {gate.name for gate in gates.results} == PROMOTE.expression.names()
    assert {each.name for each in chosen(report.measures, "test")} == {"mcnemar_p", "roc_auc_difference", "delong_p"}


def test_the_result_has_a_time_of_each_kind_with_its_target() -> None:
    result = measure(2_000)
    assert [(figure.unit, figure.target) for figure in result.figures] == [*[("s", 30)] * 3, ("GiB", None)]
    assert all(np.isfinite(figure.value) and figure.value > 0 for figure in result.figures)
    assert (
        "2,000 reserved rows, 5 metrics (log_loss, expected_log_loss, brier, accuracy, roc_auc), 20 slices"
        in (result.notes[0])
    )
