"""Gates: what passes, how often they err, and that no worse candidate passes where a better one fails."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.performance.intervals import MetricEstimate
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.conditions import CONDITIONS
from retrain_assets.promotion.evaluation import EvaluationReport, PairedDifference, Role, RoleEvaluation
from retrain_assets.promotion.gates import GateReport, evaluate_gates
from retrain_assets.promotion.margins import margin_measure
from retrain_assets.promotion.measures import Measure
from retrain_assets.spec import GATES, PromoteSpec


def role(name, loss):
    estimate = MetricEstimate(metric="log_loss", value=loss, lower=loss, upper=loss, standard_error=0.0, rows=1000)
    return RoleEvaluation(role=name, version=None, metrics=(estimate,))


def report(champion=(-0.01, 0.01), baseline=(-0.2, -0.1), rows=1000):
    """A report by the intervals of the candidate's differences; the champion's loss is 0.5."""
    intervals: dict[Role, tuple[float, float] | None] = {"champion": champion, "baseline": baseline}
    return EvaluationReport(
        model="m", batch="b", attempt=1, metric="log_loss", rows=rows, batches=("b",), rows_newer_than_both=0,
        confidence=0.95, resampled="rows",
        roles=(role("candidate", 0.5), role("champion", 0.5), role("baseline", 0.65)),
        differences=tuple(
            PairedDifference(
                a="candidate", b=name, metric="log_loss", value=sum(bounds) / 2, lower=bounds[0], upper=bounds[1],
                rows=rows,
            )
            for name, bounds in intervals.items() if bounds is not None
        ),
    )  # fmt: skip


def at_margin(made: EvaluationReport, margin: float) -> EvaluationReport:
    """The same report, where what the candidate loses beyond a margin is known as well as the difference is."""
    difference = made.difference("candidate", "champion")
    if difference is None or not margin:
        return made
    value, lower, upper = (each - margin * 0.5 for each in (difference.value, difference.lower, difference.upper))
    shifted = replace(difference, value=value, lower=lower, upper=upper)
    return replace(made, measures=(*made.measures, margin_measure(shifted, margin)))


def test_there_is_a_function_for_every_gate_of_the_declaration():
    assert set(CONDITIONS) == set(GATES)


@pytest.mark.parametrize(
    ("margin", "interval", "passed"),
    [
        (0.0, (-0.02, -0.01), True),
        (0.0, (-0.01, 0.01), True),
        (0.0, (0.0, 0.02), True),
        (0.0, (0.001, 0.02), False),
        (0.04, (0.001, 0.02), True),  # shown worse, and shown worse by no more than 4 % of 0.5
        (0.04, (-0.01, 0.021), False),
    ],
)
def test_not_worse_than_champion(margin, interval, passed):
    known = at_margin(report(champion=interval), margin)
    made = evaluate_gates(known, PromoteSpec(margin=margin), bootstrapping=False)
    gate = next(gate for gate in made.results if gate.name == "not_worse_than_champion")
    assert gate.passed is passed
    assert made.passed is passed
    assert "on 1,000 reserved rows" in gate.reason


@pytest.mark.parametrize(("interval", "passed"), [((-0.2, -0.1), True), ((-0.2, 0.0), False), ((0.1, 0.2), False)])
def test_the_interval_decides_whether_the_baseline_is_beaten(interval, passed):
    assert evaluate_gates(report(baseline=interval), PromoteSpec(), bootstrapping=False).passed is passed


def test_the_reason_carries_the_numbers():
    made = evaluate_gates(report(), PromoteSpec(require="not_worse_than_champion"), bootstrapping=False)
    assert made.reason == (
        "passed: not_worse_than_champion: log_loss of the candidate 0.5, of the champion 0.5; "
        "difference +0 [-0.01, +0.01] on 1,000 reserved rows: not shown worse"
    )


def test_while_bootstrapping_the_champion_does_not_bind_and_the_baseline_does():
    first = report(champion=None)
    made = evaluate_gates(first, PromoteSpec(), bootstrapping=True)
    against = next(gate for gate in made.results if gate.name == "not_worse_than_champion")
    assert made.passed is True
    assert (against.applicable, against.passed) == (False, None)
    poor = evaluate_gates(replace(first, differences=report(baseline=(0, 1)).differences[1:]), PromoteSpec(), True)
    assert poor.passed is False
    assert poor.reason.startswith("not passed: beats_baseline: ")
    said = "shown better; not applicable (there is no champion to compare with yet): not_worse_than_champion"
    assert poor.reason.endswith(said)
    many = PromoteSpec(require="better_than_champion & is_stable & beats_baseline")
    told = evaluate_gates(first, many, bootstrapping=True).reason
    assert told.count("there is no champion") == 1, "why is said once"
    assert told.endswith(": better_than_champion, is_stable")


def test_what_decided_is_told_first():
    spec = PromoteSpec(require="not_worse_than_champion & beats_baseline & better_than_champion")
    told = evaluate_gates(report(), spec, bootstrapping=False).reason
    assert told.startswith("not passed: better_than_champion: log_loss of the candidate 0.5")
    assert "not shown better; not_worse_than_champion: passed: log_loss" in told
    assert "; beats_baseline: passed: log_loss" in told


def test_too_few_rows_and_missing_differences_are_unknown_and_unknown_does_not_pass():
    few = evaluate_gates(report(rows=199), PromoteSpec(), bootstrapping=False)
    missing = evaluate_gates(report(champion=None), PromoteSpec(), bootstrapping=False)
    assert few.passed is None
    assert missing.passed is None
    remedy = "raise window.holdout_batches, or lower promote.min_rows"
    assert f"199 reserved rows are too few to judge by (200 needed): {remedy}" in few.reason
    strict = evaluate_gates(report(rows=199), PromoteSpec(holdout=timedelta(weeks=1)), bootstrapping=False)
    assert "needed): raise promote.holdout, or lower promote.min_rows" in strict.reason
    assert few.reason.startswith("unknown")
    empty = evaluate_gates(report(rows=0, champion=None, baseline=None), PromoteSpec(), bootstrapping=True)
    assert empty.passed is None


def test_only_required_gates_are_judged():
    made = evaluate_gates(report(champion=(1, 2)), PromoteSpec(require="beats_baseline"), bootstrapping=False)
    assert made.passed is True
    assert [gate.name for gate in made.results] == ["beats_baseline"]


def test_gates_come_back_from_the_table_they_share_with_the_report():
    whole = replace(report(), batches=("b",))
    made = evaluate_gates(report(rows=199), PromoteSpec(), bootstrapping=True)
    table = pd.concat([whole.to_frame(), made.to_frame(attempt=1)], ignore_index=True)
    assert GateReport.from_frame(table) == made
    assert EvaluationReport.from_frame(table, model="m", batch="b") == whole
    with pytest.raises(ValueError, match="no gates of attempt 4"):
        GateReport.from_frame(table, attempt=4)


def evaluated(labels, candidate, champion, seed):
    rows = len(labels)
    contest = Contest(
        labels=labels, batches=["b"] * rows, versions={},
        scores={
            "candidate": Scores(candidate), "champion": Scores(champion), "baseline": Scores(np.full(rows, 0.5)),
        },
    )  # fmt: skip
    return evaluate_models(
        contest, model="m", batch="b", attempt=1, metric="absolute_error", margins=(0.01, 0.05, 0.2), confidence=0.95,
        rng=np.random.default_rng(seed), resamples=100,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(2, 40), margin=st.sampled_from([0.0, 0.01, 0.2]), seed=st.integers(0, 10_000),
    worse=st.floats(0, 2),
)  # fmt: skip
def test_no_row_can_get_worse_and_make_a_candidate_pass(rows, margin, seed, worse):
    rng = np.random.default_rng(seed)
    labels = np.zeros(rows)
    candidate, champion = rng.exponential(1, rows), rng.exponential(1, rows)
    raised = candidate + worse * (rng.random(rows) < 0.5)
    better, poorer = (
        evaluate_gates(
            evaluated(labels, said, champion, seed), PromoteSpec(margin=margin, min_rows=2), bootstrapping=False
        )
        for said in (candidate, raised)
    )
    for before, after in zip(better.results, poorer.results, strict=True):
        assert not (after.passed and not before.passed)


@cache
def reports(worse: float, rows: int = 300, trials: int = 300) -> tuple[EvaluationReport, ...]:
    """Of candidates whose mean loss is `worse` above the champion's 1.0, with noise 0.5 per row."""
    rng, found = np.random.default_rng(42), list[EvaluationReport]()
    for _ in range(trials):
        champion = np.abs(1 + rng.normal(0, 0.1, rows))
        candidate = np.abs(champion + worse + rng.normal(0, 0.2, rows))
        found.append(evaluated(np.zeros(rows), candidate, champion, int(rng.integers(1 << 30))))
    return tuple(found)


def rate_of_passing(worse: float, margin: float) -> float:
    """How often such a candidate is not held to be worse than the champion."""
    spec = PromoteSpec(require="not_worse_than_champion", margin=margin, min_rows=2)
    passed = [evaluate_gates(made, spec, bootstrapping=False).passed is True for made in reports(worse)]
    return sum(passed) / len(passed)


def test_an_equal_candidate_rarely_fails_without_a_margin():
    assert rate_of_passing(worse=0.0, margin=0.0) >= 0.94


def test_a_clearly_worse_candidate_rarely_passes():
    assert rate_of_passing(worse=0.05, margin=0.0) <= 0.05


def test_a_candidate_worse_by_the_margin_rarely_passes():
    assert rate_of_passing(worse=0.05, margin=0.05) <= 0.06


def test_a_margin_is_of_a_loss_that_the_rows_know_no_better_than_the_difference():
    """Of candidates that are worse by the margin on every row, half would pass if the loss seen were the true one."""
    rng, spec = np.random.default_rng(3), PromoteSpec(require="not_worse_than_champion", margin=0.2, min_rows=2)
    champions = rng.exponential(1.0, (200, 300))
    made = [evaluated(np.zeros(300), losses + 0.2, losses, k) for k, losses in enumerate(champions)]
    passed = [evaluate_gates(each, spec, bootstrapping=False).passed for each in made]
    assert 0 < sum(each is True for each in passed) / len(passed) <= 0.06


def test_what_was_not_measured_at_a_margin_is_unknown():
    for require, told in (("not_worse_than_champion", "4.00%"), ("better_than_champion", "-4.00%")):
        made = evaluate_gates(report(), PromoteSpec(require=require, margin=0.04), bootstrapping=False)
        assert made.passed is None
        assert made.results[0].reason == f"the evaluation has no interval at a margin of {told}"


def test_the_reason_tells_what_is_lost_beyond_the_margin():
    spec = PromoteSpec(require="not_worse_than_champion", margin=0.04)
    made = evaluate_gates(at_margin(report(), 0.04), spec, bootstrapping=False)
    assert made.results[0].reason.endswith(
        "difference +0 [-0.01, +0.01] on 1,000 reserved rows; beyond 104.00% of the champion's loss -0.02 "
        "[-0.03, -0.01]: shown within the margin of 4.00%"
    )
    spec = PromoteSpec(require="better_than_champion", margin=0.04)
    made = evaluate_gates(at_margin(report(), -0.04), spec, bootstrapping=False)
    assert made.results[0].reason.endswith(
        "beyond 96.00% of the champion's loss +0.02 [+0.01, +0.03]: not shown better by 4.00%"
    )


@pytest.mark.parametrize("require", ["better_than_champion | beats_baseline", "not_worse_than_champion"])
def test_a_first_model_must_beat_the_baseline_whatever_is_said_of_champions(require: str):
    spec = PromoteSpec(require=require)
    worse, better = (
        evaluate_gates(report(champion=None, baseline=interval), spec, bootstrapping=True)
        for interval in ((0.1, 0.2), (-0.2, -0.1))
    )
    assert (worse.passed, better.passed) == (False, True)
    few = evaluate_gates(report(rows=5, champion=None, baseline=(-0.2, -0.1)), spec, bootstrapping=True)
    assert few.passed is None
    assert "too few to judge by" in few.reason


@pytest.mark.parametrize(("limit", "passed"), [(0.0001, False), (0.001, True)])
def test_a_small_limit_of_robustness_is_told_as_it_is(limit, passed):
    """It read `grows by 0.0%, at most 0.0%` of a limit of 0.01 %."""
    grown = Measure(kind="robustness", name="loss_growth", group="hum", value=0.0004)
    spec = PromoteSpec.model_validate({"require": "is_robust", "limits": {"missing_column": limit}})
    (gate,) = evaluate_gates(replace(report(), measures=(grown,)), spec, bootstrapping=False).results
    assert gate.passed is passed
    assert f"the loss grows by 0.04 %, at most {100 * limit:g} %" in gate.reason
