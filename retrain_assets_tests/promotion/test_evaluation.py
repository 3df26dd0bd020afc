"""All models are judged by the same rows, and the interval of their difference holds what it claims."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from retrain_assets.errors import DataError
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.evaluation import COLUMN_TYPES, PAIRS, EvaluationReport, Role
from retrain_assets.promotion.luck import Noticed
from retrain_assets.promotion.margins import beyond
from retrain_assets.promotion.measures import LEVEL, chosen
from retrain_assets.promotion.recall import in_candidates_place

CLASSES = (0, 1)


def evaluate(labels, scores, seed=0, **changes):
    rows = len(labels)
    arguments: dict[str, Any] = {
        "model": "m", "batch": "2013-05-07", "attempt": 2, "labels": labels, "scores": scores,
        "versions": {"candidate": 5, "champion": 4 if "champion" in scores else None, "baseline": None},
        "batches": [f"2013-04-{k % 4 + 1:02}" for k in range(rows)], "metric": "log_loss", "confidence": 0.95,
        "rng": np.random.default_rng(seed), "resamples": 400, **changes,
    }  # fmt: skip
    contest = Contest(**{name: arguments.pop(name) for name in Contest.__slots__ if name in arguments})
    return evaluate_models(contest, **arguments)


def difference(report, a: Role, b: Role, scope="reserved"):
    pair = report.difference(a, b, scope)
    assert pair is not None
    return pair


def stream(rng, rows=1000, noise=0.05):
    """Labels and three models: the truth with a little noise, with as much other noise, and the plain rate."""
    p = rng.uniform(0.1, 0.9, rows)
    labels = (rng.random(rows) < p).astype(int)

    def noisy():
        return Scores(np.clip(p + rng.normal(0, noise, rows), 0.02, 0.98), CLASSES)

    return labels, {"candidate": noisy(), "champion": noisy(), "baseline": Scores(np.full(rows, 0.5), CLASSES)}


@pytest.fixture
def report():
    labels, scores = stream(np.random.default_rng(1))
    newer = np.arange(len(labels)) >= 900
    return evaluate(labels, scores, report_metrics=("roc_auc", "log_loss"), newer_than_both=newer)


def test_the_report_names_models_rows_and_batches(report):
    assert [(role.role, role.version) for role in report.roles] == [
        ("candidate", 5),
        ("champion", 4),
        ("baseline", None),
    ]
    assert (report.rows, report.rows_newer_than_both, report.resampled) == (1000, 100, "rows")
    assert report.batches == ("2013-04-01", "2013-04-02", "2013-04-03", "2013-04-04")
    assert [metric.metric for metric in report.roles[0].metrics] == ["log_loss", "roc_auc"]


def test_a_difference_is_the_difference_of_the_losses(report):
    for a, b in PAIRS:
        pair = difference(report, a, b)
        expected = report.role(a).metric("log_loss").value - report.role(b).metric("log_loss").value
        assert pair.value == pytest.approx(expected)
        assert pair.lower < pair.value < pair.upper
        assert difference(report, a, b, "newer").rows == 100


def test_pairing_takes_out_what_the_models_share(report):
    alone = report.role("candidate").metric("log_loss")
    paired = difference(report, "candidate", "champion")
    assert paired.value - paired.lower < (alone.upper - alone.lower) / 4


def test_a_model_does_not_differ_from_itself():
    labels, scores = stream(np.random.default_rng(1))
    pair = difference(evaluate(labels, {**scores, "champion": scores["candidate"]}), "candidate", "champion")
    assert (pair.value, pair.lower, pair.upper) == (0, 0, 0)


def test_the_same_seed_gives_the_same_report():
    labels, scores = stream(np.random.default_rng(1))
    assert evaluate(labels, scores, seed=3) == evaluate(labels, scores, seed=3)


def test_nineteen_of_twenty_intervals_hold_the_true_difference():
    """Squared errors of two predictions of zero-mean noise: the true difference is known."""
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        labels = rng.normal(size=250)
        scores = {"candidate": Scores(np.full(250, 0.3)), "baseline": Scores(np.zeros(250))}
        report = evaluate(labels, scores, metric="squared_error", rng=rng, resamples=300, versions={})
        pair = difference(report, "candidate", "baseline")
        hits += pair.lower <= 0.09 <= pair.upper
    assert 0.91 <= hits / 300 <= 0.98


def test_what_is_lost_beyond_a_margin_is_a_difference_of_its_own():
    """To (1 + margin) times the champion's loss, of the candidate and of earlier champions, and it is kept."""
    rng = np.random.default_rng(4)
    labels, scores = stream(rng, rows=400)
    made = evaluate(labels, scores, earlier={3: scores["champion"]}, margins=(0.05, -0.05))
    champion, candidate = (row_losses("log_loss", labels, scores[name]).mean() for name in ("champion", "candidate"))
    found = {(each.name, each.group): each for each in chosen(made.measures, "margin")}
    assert set(found) == {("+0.05", ""), ("+0.05", "v3"), ("-0.05", ""), ("-0.05", "v3")}
    assert found["+0.05", ""].value == pytest.approx(candidate - 1.05 * champion)
    assert found["-0.05", ""].value == pytest.approx(candidate - 0.95 * champion)
    own = found["+0.05", "v3"]
    assert own.value == pytest.approx(-0.05 * champion)
    assert own.lower is not None
    assert own.upper is not None
    assert own.upper > own.lower, "it does not differ from itself, and its loss is not known any better"
    assert EvaluationReport.from_frame(made.to_frame(), model="m", batch="2013-05-07").measures == made.measures
    placed = in_candidates_place(made, 3)
    held = beyond(placed.measures, difference(placed, "candidate", "champion"), 0.05)
    assert held is not None
    assert (held.value, held.lower, held.upper) == (own.value, own.lower, own.upper)


@pytest.mark.parametrize("metric", ["log_loss", "brier"])
def test_who_else_is_judged_changes_nothing_of_the_others_to_the_last_bit(metric):
    """Neither draws nor classes: one of the earlier champions knows a class that nobody else does."""
    labels, scores = stream(np.random.default_rng(6), rows=600)
    third = np.column_stack([1 - scores["champion"].values, scores["champion"].values, np.zeros(600)])
    earlier = {3: scores["champion"], 2: Scores(third, (*CLASSES, 2))}
    asked: dict[str, Any] = {
        "metric": metric, "report_metrics": ("roc_auc",), "margins": (0.05,),
        "newer_than_both": np.arange(600) > 300,
        "noticed": Noticed(batches=("2013-04-01",), score=2.5, threshold=2.0, standard_error=0.1, rows_error=0.1),
    }  # fmt: skip
    alone, first, both = (
        evaluate(labels, scores, earlier=among, recallable=frozenset({3}), **asked)
        for among in ({}, {3: earlier[3]}, earlier)
    )
    assert both.roles[:3] == alone.roles
    assert tuple(pair for pair in both.differences if pair.version is None) == alone.differences
    assert tuple(each for each in both.measures if not each.group) == alone.measures
    for made in (first, both):
        assert made.roles[3] == both.roles[3]
        assert made.difference("earlier", "champion", version=3) == both.difference("earlier", "champion", version=3)
    same = both.difference("earlier", "champion", version=2)
    assert same is not None
    assert (same.value, same.lower, same.upper) == (0, 0, 0), "both are held to the same classes"
    shared = {each.group: each.value for each in chosen(both.measures, "recall", LEVEL)}
    assert shared == {"v3": pytest.approx(0.95), "v2": pytest.approx(0.975)}


def test_whole_batches_are_resampled_where_there_are_eight():
    """Batches that favour one model or the other as a whole carry less evidence than their rows pretend."""
    rng = np.random.default_rng(2)
    batch = np.repeat(np.arange(10), 100)
    labels = np.zeros(1000)
    scores = {"candidate": Scores(1 + rng.normal(0, 0.3, 10)[batch]), "baseline": Scores(np.ones(1000))}
    names = [f"2013-04-{k + 1:02}" for k in batch]
    blocks = evaluate(labels, scores, metric="absolute_error", batches=names)
    rows = evaluate(labels, scores, metric="absolute_error")
    assert (blocks.resampled, rows.resampled) == ("batches", "rows")
    wide, narrow = (difference(made, "candidate", "baseline") for made in (blocks, rows))
    assert wide.upper - wide.lower > 4 * (narrow.upper - narrow.lower)


def test_a_champion_that_does_not_know_a_new_class_is_judged_and_not_an_error():
    labels = np.array(["a", "b", "c"] * 50)
    scores = {
        "candidate": Scores(np.full((150, 3), 1 / 3), ("a", "b", "c")),
        "champion": Scores(np.full(150, 0.5), ("a", "b")),
    }
    pair = difference(evaluate(labels, scores), "candidate", "champion")
    assert pair.upper < 0


def test_while_bootstrapping_there_is_no_champion_to_compare_with():
    labels, scores = stream(np.random.default_rng(1))
    del scores["champion"]
    report = evaluate(labels, scores)
    assert report.role("champion") is None
    assert report.difference("candidate", "champion") is None
    assert report.difference("candidate", "baseline") is not None


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_give_a_report_without_differences(rows):
    labels, scores = stream(np.random.default_rng(1))
    few = {role: scored.take(np.arange(rows)) for role, scored in scores.items()}
    report = evaluate(labels[:rows], few)
    assert report.differences == ()
    assert [role.metric("log_loss").value for role in report.roles] == [None, None, None]
    assert EvaluationReport.from_frame(report.to_frame(), model="m", batch="2013-05-07") == report


def test_a_candidate_that_answers_nan_is_an_error_and_no_score():
    labels, scores = stream(np.random.default_rng(1))
    with pytest.raises(DataError, match="NaN or infinite"):
        evaluate(labels, {**scores, "candidate": Scores(np.full(1000, np.nan), CLASSES)})


def test_reports_come_back_from_their_table(report):
    labels, scores = stream(np.random.default_rng(9))
    later = evaluate(labels, scores, attempt=3)
    table = pd.concat([report.to_frame(), later.to_frame()], ignore_index=True).assign(ra_batch="2013-05-07")
    assert EvaluationReport.from_frame(table, model="m", batch="2013-05-07", attempt=2) == report
    assert EvaluationReport.from_frame(table, model="m", batch="2013-05-07") == later
    assert report.to_frame().dtypes.astype(str).to_dict() == COLUMN_TYPES
    with pytest.raises(ValueError, match="no evaluation of m 2013-05-07 attempt 7"):
        EvaluationReport.from_frame(table, model="m", batch="2013-05-07", attempt=7)


def test_of_equal_models_as_many_are_shown_worse_as_declared_though_batches_are_few():
    """Eight batches that vary together: an interval of the normal's width would show 5 % worse, not 2.5."""
    rng = np.random.default_rng(7)
    batches = np.repeat(np.arange(8), 30)
    trials, worse = 400, 0
    for trial in range(trials):
        labels = (rng.random(len(batches)) < 0.5).astype(int)
        offset = rng.normal(0, 0.1, 8)[batches]
        scores: dict[str, Scores] = {
            role: Scores(np.clip(0.5 + sign * offset, 0.02, 0.98), CLASSES)
            for role, sign in (("candidate", 1), ("champion", -1))
        }
        made = evaluate(labels, scores, seed=trial, batches=[f"b{k}" for k in batches])
        assert made.resampled == "batches"
        worse += difference(made, "candidate", "champion").lower > 0
    assert worse / trials <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / trials)


@pytest.mark.parametrize("count", [2, 4, 7])
def test_of_equal_models_no_more_are_shown_better_than_declared_though_batches_are_fewer_still(count: int):
    """Rows are drawn, and cannot tell what batches differ by: by their intervals every fifth was shown better."""
    rng = np.random.default_rng(count)
    batches = np.repeat(np.arange(count), 100)
    trials, better, by_rows = 300, 0, 0
    for trial in range(trials):
        labels = (rng.random(len(batches)) < 0.5).astype(int)
        offset = rng.normal(0, 0.1, count)[batches]
        scores: dict[str, Scores] = {
            role: Scores(np.clip(0.5 + sign * offset, 0.02, 0.98), CLASSES)
            for role, sign in (("candidate", 1), ("champion", -1))
        }
        made = difference(
            evaluate(labels, scores, seed=trial, batches=[f"b{k}" for k in batches]), "candidate", "champion"
        )
        better += made.upper < 0
        by_rows += 2 * made.value - made.lower < 0
    assert better / trials <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / trials)
    assert by_rows > 2 * better


def test_one_batch_of_eight_that_favours_the_candidate_proves_nothing():
    """Of batches that are drawn whole the lucky one is hardly ever missing: its bootstrap says more than eight tell."""
    labels, batches = np.zeros(400), np.repeat(np.arange(8), 50)
    better = np.where(batches == 0, 1.0, 0.02)
    scores: dict[str, Scores] = {"candidate": Scores(3 - better), "champion": Scores(np.full(400, 3.0))}
    made = evaluate(labels, scores, metric="absolute_error", batches=[f"b{k}" for k in batches])
    found = difference(made, "candidate", "champion")
    assert made.resampled == "batches"
    student = stats.ttest_1samp(-better[::50], 0).confidence_interval(0.95)
    assert found.upper == pytest.approx(student.high)
    assert found.upper > 0 > found.lower


def test_of_one_batch_and_beside_the_baseline_rows_alone_tell():
    labels, scores = stream(np.random.default_rng(1))
    one, four = (
        evaluate(labels, scores, batches=names) for names in (["b"] * 1000, [f"b{k % 4}" for k in range(1000)])
    )
    assert difference(one, "candidate", "baseline") == difference(four, "candidate", "baseline")
    assert difference(one, "champion", "baseline") == difference(four, "champion", "baseline")
    assert one.resampled == four.resampled == "rows"


def test_newer_rows_of_entities_are_drawn_by_entity_and_of_too_few_nothing_is_known():
    labels, scores = stream(np.random.default_rng(1))
    newer = np.arange(len(labels)) >= 900
    alike = np.where(newer, 10 + np.arange(len(labels)) % 4, np.arange(len(labels)) % 10)
    few = evaluate(labels, scores, newer_than_both=newer, together=alike)
    assert few.difference("candidate", "champion", "newer") is None
    assert few.difference("candidate", "champion", "reserved") is not None
    enough = evaluate(labels, scores, newer_than_both=newer, together=np.arange(len(labels)) // 10)
    single = evaluate(labels, scores, newer_than_both=newer)
    of_ten, of_one = (difference(made, "candidate", "champion", "newer") for made in (enough, single))
    assert (of_ten.lower, of_ten.upper) != (of_one.lower, of_one.upper)
