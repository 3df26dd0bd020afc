"""Cooldown and budget count batch time; what binds tells until when."""

from datetime import timedelta

import pytest

from retrain_assets.policy.decide import decide
from retrain_assets.policy.limits import binding_limits, budget, cooldown, newer_data
from retrain_assets_tests.policy.conftest import START

AS_OF = START + timedelta(weeks=11)


def weeks_ago(*weeks):
    return tuple(sorted(AS_OF - timedelta(weeks=week) for week in weeks))


@pytest.mark.parametrize(("ago", "bound"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_cooldown_of_two_weeks(facts, ago, bound):
    made = cooldown(facts(retrain={"cooldown": "2 weeks"}, retrains=weeks_ago(9, ago)))
    assert (made is not None) is bound
    if made is not None:
        assert made.until == AS_OF + timedelta(weeks=2 - ago)
        assert "2 weeks must pass" in made.reason


def test_no_cooldown_before_the_first_retrain(facts):
    assert cooldown(facts(retrain={"cooldown": "2 weeks"})) is None


@pytest.mark.parametrize(
    ("ago", "bound"), [((1, 2), True), ((1, 4), False), ((1, 3.9), True), ((5, 6, 7), False), ((), False)]
)
def test_a_budget_of_two_in_four_weeks(facts, ago, bound):
    made = budget(facts(retrain={"budget": "2 per 4 weeks"}, retrains=weeks_ago(*ago)))
    assert (made is not None) is bound


def test_an_overdrawn_budget_ends_when_enough_retrains_have_left_the_period(facts):
    made = budget(facts(retrain={"budget": "2 per 4 weeks"}, retrains=weeks_ago(1, 2, 3)))
    assert made is not None
    assert made.until == AS_OF + timedelta(weeks=2)
    assert "3 retrains in the last 4 weeks, 2 are allowed" in made.reason


@pytest.mark.parametrize(("newer", "bound"), [(True, False), (None, False), (False, True)])
def test_a_retrain_must_see_newer_data(facts, newer, bound):
    assert (newer_data(facts(data_is_newer=newer)) is not None) is bound


def test_all_that_binds_is_told(facts):
    made = binding_limits(
        facts(retrain={"cooldown": "2 weeks", "budget": "1 per year"}, retrains=weeks_ago(1), data_is_newer=False)
    )
    assert [limit.name for limit in made] == ["newer_data", "cooldown", "budget"]


def test_what_waits_for_confirmation_says_how_often_it_held(facts):
    made = decide(facts(retrain={"when": "event", "confirm": "3 of 4"}, events=("x",), wanted_before=(True, False)))
    assert made.verdict == "wait"
    assert "the condition held in 2 of the newest 4 decisions since the last retrain, 3 must" in made.reason
    assert made.state["wanted"] is True
    assert made.state["bound_by"] == [{"limit": "confirmation", "until": None}]


def test_an_impossible_confirmation_is_no_declaration(declare):
    for confirm, said in (("3 of 2", "at most all"), ("0 of 2", "greater than or equal to 1"), ("twice", "'2 of 3'")):
        with pytest.raises(ValueError, match=said):
            declare(retrain={"confirm": confirm})
