"""A budget of several models: what the others used counts, and the last of it is kept for who matters more."""

from datetime import timedelta

import pytest

from retrain_assets.policy.decide import decide
from retrain_assets.policy.limits import binding_limits, shared_budget
from retrain_assets.policy.shared_budget import Draw, SharedUse
from retrain_assets.spec.budgets import unequal_budgets
from retrain_assets_tests.policy.conftest import START

AS_OF = START + timedelta(weeks=11)


def draw(model, standing, *, weeks=0.0, priority=0):
    return Draw(model=model, as_of=AS_OF + timedelta(weeks=weeks), priority=priority, standing=standing)


@pytest.fixture
def asked(facts):
    def build(*draws, budget="2 per week", priority=1, name="gpu", **parts):
        retrain = {"when": "event", "shared_budget": {"name": name, "budget": budget}, "priority": priority}
        return facts(retrain=retrain, events=("x",), shared=SharedUse(draws=draws), **parts)

    return build


@pytest.mark.covers(
    "retrain.shared_budget.name", "retrain.shared_budget.budget.retrains", "retrain.shared_budget.budget.period"
)
def test_what_other_models_used_counts_within_a_period_on_either_side(asked):
    used = draw("a", "retrain", weeks=-0.5), draw("b", "retrain", weeks=0.5)
    made = decide(asked(*used, name="gpu"))
    assert made.verdict == "wait"
    assert "shared budget 'gpu': 2 retrains of a, b within 1 week, 2 allowed together" in made.reason
    assert decide(asked(*used, budget="3 per week")).verdict == "retrain"
    assert decide(asked(*used, budget="2 per day")).verdict == "retrain"
    assert "shared budget 'cpu'" in decide(asked(*used, name="cpu")).reason
    others = draw("a", "waits"), draw("b", "idle"), draw("c", "retrain", weeks=-1)
    assert decide(asked(*others)).verdict == "retrain"


@pytest.mark.covers("retrain.priority")
def test_the_last_of_it_is_kept_for_a_model_of_a_higher_priority_that_waits(asked):
    waiting = draw("a", "retrain"), draw("b", "waits", priority=2)
    bound = shared_budget(asked(*waiting, priority=1))
    assert bound is not None
    assert bound.reason == "shared budget 'gpu': 1 left, kept for b (priority 2): the priority here is 1"
    for priority in (2, 3):
        assert shared_budget(asked(*waiting, priority=priority)) is None
    # One more is left than wait; or who waited has since retrained or asks no more.
    assert shared_budget(asked(*waiting, budget="3 per week")) is None
    for since in ("idle", "retrain"):
        left = (draw("b", "waits", priority=2), draw("b", since, priority=2))
        assert shared_budget(asked(*left, budget="2 per week")) is None
    # Whoever stopped deciding waits no longer than a period.
    assert shared_budget(asked(draw("a", "retrain"), draw("b", "waits", weeks=-1, priority=2))) is None


def test_a_person_is_bound_and_a_first_model_is_free(asked):
    used = draw("a", "retrain"), draw("b", "retrain")
    assert decide(asked(*used, persons=("now",))).verdict == "wait"
    assert decide(asked(*used, champion=None)).verdict == "retrain"


def test_without_a_shared_budget_nobody_elses_retrain_binds(facts):
    used = SharedUse(draws=(draw("a", "retrain"),) * 9)
    assert [limit.name for limit in binding_limits(facts(retrain={"when": "event"}, shared=used))] == []


def test_a_budget_must_be_the_same_at_all_of_its_models(declare):
    def sharing(name, budget, pool="gpu"):
        return declare(name=name, retrain={"shared_budget": {"name": pool, "budget": budget}})

    same = [sharing("a", "2 per week"), sharing("b", "2 per 7 days"), sharing("c", "9 per day", "cpu")]
    assert list(unequal_budgets(same)) == []
    ((spec, message),) = unequal_budgets([*same, sharing("d", "3 per week")])
    assert spec.name == "d"
    assert message.endswith("share 'gpu' (got 3 per 1 week; 'a' declares 2 per 1 week)")
