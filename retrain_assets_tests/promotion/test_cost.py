"""What a model costs is measured: a bigger one is bigger, a slower one slower, a hungrier one takes more memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.cost import MEASURED_ROWS, TIMED_ROWS
from retrain_assets.promotion.gates import GateResult, evaluate_gates
from retrain_assets.promotion.judged import Judged
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.measuring import measured
from retrain_assets.spec import GATES, PromoteSpec
from retrain_assets_tests.promotion.test_gates import report

Score = Callable[[pd.DataFrame], Scores]


def half(rows: pd.DataFrame) -> Scores:
    return Scores(np.full(len(rows), 0.5), (0, 1))


def judged(score: Score = half, pipeline: object = None, rows: int = 7) -> Judged:
    frame = pd.DataFrame({"x": np.zeros(rows), "label": 0, "ra_batch": "b"})
    return Judged(
        rows=frame, scores={"candidate": half(frame)}, score=score, pipeline=pipeline, event_time="at",
        rng=np.random.default_rng(0),
    )  # fmt: skip


def costs(asked: Judged) -> dict[str, Measure]:
    made = measured(report(), asked, PromoteSpec(require="is_affordable"))
    return {each.name: each for each in made if each.kind == "cost"}


def verdict(asked: Judged, **limits: float) -> GateResult:
    spec = PromoteSpec.model_validate({"require": "is_affordable", "limits": limits})
    made = replace(report(), measures=measured(report(), asked, spec))
    return evaluate_gates(made, spec, bootstrapping=False).results[0]


def test_a_bigger_model_measures_bigger():
    small, big = (costs(judged(pipeline=np.zeros(count)))["megabytes"].value for count in (1_000, 1_000_000))
    assert small == pytest.approx(0.008, rel=0.1)
    assert big == pytest.approx(8.0, rel=0.01)
    assert verdict(judged(pipeline=np.zeros(1_000_000)), megabytes=7.0).passed is False
    assert verdict(judged(pipeline=np.zeros(1_000_000)), megabytes=9.0).passed is True


def test_a_model_with_a_class_that_no_module_holds_has_a_size():
    class Transform:
        """As one that is loaded from the file of a bundle."""

    assert (costs(judged(pipeline=Transform()))["megabytes"].value or 0) > 0


def test_the_time_is_the_median_of_single_rows(monkeypatch: pytest.MonkeyPatch):
    """By a clock of the test: 3 ms a row, and a first one that takes a second."""
    clock = {"now": 0.0}
    asked: list[int] = []

    def slow_at_first(rows: pd.DataFrame) -> Scores:
        clock["now"] += 0.003 if asked else 1.0
        asked.append(len(rows))
        return half(rows)

    monkeypatch.setattr(time, "perf_counter", lambda: clock["now"])
    made = costs(judged(slow_at_first, rows=TIMED_ROWS + 10))["milliseconds"]
    assert made.value == pytest.approx(3.0)
    assert made.rows == TIMED_ROWS
    assert asked == [*[1] * TIMED_ROWS, TIMED_ROWS + 10], "rows one by one, and once all for the memory"


def test_a_slower_model_measures_slower():
    def slow(rows: pd.DataFrame) -> Scores:
        time.sleep(0.05)
        return half(rows)

    fast, slower = (costs(judged(each))["milliseconds"].value or 0 for each in (half, slow))
    assert slower >= 50
    assert slower > 3 * fast
    gate = verdict(judged(slow), milliseconds=40.0)
    assert gate.passed is False
    assert gate.reason.startswith("milliseconds ")


@pytest.mark.parametrize("traced", [False, True])
def test_the_memory_is_what_scoring_takes_at_its_peak(*, traced: bool):
    def hungry(megabytes: int) -> Score:
        def score(rows: pd.DataFrame) -> Scores:
            taken = np.ones(megabytes * 1_000_000 // 8)
            return Scores(np.full(len(rows), taken[0] / 2), (0, 1))

        return score

    if traced:
        tracemalloc.start()
    try:
        small, big = (costs(judged(hungry(each)))["memory_megabytes"] for each in (1, 40))
        assert tracemalloc.is_tracing() is traced
    finally:
        tracemalloc.stop()
    assert small.value == pytest.approx(1.0, abs=0.5)
    assert big.value == pytest.approx(40.0, abs=1.0)
    assert verdict(judged(hungry(40)), memory_megabytes=30.0).passed is False
    assert verdict(judged(hungry(40)), memory_megabytes=50.0).passed is True


def test_at_most_so_many_rows_are_asked_for_the_memory():
    asked: list[int] = []

    def counting(rows: pd.DataFrame) -> Scores:
        asked.append(len(rows))
        return half(rows)

    made = costs(judged(counting, rows=MEASURED_ROWS + 5))
    assert (asked[-1], made["memory_megabytes"].rows) == (MEASURED_ROWS, MEASURED_ROWS)


def test_without_rows_time_and_memory_are_unknown():
    made = costs(judged(rows=0))
    assert (made["milliseconds"].value, made["memory_megabytes"].value) == (None, None)
    gate = verdict(judged(rows=0))
    assert gate.passed is None
    assert "milliseconds unknown, at most 100; " in gate.reason
    assert "memory_megabytes unknown" in gate.reason


def test_the_gate_says_all_that_it_holds_to():
    assert GATES["is_affordable"] == "time, size and memory of the candidate are within their limits"
    reason = verdict(judged()).reason
    assert [part.split()[0] for part in reason.split("; ")] == ["milliseconds", "megabytes", "memory_megabytes"]
