"""A declaration is frozen, refuses what it does not know, has the defaults it states, and hashes what it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from pydantic import ValidationError

from retrain_assets.errors import DeclarationError
from retrain_assets.spec import ModelSpec, spec_from
from retrain_assets_tests.spec.declarations import attributes, spec


def refused(**changes: Any) -> str:
    with pytest.raises(DeclarationError) as caught:
        spec_from(attributes(**changes))
    return str(caught.value)


def test_the_declaration_of_the_design_is_valid():
    declared = spec(
        owners=["team:operations"],
        batches={"every": "week", "start": "2013-01-01", "end": "2014-01-01"},
        source={"type": "python", "load": "retrain_assets.defs.flight_delay.source:load_batch"},
        schema="retrain_assets.defs.flight_delay.schema:Flights",
        event_time="time_hour",
        target={"column": "delayed", "label_delay": "1 week"},
        features={"transform": "retrain_assets.defs.flight_delay.features:build"},
        estimator={"class": "sklearn.ensemble.HistGradientBoostingClassifier", "params": {"max_iter": 200}},
        window={"train": "all_history"},
        drift={"distance": "jensen_shannon", "reference": "recent", "effect_floor": 0.1},
        freshness={"champion": "30 days", "model_age": "12 weeks"},
        retrain={
            "when": "performance_decay | drift | model_age | event",
            "cooldown": "2 weeks",
            "budget": "12 per year",
        },
        promote={"require": "not_worse_than_champion & beats_baseline"},
    )
    assert declared.retrain.cooldown == timedelta(weeks=2)
    assert declared.freshness.model_age == timedelta(weeks=12)
    assert declared.retrain.budget is not None
    assert declared.retrain.budget.retrains == 12


@pytest.mark.parametrize(
    "owner", ["shop", "team:", "ann@shop", "ann@shop.technology", " team:shop", ".ann@shop.com", ""]
)
def test_an_owner_that_dagster_does_not_take_is_refused_here(owner: str):
    """Else the declaration is said to be right, and no model of the code location can be loaded."""
    said = f"owners[1]: must be team:NAME or an e-mail address, as Dagster takes them (got {owner!r})"
    assert said in refused(owners=["ann.lee+ml@shop.co.uk", owner])
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="Invalid owner"):
        dg.AssetSpec("champion", owners=[owner])


def test_a_declaration_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        spec().name = "other"


def test_refuses_unknown_keys_in_every_group():
    groups: dict[str, Any] = {
        "batches": {"every": "day", "start": "2013-01-01"},
        "source": {"type": "files", "path": "{batch}.csv"},
        "target": {"column": "sold"},
        "estimator": {"class": "sklearn.linear_model.LogisticRegression"},
        **{
            group: {}
            for group in ("quarantine", "reserve", "features", "window", "drift", "freshness", "retrain", "promote")
        },
    }
    for group, values in groups.items():
        assert f"{group}.surprise: is not a known key" in refused(**{group: {**values, "surprise": 1}})
    assert "surprise: is not a known key" in refused(surprise=1)


@pytest.mark.parametrize("name", ["Sales", "2sales", "sa les", "sales-2", "", "s" * 64, "_sales"])
def test_a_name_that_cannot_prefix_an_asset_is_refused(name: str):
    assert "name: must be lower-case letters" in refused(name=name)


@pytest.mark.parametrize(
    ("metric", "task"),
    [
        ("log_loss", "classification"),
        ("brier", "classification"),
        ("squared_error", "regression"),
        ("absolute_error", "regression"),
        ("poisson_deviance", "regression"),
    ],
)
def test_the_metric_tells_the_task(metric: str, task: str):
    assert spec(metric=metric).task == task


def test_only_proper_losses_compare_models():
    assert "metric: must be one of log_loss, brier" in refused(metric="accuracy")


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2013-01-01", datetime(2013, 1, 1, tzinfo=UTC)),
        ("2013-01-01T06:00", datetime(2013, 1, 1, 6, tzinfo=UTC)),
        ("2013-01-01T06:00+02:00", datetime(2013, 1, 1, 4, tzinfo=UTC)),
        (datetime(2013, 1, 1), datetime(2013, 1, 1, tzinfo=UTC)),  # noqa: DTZ001 - as YAML reads an unquoted time
        (datetime(2013, 1, 1).date(), datetime(2013, 1, 1, tzinfo=UTC)),  # noqa: DTZ001
    ],
)
def test_times_are_utc(written: Any, moment: datetime):
    assert spec(batches={"every": "day", "start": written}).batches.start == moment


def test_an_end_comes_after_the_start():
    message = refused(batches={"every": "day", "start": "2013-01-01", "end": "2013-01-01"})
    assert "batches: end must be after start" in message


def test_a_month_begins_on_a_day_that_every_month_has():
    assert "must be on day 1 to 28" in refused(batches={"every": "month", "start": "2013-01-31"})


@pytest.mark.parametrize(
    ("text", "retrains", "period"),
    [
        ("12 per year", 12, timedelta(days=365)),
        ("1 per month", 1, timedelta(days=30)),
        ("3 per quarter", 3, timedelta(days=91)),
        ("2 per week", 2, timedelta(weeks=1)),
        ("2 per 4 weeks", 2, timedelta(weeks=4)),
        ("5 per 36 hours", 5, timedelta(hours=36)),
    ],
)
def test_a_budget_reads_like_a_sentence(text: str, retrains: int, period: timedelta):
    budget = spec(retrain={"budget": text}).retrain.budget
    assert budget is not None
    assert (budget.retrains, budget.period) == (retrains, period)


def test_a_budget_can_be_spelt_out():
    budget = spec(retrain={"budget": {"retrains": 2, "period": "4 weeks"}}).retrain.budget
    assert budget == spec(retrain={"budget": "2 per 4 weeks"}).retrain.budget


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("a dozen per year", "must read like '12 per year'"),
        ("12 per yeer", "unknown period 'yeer'. Did you mean 'year'?"),
        ("0 per year", "must be >= 1"),
        ("2 per 4 weekz", "unknown unit 'weekz'. Did you mean 'weeks'?"),
        (12, "must be a mapping (got 12)"),
    ],
)
def test_a_budget_that_cannot_be_read(budget: Any, message: str):
    assert message in refused(retrain={"budget": budget})


@pytest.mark.parametrize("train", ["all_history", "since_change", "12 weeks"])
def test_a_training_window_is_all_or_a_span(train: str):
    window = spec(window={"train": train}).window.train
    assert window == (timedelta(weeks=12) if train == "12 weeks" else train)


def test_row_id_may_be_one_column_or_several():
    assert spec(row_id="shop").row_id == ("shop",)
    assert spec(row_id=["shop", "day"]).row_id == ("shop", "day")


def test_hidden_columns_are_the_target_and_the_leaks():
    assert spec(leak_columns=["refunded"]).hidden_columns == ("sold", "refunded")


@pytest.mark.parametrize(
    ("group", "values", "message"),
    [
        ("drift", {"smoothing": 0}, "drift.smoothing: must be >= 1e-100 (got 0)"),
        ("drift", {"smoothing": 1e-320}, "drift.smoothing: must be >= 1e-100"),
        ("drift", {"smoothing": 1e308}, "drift.smoothing: must be <= 1e+100"),
        ("drift", {"bins": 1}, "drift.bins: must be >= 2 (got 1)"),
        ("drift", {"bins": 300}, "drift.bins: must be <= 256 (got 300)"),
        ("drift", {"false_alarms_per_year": 0}, "drift.false_alarms_per_year: must be > 0 (got 0)"),
        ("drift", {"distance": "psii"}, "drift.distance: must be one of jensen_shannon, hellinger"),
        ("drift", {"columns_share": 0}, "drift.columns_share: must be > 0"),
        ("drift", {"rearm_growth": 1}, "drift.rearm_growth: must be > 1"),
        ("reserve", {"share": 1}, "reserve.share: must be < 1"),
        ("reserve", {"share": 0}, "reserve.share: must be > 0"),
        ("quarantine", {"tolerance": 1.5}, "quarantine.tolerance: must be <= 1"),
        ("window", {"holdout_batches": 0}, "window.holdout_batches: must be >= 1"),
        ("promote", {"confidence": 0.5}, "promote.confidence: must be > 0.5"),
        ("promote", {"margin": -0.1}, "promote.margin: must be >= 0"),
        ("freshness", {"champion": "30 seconds"}, "at least '60 seconds'"),
        ("freshness", {"model_age": "0 days"}, "at least '60 seconds'"),
        ("retrain", {"max_attempts": 0}, "retrain.max_attempts: must be >= 1"),
        ("features", {"impute": "mode"}, "features.impute: must be one of median, mean, none (got 'mode')"),
        ("features", {"scale": "maybe"}, "features.scale: must be true or false (got 'maybe')"),
    ],
)
def test_limits_are_said_with_what_was_got(group: str, values: dict[str, Any], message: str):
    assert message in refused(**{group: values})


def test_the_declaration_round_trips_through_json():
    declared = spec(freshness={"model_age": "12 weeks"}, retrain={"budget": "12 per year"}, row_id="shop")
    assert ModelSpec.model_validate(declared.model_dump(mode="json", by_alias=True)) == declared


def test_the_json_schema_speaks_the_words_of_the_yaml():
    properties = ModelSpec.model_json_schema(by_alias=True)["properties"]
    assert {"schema", "event_time", "estimator"} <= set(properties)
    assert "schema_" not in properties


class TestHashes:
    @pytest.mark.parametrize(
        "change",
        [
            {"estimator": {"class": "sklearn.linear_model.Ridge"}},
            {"estimator": {"class": "sklearn.linear_model.LogisticRegression", "params": {"C": 2}}},
            {"estimator": {"class": "sklearn.linear_model.LogisticRegression", "seed": 1}},
            {"features": {"scale": True}},
            {"target": {"column": "sold", "label_delay": "1 day"}},
            {"window": {"train": "4 weeks"}},
            {"leak_columns": ["refunded"]},
            {"reserve": {"share": 0.3}},
            {"metric": "brier"},
            {"row_id": "shop"},
            {"schema": {"day": {"type": "datetime"}, "price": {"type": "float", "min": 0}}},
        ],
    )
    def test_what_makes_another_model_changes_the_training_hash(self, change: dict[str, Any]):
        assert spec(**change).training_hash() != spec().training_hash()
        assert spec(**change).spec_hash() != spec().spec_hash()

    @pytest.mark.parametrize(
        "change",
        [
            {"owners": ["team:sales"]},
            {"description": "how much we sell"},
            {"retrain": {"cooldown": "1 week"}},
            {"promote": {"margin": 0.1}},
            {"drift": {"bins": 10}},
            {"freshness": {"champion": "30 days"}},
            {"report_metrics": ["accuracy"]},
            {"quarantine": {"tolerance": 0.5}},
        ],
    )
    def test_what_does_not_leaves_it(self, change: dict[str, Any]):
        assert spec(**change).training_hash() == spec().training_hash()
        assert spec(**change).spec_hash() != spec().spec_hash()

    def test_two_ways_of_writing_it_are_one_declaration(self):
        assert spec(window={"train": "14 days"}).spec_hash() == spec(window={"train": "2 weeks"}).spec_hash()
        assert spec(row_id="shop").spec_hash() == spec(row_id=["shop"]).spec_hash()
