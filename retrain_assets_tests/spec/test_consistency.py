"""Fields that are right by themselves may contradict each other; every contradiction is told, at its field."""

from __future__ import annotations

from typing import Any

import pytest

from retrain_assets.errors import DeclarationError, Problem
from retrain_assets.spec import ModelSpec, spec_from
from retrain_assets_tests.spec.declarations import attributes, spec


def problems(**changes: Any) -> dict[str, str]:
    with pytest.raises(DeclarationError) as caught:
        spec_from(attributes(**changes))
    return {problem.field: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"report_metrics": ["accuracy", "r2"]}, "report_metrics[1]", "must be a metric of classification"),
        (
            {"metric": "squared_error", "report_metrics": ["roc_auc"]},
            "report_metrics[0]",
            "must be a metric of regression",
        ),
        ({"event_time": "sold"}, "event_time", "must not be the target or a leak column (got 'sold')"),
        ({"row_id": ["day", "refunded"], "leak_columns": ["refunded"]}, "row_id[1]", "must not be the target"),
        ({"reserve": {"block": "sold"}}, "reserve.block", "must not be the target"),
        ({"drift": {"columns": ["price", "sold"]}}, "drift.columns[1]", "must not be the target"),
        ({"features": {"columns": ["sold"]}}, "features.columns[0]", "must not be the target"),
        (
            {"drift": {"columns": ["prise"]}},
            "drift.columns[0]",
            "must be a column of the schema (got 'prise'). Did you mean 'price'?",
        ),
        ({"features": {"columns": ["shopp"]}}, "features.columns[0]", "Did you mean 'shop'?"),
        ({"retrain": {"when": "drift & ~drift"}}, "retrain.when", "can never be true, whatever happens"),
        ({"retrain": {"when": "(drift | event) & ~event & ~drift"}}, "retrain.when", "can never be true"),
        ({"retrain": {"when": "age > 12 weeks & ~(age > 4 weeks)"}}, "retrain.when", "can never be true"),
        (
            {"retrain": {"when": "~model_age & age > 13 weeks"}, "freshness": {"model_age": "12 weeks"}},
            "retrain.when",
            "can never be true",
        ),
        (
            {"retrain": {"when": "score_drift & ~drift"}, "drift": {"outputs": ["score"]}},
            "retrain.when",
            "can never be true",
        ),
        ({"promote": {"require": "beats_baseline & ~beats_baseline"}}, "promote.require", "can never be true"),
        ({"retrain": {"when": "model_age"}}, "retrain.when", "freshness.model_age must be set"),
        ({"retrain": {"when": "drift | freshness"}}, "retrain.when", "freshness.champion must be set"),
        ({"retrain": {"when": "schedule & drift"}}, "retrain.when", "retrain.schedule must be set"),
        (
            {"batches": {"every": "week", "start": "2024-01-01"}, "drift": {"reference": "same_weekday"}},
            "drift.reference",
            "must not be same_weekday: a week has no weekday of its own",
        ),
        (
            {"target": {"column": "sold", "labels": {"type": "files", "path": "labels/{batch}.csv"}}},
            "target.labels",
            "needs row_id",
        ),
        (
            {"promote": {"holdout": "2 weeks"}, "retrain": {"cooldown": "1 week"}},
            "retrain.cooldown",
            "must be at least promote.holdout, 2 weeks (got 1 week)",
        ),
        (
            {"promote": {"holdout": "2 hours"}, "retrain": {"cooldown": "1 week"}},
            "promote.holdout",
            "must span at least one batch",
        ),
        (
            {
                "promote": {"holdout": "2 weeks"},
                "retrain": {"cooldown": "2 weeks"},
                "window": {"holdout_batches": 4},
            },
            "window.holdout_batches",
            "must not be set beside promote.holdout",
        ),
        (
            {
                "label_next": {"path": "labels/{batch}-ask.csv"},
                "row_id": ["day"],
                "target": {"column": "sold", "labels": {"type": "files", "path": "labels/{batch}*.csv"}},
            },
            "label_next.path",
            "must not be where target.labels looks",
        ),
        ({"personal_columns": ["day"]}, "personal_columns[0]", "must not be the event time"),
        ({"personal_columns": ["shop", "sold"]}, "personal_columns[1]", "its classes stand in every report"),
        ({"personal_columns": ["shopp"]}, "personal_columns[0]", "Did you mean 'shop'?"),
        (
            {"personal_columns": ["shop"], "features": {"columns": ["price", "shop"]}},
            "features.columns",
            "the encoder would write its values into the model",
        ),
        (
            {"personal_columns": ["shop"], "retrain": {"slices": ["shop"]}},
            "retrain.slices",
            "the ledger names slices by value",
        ),
        (
            {"personal_columns": ["shop"], "drift": {"columns": ["shop"]}},
            "drift.columns",
            "profiles and drift reports show values",
        ),
    ],
)
def test_a_contradiction_is_told_at_its_field(changes: dict[str, Any], field: str, message: str):
    assert message in problems(**changes)[field]


def test_all_of_them_are_told_at_once():
    found = problems(
        report_metrics=["r2"], event_time="sold", drift={"columns": ["prise"]}, retrain={"when": "schedule | freshness"}
    )
    assert set(found) == {"report_metrics[0]", "event_time", "drift.columns[0]", "retrain.when"}


def test_also_beside_mistakes_of_single_fields():
    found = problems(drift={"smoothing": 0}, retrain={"when": "schedule"}, name="Sales")
    assert set(found) == {"drift.smoothing", "retrain.when", "name"}


def test_but_not_where_the_mistake_may_be_the_cause():
    """Whether model_age is declared cannot be said while its value is wrong."""
    found = problems(freshness={"model_age": "12 weekz"}, retrain={"when": "model_age"})
    assert set(found) == {"freshness.model_age"}
    assert set(problems(metric="log_los", report_metrics=["r2"])) == {"metric"}


@pytest.mark.parametrize(
    "when",
    ["age > 4 weeks & ~(age > 12 weeks)", "model_age & ~(age > 13 weeks)", "drift & ~score_drift", "~drift & event"],
)
def test_conditions_that_hold_one_another_may_be_true(when: str):
    declared = spec(retrain={"when": when}, drift={"outputs": ["score"]}, freshness={"model_age": "12 weeks"})
    assert declared.retrain.when == when


def test_the_default_conditions_need_nothing():
    assert "model_age" in spec().retrain.when
    assert spec().freshness.model_age is None


def test_the_features_of_a_transform_are_its_own():
    assert spec(features={"transform": "sales.features:build", "columns": ["weekday"]}).features.columns == ("weekday",)


def test_the_event_time_comes_through_a_schema_that_does_not_name_it():
    declared = spec(schema={"price": {"type": "float"}}, features={"columns": ["day", "price"]})
    assert declared.features.columns == ("day", "price")


def test_columns_of_an_imported_schema_are_not_judged_here():
    assert spec(schema="sales.schema:Sales", drift={"columns": ["whatever"]}).drift.columns == ("whatever",)


def test_pydantic_refuses_contradictions_too():
    """Also who builds a spec without our reader cannot have one."""
    with pytest.raises(ValueError, match=r"retrain\.when names schedule"):
        ModelSpec.model_validate(attributes(retrain={"when": "schedule"}))


def test_a_problem_prints_its_place():
    assert (
        str(Problem(field="name", message="must be set", file="defs.yaml", line=3)) == "defs.yaml:3: name: must be set"
    )
    assert str(Problem(field="", message="is not YAML")) == "is not YAML"
    warning = Problem(field="source", message="is odd", file="a.yaml", line=1, severity="warning")
    assert str(warning) == "a.yaml:1: warning: source: is odd"


def test_personal_numbers_may_be_chosen_and_leave_the_hash_of_others_alone():
    chosen = spec(personal_columns=["price"], features={"columns": ["price", "shop"]})
    assert chosen.personal_columns == ("price",)
    assert spec().training_hash() == spec(personal_columns=[]).training_hash()
    assert spec(personal_columns=["price"]).training_hash() != spec().training_hash()
