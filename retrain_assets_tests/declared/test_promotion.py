"""Each field of `promote` changes whether a candidate passes, `report_metrics` what is measured beside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.explanation import explanation_measures
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.judged import Judged
from retrain_assets.promotion.leakage import leakage_measures
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.measuring import measured
from retrain_assets.promotion.model_conditions import KeepsExplanation
from retrain_assets.promotion.robustness import robustness_measures
from retrain_assets.spec import ModelSpec, PromoteSpec
from retrain_assets.spec.promote import GATES
from retrain_assets_tests.promotion.test_gates import at_margin, report
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
    assert passes(at_margin(little, 0.05), margin=0.05) is True


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

    contest = Contest(
        labels=labels,
        batches=["b"] * 400,
        scores={"candidate": scores(good), "champion": scores(naive), "baseline": scores(naive)},
        versions={"candidate": 2, "champion": 1, "baseline": None},
    )
    return evaluate_models(
        contest,
        model=declared.name,
        batch="b",
        attempt=1,
        metric=declared.metric,
        report_metrics=declared.report_metrics,
        confidence=declared.promote.confidence,
        rng=np.random.default_rng(1),
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


def verdict(gate: str, made: EvaluationReport, **limits: Any) -> bool | None:
    (found,) = evaluate_gates(
        made, PromoteSpec.model_validate({"require": gate, "min_rows": 2, "limits": limits}), bootstrapping=False
    ).results
    return found.passed


@pytest.mark.covers("promote.limits.metrics")
def test_a_metric_must_lie_within_its_limit_with_its_interval():
    made = evaluated(spec(report_metrics=("accuracy",)))
    role = made.role("candidate")
    assert role is not None
    loss = role.metric("log_loss")
    assert loss.upper is not None
    assert verdict("meets_thresholds", made, metrics={"log_loss": loss.upper}) is True
    assert verdict("meets_thresholds", made, metrics={"log_loss": loss.value}) is False
    assert verdict("meets_thresholds", made, metrics={"log_loss": 9.0, "accuracy": 1.1}) is False
    assert verdict("meets_thresholds", made, metrics={"log_loss": 9.0, "roc_auc": 0.1}) is None


@pytest.mark.covers("promote.limits.detectable", "promote.limits.power")
def test_too_few_rows_for_the_declared_power_are_unknown():
    made = report(champion=(-0.01, 0.01), baseline=BETTER_THAN_NAIVE)  # of a loss of 0.5
    assert verdict("has_enough_rows", made, detectable=0.05) is True
    assert verdict("has_enough_rows", made, detectable=0.01) is None
    assert verdict("has_enough_rows", made, detectable=0.03, power=0.8) is True
    assert verdict("has_enough_rows", made, detectable=0.03, power=0.99) is None


@pytest.mark.covers("promote.limits.churn", "promote.limits.negative_flips", "promote.limits.score_shift")
def test_the_change_must_be_within_its_limits():
    names = {"churn": 0.1, "negative_flips": 0.02, "score_shift": 0.1}
    measures = tuple(
        Measure(kind="change", name=name, value=value, lower=0.8 * value, upper=1.2 * value)
        for name, value in names.items()
    )
    made = replace(report(champion=BETTER, baseline=BETTER_THAN_NAIVE), measures=measures)
    assert verdict("is_stable", made) is True
    for name, value in names.items():
        assert verdict("is_stable", made, **{name: value / 2}) is False
        assert verdict("is_stable", made, **{name: 1.1 * value}) is None, "so few rows cannot tell"
        without = tuple(replace(each, upper=None) if each.name == name else each for each in measures)
        assert verdict("is_stable", replace(made, measures=without)) is None
    assert verdict("is_stable", replace(made, measures=())) is None


@pytest.mark.covers(
    "promote.limits.calibration_error",
    "promote.limits.milliseconds",
    "promote.limits.megabytes",
    "promote.limits.memory_megabytes",
)
def test_errors_and_costs_must_be_within_their_limits():
    measures = (
        Measure(kind="calibration", name="calibration_error", value=0.03, lower=0.02, upper=0.04),
        Measure(kind="calibration", name="calibration_error", group="champion", value=0.3, lower=0.2, upper=0.4),
        Measure(kind="cost", name="milliseconds", value=5.0),
        Measure(kind="cost", name="megabytes", value=2.0),
        Measure(kind="cost", name="memory_megabytes", value=20.0),
    )
    made = replace(report(champion=BETTER, baseline=BETTER_THAN_NAIVE), measures=measures)
    assert verdict("is_calibrated", made) is True
    assert verdict("is_calibrated", made, calibration_error=0.01) is False
    assert verdict("is_calibrated", made, calibration_error=0.035) is None, "so few rows cannot tell"
    assert verdict("is_affordable", made) is True
    assert verdict("is_affordable", made, milliseconds=1.0) is False
    assert verdict("is_affordable", made, megabytes=1.0) is False
    assert verdict("is_affordable", made, memory_megabytes=10.0) is False
    assert verdict("is_affordable", replace(made, measures=())) is None


@pytest.mark.covers("promote.limits.single_column")
def test_a_column_that_predicts_too_well_is_a_leak():
    strong = Measure(kind="leakage", name="single_column", group="paid", value=0.97)
    made = replace(report(champion=BETTER, baseline=BETTER_THAN_NAIVE), measures=(strong,))
    assert verdict("has_no_leak", made) is True
    assert verdict("has_no_leak", made, single_column=0.9) is False
    assert verdict("has_no_leak", replace(made, measures=(replace(strong, value=None),))) is None


@pytest.mark.covers("promote.limits.missing_column")
def test_without_a_column_that_may_be_missing_the_loss_may_grow_by_the_limit():
    def verdict_on(score: Any, **limits: Any) -> bool | None:
        found = robustness_measures(
            pd.DataFrame({"x": [0.1, 0.9, 0.2, 0.8], "z": [1.0, None, 2.0, 3.0]}), [0, 1, 0, 1], score,
            columns=["x", "z"], metric="brier",
        )  # fmt: skip
        made = replace(report(champion=BETTER, baseline=BETTER_THAN_NAIVE), measures=tuple(found))
        return verdict("is_robust", made, **limits)

    def forgiving(rows: pd.DataFrame) -> Scores:
        return Scores(rows["x"].fillna(0.4).to_numpy(), (0, 1))

    def failing(rows: pd.DataFrame) -> Scores:
        if rows["z"].isna().all():
            raise ValueError("no z")
        return forgiving(rows)

    assert verdict_on(forgiving) is False, "0.26 instead of 0.025"
    assert verdict_on(forgiving, missing_column=12.0) is True
    assert verdict_on(failing, missing_column=12.0) is False, "a model that fails is not robust, whatever the limit"

    def perfect(rows: pd.DataFrame) -> Scores:
        return Scores(rows["x"].fillna(0.4).round().to_numpy(), (0, 1))

    assert verdict_on(perfect) is None, "a loss of zero grows by no number"
    assert verdict_on(lambda rows: Scores(np.array([0.0, 1.0, 0.0, 1.0])[: len(rows)], (0, 1))) is True, "it stays zero"
    nothing = tuple(robustness_measures(pd.DataFrame({"x": [0.1]}), [0], forgiving, columns=[], metric="brier"))
    rigid = report(champion=BETTER, baseline=BETTER_THAN_NAIVE)
    assert verdict("is_robust", replace(rigid, measures=nothing)) is True, "the schema lets no column be missing"


MEASURED_ALWAYS = {"not_worse_than_champion", "beats_baseline", "better_than_champion", "has_enough_rows"}


@pytest.mark.parametrize("gate", sorted(GATES.keys() - MEASURED_ALWAYS))
def test_a_gate_that_was_declared_after_the_evaluation_is_unknown(gate: str):
    """Nobody measured what it judges by: a version that waits for approval meanwhile has not passed it."""
    made = report(champion=BETTER, baseline=BETTER_THAN_NAIVE)
    assert made.measures == ()
    assert verdict(gate, made, metrics={"roc_auc": 0.5}) is None


@pytest.mark.covers("promote.limits.rank_correlation")
def test_what_mattered_to_the_champion_must_matter_to_the_candidate():
    def verdict_on(candidate: dict[str, float], champion: dict[str, float], **limits: Any) -> bool | None:
        found = tuple(explanation_measures(candidate, champion))
        made = replace(report(champion=BETTER, baseline=BETTER_THAN_NAIVE), measures=found)
        return verdict("keeps_explanation", made, **limits)

    before = {"x": 0.3, "y": 0.2, "z": 0.1, "noise": 0.001}
    assert verdict_on({"x": 0.4, "y": 0.2, "z": 0.1, "noise": -0.002}, before) is True
    turned = {"x": 0.1, "y": 0.2, "z": 0.3, "noise": 0.0}
    assert verdict_on(turned, before) is False
    assert verdict_on(turned, before, rank_correlation=-1.0) is True
    assert verdict_on({"x": 0.0}, before) is None, "no column matters: unknown"
    assert verdict("keeps_explanation", report(champion=BETTER, baseline=BETTER_THAN_NAIVE)) is None
    made = replace(report(champion=BETTER), measures=tuple(explanation_measures(turned, before)))
    assert KeepsExplanation(0.5).evaluate(made)[1].endswith("at least 0.5: the number decides, which has no interval")


@pytest.mark.covers("promote.limits.selection_gap", "promote.limits.error_gap")
def test_gaps_between_groups_must_be_within_their_limits():
    values = {"selection_rate_gap": 0.08, "true_positive_rate_gap": 0.05, "false_positive_rate_gap": 0.02}
    measures = tuple(
        Measure(kind="fairness", name=name, group="sex", value=value, lower=value - 0.005, upper=value + 0.005)
        for name, value in values.items()
    )
    made = replace(report(champion=BETTER, baseline=BETTER_THAN_NAIVE), measures=measures)
    assert verdict("is_fair", made) is True
    assert verdict("is_fair", made, selection_gap=0.05) is False
    assert verdict("is_fair", made, error_gap=0.04) is False
    assert verdict("is_fair", replace(made, measures=(*measures, replace(measures[0], value=None)))) is None


@pytest.mark.covers("promote.limits.slice_margin")
def test_a_slice_may_be_worse_by_the_margin():
    measures = (
        Measure(kind="slice", name="difference", group="kind=a", value=0.03, lower=0.01, upper=0.05, rows=200),
        Measure(kind="slice", name="champion_loss", group="kind=a", value=0.5, rows=200),
    )
    made = replace(report(champion=BETTER, baseline=BETTER_THAN_NAIVE), measures=measures)
    assert verdict("no_slice_regression", made) is False
    assert verdict("no_slice_regression", made, slice_margin=0.05) is True


def drawn(rows: int = 4000) -> Judged:
    """The candidate is much worse where `kind` is b and x is large, and selects group m more often."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "at": pd.date_range("2024-01-01", periods=rows, freq="min", tz="UTC"),
            "kind": rng.choice(["a", "b", "rare"], rows, p=[0.6, 0.395, 0.005]),
            "sex": rng.choice(["m", "f"], rows),
            "x": rng.normal(size=rows),
            "label": rng.integers(0, 2, rows),
            "ra_batch": "b",
            "ra_row_id": [str(number) for number in range(rows)],
        }
    )
    champion = np.where(frame["label"] == 1, 0.7, 0.3)
    bad = ((frame["kind"] == "b") & (frame["x"] > 0)).to_numpy()
    candidate = np.where(bad, 1 - champion, np.where(frame["label"] == 1, 0.8, 0.2))
    candidate = np.where((frame["sex"] == "m") & (rng.random(rows) < 0.3), 0.9, candidate)
    return Judged(
        rows=frame,
        scores={"candidate": Scores(candidate, (0, 1)), "champion": Scores(champion, (0, 1))},
        score=lambda asked: Scores(np.full(len(asked), 0.5), (0, 1)),
        pipeline=None,
        event_time="at",
        rng=np.random.default_rng(1),
    )


def measures_of(gate: str, **limits: Any) -> dict[tuple[str, str], Measure]:
    declared = PromoteSpec.model_validate({"require": gate, "limits": limits})
    made = measured(report(champion=BETTER, baseline=BETTER_THAN_NAIVE), drawn(), declared)
    return {(each.name, each.group): each for each in made}


@pytest.mark.covers("promote.limits.slices", "promote.limits.group_min_rows")
def test_declared_slices_are_judged_and_small_ones_pooled():
    made = measures_of("no_slice_regression", slices=["kind"])
    worse = made["difference", "kind=b"]
    assert worse.lower is not None
    assert worse.lower > 0
    better = made["difference", "kind=a"]
    assert better.value is not None
    assert better.value < worse.lower
    assert ("difference", "kind=rare") not in made
    assert made["difference", "kind=(rare)"].lower is None
    assert ("difference", "kind=rare") in measures_of("no_slice_regression", slices=["kind"], group_min_rows=5)
    loss = made["log_loss", "kind=b"]
    assert loss.value is not None
    assert loss.lower is not None
    assert loss.lower < loss.value, "every metric stands beside, with its interval"
    by_x = measures_of("no_slice_regression", slices=["x"])
    assert len([key for key in by_x if key[0] == "difference"]) == 4


@pytest.mark.covers("promote.limits.find_slices")
def test_weak_slices_are_found_on_one_half_and_judged_on_the_other():
    found = measures_of("no_slice_regression", find_slices=2)
    differences = {group: each for (name, group), each in found.items() if name == "difference"}
    assert 1 <= len(differences) <= 2
    worst = max(differences, key=lambda group: differences[group].value or 0)
    assert "kind" in worst
    assert "x > " in worst
    lower = differences[worst].lower
    assert lower is not None
    assert lower > 0
    assert not [key for key in measures_of("no_slice_regression", slices=["sex"]) if "x > " in key[1]]


@pytest.mark.covers("promote.limits.groups")
def test_rates_are_compared_between_declared_groups():
    by_sex = measures_of("is_fair", groups=["sex"])
    gap = by_sex["selection_rate_gap", "sex"]
    assert gap.value is not None
    assert gap.lower is not None
    assert gap.value > 0.1
    assert gap.lower > 0
    men, women = (by_sex["selection_rate", f"sex={sex}"].value for sex in "mf")
    assert men is not None
    assert women is not None
    assert men > women
    assert {group for _, group in measures_of("is_fair", groups=["kind"])} >= {"kind", "kind=a", "kind=b"}
    assert "rare" in measures_of("is_fair", groups=["kind"])["selection_rate_gap", "kind"].reason


def test_the_rows_without_a_column_are_from_all_over():
    """The newest rows alone need `x`; the oldest 2,000 would not show it."""
    rows = pd.DataFrame({"x": np.ones(6000), "old": np.arange(6000) < 4000})
    (made,) = robustness_measures(
        rows, np.ones(6000, dtype=int), columns=["x"], metric="brier",
        score=lambda asked: Scores(np.where(asked["x"].isna() & ~asked["old"], 0.1, 0.9), (0, 1)),
    )  # fmt: skip
    assert made.value is not None
    assert made.value > 10
    assert made.rows == 2000


@pytest.mark.parametrize(
    ("uppers", "passed"), [((0.1, 0.2), True), ((0.1, -0.1), False), ((0.1, None), None), ((None, -0.1), False)]
)
def test_a_ranking_whose_interval_is_not_known_does_not_pass(uppers: tuple[float | None, ...], passed: bool | None):
    measures = tuple(
        Measure(kind="ranking", name=name, group="difference", value=0.0, lower=-0.2, upper=upper, rows=300)
        for name, upper in zip(("ndcg", "mrr"), uppers, strict=True)
    )
    made = replace(report(champion=BETTER, baseline=BETTER_THAN_NAIVE), measures=measures)
    assert verdict("ranks_not_worse", made) is passed


@pytest.mark.parametrize(("unit", "said"), [("rows", ""), ("batches", "as if the rows of the same batches were indep")])
def test_classical_tests_say_where_they_suppose_too_much(unit: Any, said: str):
    made = replace(report(champion=BETTER, baseline=BETTER_THAN_NAIVE), resampled=unit)
    found = {each.name: each.reason for each in measured(made, drawn(), PromoteSpec()) if each.kind == "test"}
    assert [found[name].startswith(said) for name in ("mcnemar_p", "delong_p")] == [True, True]
    assert bool(found["delong_p"]) is bool(said)


def test_an_identifier_predicts_nothing_on_rows_that_it_was_not_encoded_on():
    made = drawn()
    rows = made.rows.assign(code=[f"c{number}" for number in range(len(made.rows))], outcome=made.rows["label"] * 10)
    found = {
        each.group: each.value
        for each in leakage_measures(rows[["code", "outcome", "x"]], made.labels, regression=False, ignored=frozenset())
    }
    assert found["outcome"] == 1.0
    assert found["code"] == pytest.approx(0.5, abs=0.05)
    assert found["x"] == pytest.approx(0.5, abs=0.05)


def test_gates_print_their_truth_and_reason():
    said = str(
        evaluate_gates(
            report(champion=BETTER, baseline=BETTER_THAN_NAIVE),
            PromoteSpec(require="not_worse_than_champion & is_stable"),
            bootstrapping=False,
        )
    )
    assert said.splitlines()[0] == "not_worse_than_champion & is_stable: unknown"
    assert "  is_stable: unknown: the change against the champion is not known" in said


@pytest.mark.parametrize(
    ("promote", "message"),
    [
        ({"require": "meets_thresholds"}, "promote.limits.metrics must be set"),
        ({"require": "no_slice_regression"}, "promote.limits.slices must be set"),
        ({"require": "is_fair"}, "promote.limits.groups must be set"),
        ({"limits": {"metrics": {"r2": 0.5}}}, "must name metrics of classification"),
        ({"limits": {"slices": ["nonsense"]}}, "must be columns of the schema"),
        ({"approval": {"when": "always", "names": "signed"}}, "must name who may sign"),
        ({"approval": {"names": "signed", "approvers": {"ann": {}}}}, "needs a key: names are signed"),
        ({"approval": {"approvers": {"ann": {"key": "ab" * 32}, "bob": {"key": "ab" * 32}}}}, "that is ann's"),
        ({"approval": {"approvers": {"ann": {}, "Ann": {}}}}, "must not be the name of another approver"),
        ({"approval": {"approvers": {"ann\n": {}}}}, "must be a name without blanks around it"),
        ({"approval": {"role": "lead"}}, "must be the role of an approver"),
        (
            {"approval": {"persons": 1, "role": "lead", "approvers": {"ann": {"role": "lead"}}}},
            "must be 2 or more, or left out, beside a role",
        ),
        ({"approval": {"persons": 2, "approvers": {"ann": {}}}}, "must not be more than there are approvers"),
        ({"approval": {"approvers": {"ann": {"key": "xyz"}}}}, "64 hexadecimal digits"),
    ],
)
def test_what_could_never_be_judged_or_answered_is_refused(promote: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        spec(promote=promote)
