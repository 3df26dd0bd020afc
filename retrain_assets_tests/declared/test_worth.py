"""What the answers are worth, what is ranked within what, and what is drawn together, change the verdict."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import ndcg_score

from retrain_assets.errors import DataError
from retrain_assets.performance.scores import Scores, Values
from retrain_assets.promotion.blocks import entities_of
from retrain_assets.promotion.comparing import Contest, evaluate_models
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.gates import evaluate_gates
from retrain_assets.promotion.judged import Judged
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.measuring import measured
from retrain_assets.promotion.worth import ndcg, ranking_values, reciprocal_rank, worth_of_costs, worth_of_function
from retrain_assets.spec import PromoteSpec
from retrain_assets_tests.promotion.test_gates import report
from retrain_assets_tests.spec.test_consistency import problems

ROWS = 3000


def drawn(candidate_noise: float = 0.5) -> Judged:
    """Rows of 300 queries; the candidate finds more of the rare class, and raises more false alarms."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=ROWS)
    label = (signal + rng.normal(0, 0.5, ROWS) > 0.8).astype(int)
    rows = pd.DataFrame({"query": np.arange(ROWS) % 300, "price": np.ones(ROWS), "label": label, "ra_batch": "b"})

    def scores(shift: float, noise: float) -> Scores:
        return Scores(1 / (1 + np.exp(-3 * (signal - 0.8 + shift + rng.normal(0, noise, ROWS)))), (0, 1))

    return Judged(
        rows=rows, scores={"candidate": scores(0.5, candidate_noise), "champion": scores(0.0, 0.5)},
        score=lambda asked: Scores(np.full(len(asked), 0.5), (0, 1)), pipeline=None, event_time="at",
        rng=np.random.default_rng(1),
    )  # fmt: skip


def judged(gate: str, asked: Judged, **declared: Any) -> tuple[bool | None, dict[tuple[str, str], Measure]]:
    spec = PromoteSpec.model_validate({"require": gate, "min_rows": 2, **declared})
    made = report()
    made = replace(made, measures=measured(made, asked, spec))
    (result,) = evaluate_gates(made, spec, bootstrapping=False).results
    return result.passed, {(each.name, each.group): each for each in made.measures if each.kind in ("worth", "ranking")}


@pytest.mark.covers("promote.worth.costs")
def test_a_cost_matrix_says_which_errors_weigh():
    missed_is_dear = {"1": {"0": 10.0}, "0": {"1": 1.0}}
    alarm_is_dear = {"1": {"0": 1.0}, "0": {"1": 10.0}}
    passed, found = judged("not_worth_less", drawn(), worth={"costs": missed_is_dear})
    assert passed is True
    difference = found["worth", "difference"]
    assert difference.lower is not None
    assert difference.lower > 0
    assert judged("not_worth_less", drawn(), worth={"costs": alarm_is_dear})[0] is False


def gain(rows: pd.DataFrame, predictions: Values) -> Values:
    """One for each right alarm, minus the price of each alarm."""
    alarm = predictions > 0.5
    return np.where(alarm, rows["label"].to_numpy() - 0.2 * rows["price"].to_numpy(), 0.0)


@pytest.mark.covers("promote.worth.function")
def test_a_function_of_rows_and_predictions_says_what_they_are_worth():
    path = "retrain_assets_tests.declared.test_worth:gain"
    assert PromoteSpec.model_validate({"worth": {"function": path}}).worth.function == path
    passed, found = judged("not_worth_less", replace(drawn(), worth=gain), worth={"function": path})
    assert passed is True
    mean = found["worth", ""].value
    assert mean == pytest.approx(np.mean(gain(drawn().rows, drawn().scores["candidate"].values)))
    assert judged("not_worth_less", replace(drawn(), worth=lambda rows, said: -gain(rows, said)))[0] is False
    with pytest.raises(DataError, match="one finite number for each of 3000 rows"):
        worth_of_function(lambda rows, _: rows["price"].iloc[:3], drawn().rows, drawn().scores["candidate"])


@pytest.mark.covers("promote.worth.rank_within")
def test_scores_are_ranked_within_the_declared_groups():
    passed, found = judged("ranks_not_worse", drawn(), worth={"rank_within": "query"})
    assert passed is True
    assert {name for name, _ in found} == {"ndcg", "mrr"}
    assert judged("ranks_not_worse", drawn(candidate_noise=4.0), worth={"rank_within": "query"})[0] is False
    assert judged("ranks_not_worse", drawn(), worth={"rank_within": "label"})[0] is None, "two groups are no evidence"


def test_groups_of_one_batch_are_drawn_together():
    """The candidate ranks as by chance in some of twelve batches: what a group tells, its batch tells."""
    asked = drawn()
    batch = np.arange(ROWS) % 300 % 12
    scores = asked.scores["candidate"].values
    poor = np.where(batch < 4, np.random.default_rng(5).random(ROWS), scores)
    asked = replace(
        asked, rows=asked.rows.assign(ra_batch=batch.astype(str)),
        scores={**asked.scores, "candidate": Scores(poor, (0, 1))},
    )  # fmt: skip
    spec = PromoteSpec.model_validate({"require": "ranks_not_worse", "worth": {"rank_within": "query"}})
    widths: dict[str, float] = {}
    for unit in ("rows", "batches"):
        made = measured(replace(report(), resampled=unit), replace(asked, rng=np.random.default_rng(1)), spec)
        (found,) = (each for each in made if (each.kind, each.name, each.group) == ("ranking", "ndcg", "difference"))
        widths[unit] = (found.upper or 0) - (found.lower or 0)
    assert widths["batches"] > 1.5 * widths["rows"]


def test_groups_that_come_back_in_every_batch_are_drawn_themselves():
    asked = drawn()
    spec = PromoteSpec.model_validate({"require": "ranks_not_worse", "worth": {"rank_within": "query"}})

    def interval_of(batch: np.ndarray) -> tuple[float | None, float | None]:
        rows = asked.rows.assign(ra_batch=batch.astype(str))
        made = measured(
            replace(report(), resampled="batches"),
            replace(asked, rows=rows, rng=np.random.default_rng(1)),
            spec,
        )
        (found,) = (each for each in made if (each.kind, each.name, each.group) == ("ranking", "ndcg", "difference"))
        return found.lower, found.upper

    by_rows = measured(replace(report(), resampled="rows"), replace(asked, rng=np.random.default_rng(1)), spec)
    (alone,) = (each for each in by_rows if (each.kind, each.name, each.group) == ("ranking", "ndcg", "difference"))
    assert alone.lower is not None
    assert interval_of(np.random.default_rng(2).integers(0, 8, ROWS)) == (alone.lower, alone.upper)
    few = replace(
        report(),
        measures=measured(
            replace(report(), resampled="batches"), replace(asked, rows=asked.rows.assign(ra_batch="b")), spec
        ),
    )
    (gate,) = evaluate_gates(few, spec, bootstrapping=False).results
    assert gate.passed is None
    assert "ndcg: 1 batches or entities are too few to judge by (8 needed)" in gate.reason, gate.reason


def test_the_ranking_metrics_are_those_of_scikit_learn_and_of_the_textbook():
    rng = np.random.default_rng(0)
    relevance, scores = rng.integers(0, 4, 12).astype(float), rng.normal(size=12)
    assert ndcg(relevance, scores) == pytest.approx(ndcg_score([relevance], [scores]))
    assert reciprocal_rank(np.array([0.0, 0.0, 1.0]), np.array([3.0, 2.0, 1.0])) == pytest.approx(1 / 3)
    assert ndcg(np.zeros(3), scores[:3]) is None
    groups = pd.Series(["a", "a", "b", "b"])
    table = ranking_values(groups, np.array([0, 1, 0, 0]), Scores(np.array([0.9, 0.1, 0.5, 0.4]), (0, 1)))
    assert table.index.tolist() == ["a"], "nothing is relevant in b: it says nothing"


@pytest.mark.parametrize("seed", range(20))
def test_which_of_equal_scores_comes_first_says_nothing(seed: int):
    """Else a model that answers the same for all would be perfect where the rows come with the relevant ones first."""
    assert ndcg(np.array([1.0, 0.0]), np.zeros(2)) == pytest.approx((1 + 1 / np.log2(3)) / 2)
    assert reciprocal_rank(np.array([1.0, 0.0]), np.zeros(2)) == pytest.approx(0.75)
    rng = np.random.default_rng(seed)
    relevance, scores = rng.integers(0, 3, 6).astype(float), rng.integers(0, 3, 6).astype(float)
    relevance[rng.integers(6)] = 1.0
    orders = [np.array(order) for order in permutations(range(6)) if (np.diff(scores[list(order)]) <= 0).all()]
    ranks = [1 / (np.flatnonzero(relevance[order] > 0)[0] + 1) for order in orders]
    assert reciprocal_rank(relevance, scores) == pytest.approx(np.mean(ranks))
    assert ndcg(relevance, scores) == pytest.approx(ndcg_score([relevance], [scores]))


@pytest.mark.covers("promote.draw_together")
def test_rows_of_one_customer_are_drawn_together():
    rng = np.random.default_rng(0)
    customer = np.arange(2000) // 50
    labels = rng.integers(0, 2, 2000)
    shift = np.repeat(rng.normal(0, 0.15, 40), 50)
    good = np.clip(np.where(labels == 1, 0.7, 0.3) + shift, 0.02, 0.98)
    scores = {"candidate": Scores(good, (0, 1)), "champion": Scores(np.full(2000, 0.5), (0, 1))}
    scores["baseline"] = scores["champion"]
    rows = pd.DataFrame({"customer": customer})
    contest = Contest(labels=labels, scores=scores, versions={}, batches=["b"] * 2000)  # pyright: ignore[reportArgumentType]
    widths: dict[str | None, float] = {}

    def evaluated(together: np.ndarray | None) -> EvaluationReport:
        return evaluate_models(
            replace(contest, together=together), model="m", batch="b", attempt=1, metric="log_loss", confidence=0.95,
            rng=np.random.default_rng(1),
        )  # fmt: skip

    for column in (None, "customer"):
        made = evaluated(entities_of(rows, PromoteSpec(draw_together=column)))
        difference = made.difference("candidate", "champion")
        assert difference is not None
        widths[column] = difference.upper - difference.lower
        assert made.resampled == ("rows" if column is None else "entities")
    assert widths["customer"] > 1.5 * widths[None]
    few, many = evaluated(customer // 8), evaluated(customer)
    assert few.differences == (), "from five customers nothing is known"
    limits = PromoteSpec.model_validate({"require": "meets_thresholds", "limits": {"metrics": {"log_loss": 9.0}}})
    assert evaluate_gates(many, limits, bootstrapping=False).passed is True
    assert evaluate_gates(few, limits, bootstrapping=False).passed is None
    role = few.role("candidate")
    assert role is not None
    assert role.metric("log_loss").value is not None


@pytest.mark.parametrize(("entities", "passed"), [(7, None), (300, True)])
def test_from_few_customers_nothing_is_known_of_the_worth(entities: int, passed: bool | None):
    declared = {"worth": {"costs": {"1": {"0": 10.0}}}, "draw_together": "query", "require": "not_worth_less"}
    spec = PromoteSpec.model_validate(declared)
    asked = replace(drawn(), rows=drawn().rows.assign(query=np.arange(ROWS) % entities))
    made = replace(report(), resampled="entities")
    made = replace(made, measures=measured(made, asked, spec))
    assert evaluate_gates(made, spec, bootstrapping=False).passed is passed


def test_a_row_without_an_entity_is_one_of_its_own():
    rows = pd.DataFrame({"customer": ["a", None, "a", None]})
    found = entities_of(rows, PromoteSpec(draw_together="customer"))
    assert found is not None
    assert found.tolist() == [0, 1, 0, 2]


def test_what_cannot_be_measured_is_unknown_and_ends_no_evaluation():
    names = np.array(["x", "y", "z"], dtype=object)
    rng = np.random.default_rng(3)
    rows = drawn().rows.assign(label=names[rng.integers(0, 3, len(drawn().rows))])
    many = Scores(rng.dirichlet([1, 1, 1], len(rows)), tuple(names))
    asked = replace(drawn(), rows=rows, scores={"candidate": many, "champion": many, "baseline": many})
    made = replace(report(), measures=())
    for gate, declared, said in (
        ("ranks_not_worse", {"rank_within": "query"}, "a target of two classes"),
        ("not_worth_less", {"costs": {"x": {"typo": 10.0}}}, r"must name classes of the target"),
    ):
        wanted = PromoteSpec.model_validate({"require": gate, "min_rows": 2, "worth": declared})
        found = replace(made, measures=measured(made, asked, wanted))
        (result,) = evaluate_gates(found, wanted, bootstrapping=False).results
        assert result.passed is None
        assert said in result.reason
        hidden = measured(made, replace(asked, personal=frozenset({"query"})), wanted)
        assert "withheld" in next(each.reason for each in hidden if each.kind == "unmeasured")


@pytest.mark.parametrize(
    ("promote", "field"),
    [
        ({"worth": {"costs": {"a": {"typo": 1.0}}}}, "promote.worth.costs"),
        ({"worth": {"rank_within": "kind"}, "require": "ranks_not_worse"}, "promote.require"),
        ({"limits": {"groups": ["kind"]}, "require": "is_fair"}, "promote.require"),
    ],
)
def test_classes_that_the_schema_names_are_held_to(promote: dict[str, Any], field: str):
    schema = {
        "y": {"type": "string", "values": ["a", "b", "c"]},
        "kind": {"type": "string"},
        "at": {"type": "datetime"},
    }
    target = {"column": "y", "label_delay": "1 day"}
    told = problems(promote=promote, schema=schema, target=target, event_time="at")
    assert field in told, told


@pytest.mark.parametrize(
    ("require", "loads"),
    [
        ("beats_baseline & (is_fair | is_stable)", True),
        ("beats_baseline & is_fair", False),
        ("beats_baseline & ~is_fair", False),
    ],
)
def test_of_several_classes_fairness_is_refused_where_nothing_stands_in_for_it(require: str, loads: bool):
    schema = {
        "y": {"type": "string", "values": ["a", "b", "c"]},
        "kind": {"type": "string"},
        "at": {"type": "datetime"},
    }
    another = {"costs": {"a": {"typo": 1.0}}}  # so that there is something to be told in any case
    promote = {"limits": {"groups": ["kind"]}, "require": require, "worth": another}
    target = {"column": "y", "label_delay": "1 day"}
    told = problems(promote=promote, schema=schema, target=target, event_time="at")
    assert ("promote.require" not in told) is loads, told


def test_a_gate_needs_what_it_judges_by():
    assert "promote.worth.costs" in problems(promote={"require": "not_worth_less"})
    assert "promote.worth.rank_within" in problems(promote={"require": "ranks_not_worse"})
    told = problems(metric="squared_error", promote={"worth": {"costs": {"1": {"0": 1.0}}}})
    assert "must be a function" in told["promote.worth.costs"]


def test_costs_of_names_that_are_no_classes_are_refused_and_an_unknown_truth_costs_what_its_own_row_says():
    scores = Scores(np.array([[0.9, 0.1], [0.2, 0.8]]), ("a", "b"))
    with pytest.raises(DataError, match=r"must name classes of the target \(a, b\) \(got no, yes\)"):
        worth_of_costs({"yes": {"no": 10.0}}, np.array(["a", "b"], dtype=object), scores)
    costs = {"b": {"a": 1.0, "b": 0.0}, "new": {"a": 100.0, "b": 100.0}}
    assert worth_of_costs(costs, np.array(["new", "b"], dtype=object), scores).tolist() == [-100.0, 0.0]
