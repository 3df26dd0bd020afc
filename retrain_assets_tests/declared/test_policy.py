"""Each field of `retrain`, `freshness` and `window.min_rows` changes a decision."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.decide import decide
from retrain_assets.policy.triggers import evaluate_triggers
from retrain_assets_tests.policy.conftest import START, matured


def fired(context: DecisionContext, trigger: str) -> bool | None:
    return next(state for state in evaluate_triggers(context) if state.name == trigger).fired


@pytest.mark.covers("retrain.when")
def test_only_the_declared_triggers_retrain(facts: Any):
    for when, verdict in (("event", "retrain"), ("drift", "wait"), ("event & drift", "wait"), ("~drift", "retrain")):
        assert decide(facts(retrain={"when": when}, events=("a new price list",))).verdict == verdict


@pytest.mark.covers("retrain.cooldown")
def test_the_cooldown_binds(facts: Any):
    last = START + timedelta(weeks=9)
    for cooldown, verdict in (("1 week", "retrain"), ("4 weeks", "wait")):
        made = decide(facts(retrain={"when": "event", "cooldown": cooldown}, events=("x",), retrains=(last,)))
        assert made.verdict == verdict


@pytest.mark.covers("retrain.budget.retrains", "retrain.budget.period")
def test_the_budget_binds(facts: Any):
    made = tuple(START + timedelta(weeks=week) for week in (6, 8))
    for budget, verdict in (("3 per year", "retrain"), ("2 per year", "wait"), ("2 per 4 weeks", "retrain")):
        context = facts(retrain={"when": "event", "budget": budget}, events=("x",), retrains=made)
        assert decide(context).verdict == verdict


@pytest.mark.covers("retrain.min_new_labels")
def test_so_many_labels_are_new(facts: Any):
    for needed, fires in ((50, True), (1000, False)):
        context = facts(retrain={"when": "new_labels", "min_new_labels": needed}, new_labels=100)
        assert fired(context, "new_labels") is fires


@pytest.mark.covers("retrain.min_new_share")
def test_so_large_a_share_of_the_labels_is_new(facts: Any):
    for share, fires in ((0.0, True), (0.25, True), (0.26, False)):
        retrain = {"when": "new_labels", "min_new_labels": 50, "min_new_share": share}
        for labels, enough in ((100, fires), (40, False)):
            context = facts(retrain=retrain, new_labels=labels, trained_rows=400, losses=())
            assert fired(context, "new_labels") is enough


@pytest.mark.covers("retrain.schedule")
def test_the_schedule_comes_due_in_the_window(facts: Any):
    """Week 10 begins on 2013-03-12."""
    for schedule, fires in (("0 6 13 3 *", True), ("0 6 1 4 *", False)):
        assert fired(facts(retrain={"when": "schedule", "schedule": schedule}), "schedule") is fires


@pytest.mark.covers("freshness.model_age")
def test_a_model_grows_too_old(facts: Any):
    for age, fires in (("3 weeks", True), ("20 weeks", False)):
        assert fired(facts(freshness={"model_age": age}), "model_age") is fires


@pytest.mark.covers("retrain.decay.batches")
def test_decay_looks_at_the_newest_batches(facts: Any):
    recovered = matured([0.6, 0.6, 0.6, 0.5])
    for batches, fires in ((1, False), (4, True)):
        context = facts(retrain={"when": "performance_decay", "decay": {"batches": batches}}, losses=recovered)
        assert fired(context, "performance_decay") is fires


@pytest.mark.covers("retrain.decay.standard_errors")
def test_decay_must_exceed_the_noise(facts: Any):
    noisy = tuple(
        BatchLoss(batch=f"2013-02-0{number + 1}", value=0.53, standard_error=0.02, rows=500) for number in range(3)
    )
    for errors, fires in ((1.0, True), (5.0, False)):
        decay = {"standard_errors": errors, "floor": 0.0}
        context = facts(
            retrain={"when": "performance_decay", "decay": decay},
            losses=noisy,
            holdout=HoldoutLoss(value=0.5, standard_error=0.001),
        )
        assert fired(context, "performance_decay") is fires


@pytest.mark.covers("retrain.decay.floor")
def test_decay_must_exceed_the_floor(facts: Any):
    for floor, fires in ((0.02, True), (0.2, False)):
        context = facts(
            retrain={"when": "performance_decay", "decay": {"floor": floor}}, losses=matured([0.53, 0.53, 0.53])
        )
        assert fired(context, "performance_decay") is fires


@pytest.mark.covers("window.min_rows")
def test_the_first_model_waits_for_enough_rows(facts: Any):
    for needed, verdict in ((500, "retrain"), (20_000, "wait")):
        assert decide(facts(window={"min_rows": needed}, champion=None, labelled_rows=10_000)).verdict == verdict


@pytest.mark.covers("retrain.confirm.times", "retrain.confirm.of")
def test_a_condition_must_be_confirmed(facts: Any):
    for confirm, before, verdict in (
        ("1 of 1", (), "retrain"),
        ("2 of 2", (), "wait"),
        ("2 of 2", (True,), "retrain"),
        ("2 of 2", (True, False), "wait"),
        ("2 of 3", (True, False), "retrain"),
        ("3 of 3", (True, False, True), "wait"),
    ):
        context = facts(retrain={"when": "event", "confirm": confirm}, events=("x",), wanted_before=before)
        assert decide(context).verdict == verdict, (confirm, before)
    made = decide(facts(retrain={"when": "event", "confirm": "2 of 2"}, persons=("now",)))
    assert made.verdict == "retrain"
