"""Quiet hours, spend and what they must not say."""

from datetime import UTC, datetime, time, timedelta

import pytest
import yaml
from pydantic import ValidationError

from retrain_assets.spec import ModelSpec, RetrainSpec
from retrain_assets.spec.manners import QuietHoursSpec
from retrain_assets_tests.lifecycle.world import declaration


@pytest.mark.parametrize(
    ("text", "hour", "quiet"),
    [("22:00-06:00", 23, True), ("22:00-06:00", 5, True), ("22:00-06:00", 6, False), ("22:00-06:00", 12, False),
     ("9:00-17:30", 9, True), ("9:00-17:30", 18, False), ("9:00-17:30", 8, False)],
)  # fmt: skip
def test_quiet_hours_may_go_over_midnight(text, hour, quiet):
    hours = RetrainSpec.model_validate({"quiet_hours": text}).quiet_hours
    assert hours is not None
    assert hours.hold(datetime(2024, 5, 1, hour, tzinfo=UTC)) is quiet


@pytest.mark.parametrize("text", ["22-6", "25:00-06:00", "06:00-06:00", "nights"])
def test_hours_that_cannot_be_are_refused(text):
    with pytest.raises(ValidationError, match="must"):
        RetrainSpec.model_validate({"quiet_hours": text})


def test_quiet_hours_written_out_are_the_same():
    written = QuietHoursSpec(begin=time(22), end=time(6))
    assert RetrainSpec.model_validate({"quiet_hours": "22:00-06:00"}).quiet_hours == written


@pytest.mark.parametrize(
    ("begin", "said"), [("22:00", "in quotes"), ("22:00:00", "in quotes"), ("'22:00Z'", "must have no zone")]
)
def test_hours_that_yaml_reads_as_numbers_are_refused(begin, said):
    """22:00 without quotes is 1320 to YAML, which was taken for seconds."""
    written = yaml.safe_load(f"quiet_hours: {{begin: {begin}, end: 06:00}}")
    with pytest.raises(ValidationError, match=said):
        RetrainSpec.model_validate(written)


def test_spend_reads_units_and_periods():
    spend = RetrainSpec.model_validate({"spend": "2 cpu hours per month"}).spend
    assert spend is not None
    assert (spend.limit, spend.unit, spend.period) == (7200, "cpu_seconds", timedelta(days=30))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2 cpu hour a month", "must read like"),
        ("2 gpu hours per month", "must read like"),
        ("2 cpu ours per month", "Did you mean 'cpu hour'"),
        ("2 cpu hours per monht", "Did you mean 'month'"),
        ("0 money per year", "greater than 0"),
        ("2 cpu hours per 0 weeks", "must be longer than no time at all"),
    ],
)
def test_a_spend_that_cannot_be_read_is_told(text, said):
    with pytest.raises(ValidationError) as caught:
        RetrainSpec.model_validate({"spend": text})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("retrain", "said"),
    [({"spend": "9 money per year"}, "unit_loss must be set"),
     ({"spend": "9 money per year", "cost": {"retrain": 10, "unit_loss": 1}}, "never suffices for one retrain")],
)  # fmt: skip
def test_money_that_could_never_be_spent_is_a_mistake(retrain, said):
    with pytest.raises(ValidationError) as caught:
        ModelSpec.model_validate(declaration(retrain=retrain))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("retrain", "said"),
    [
        ({"budget": "1 per 0 weeks"}, "must be longer than no time at all"),
        ({"shared_budget": {"name": "gpu", "budget": "1 per 0 days"}}, "must be longer than no time at all"),
        ({"cost": {"retrain": float("inf")}}, "finite number"),
        ({"decay": {"floor": float("inf")}}, "finite number"),
        ({"hold_beyond": float("nan")}, "finite number"),
    ],
)
def test_what_would_never_bind_or_never_fire_is_refused(retrain, said):
    with pytest.raises(ValidationError, match=said):
        RetrainSpec.model_validate(retrain)
