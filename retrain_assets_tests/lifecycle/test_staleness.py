"""The cost-aware policy on real stores: what it learned is stored with the decision."""

from collections.abc import Callable

import pytest

from retrain_assets.lifecycle.history import champion_losses, holdout_of, performance_table, served_losses
from retrain_assets.lifecycle.promote import read_evaluation
from retrain_assets.promotion.luck import owed_to_luck
from retrain_assets_tests.lifecycle.world import World


def test_a_world_that_turns_round_is_answered_by_staleness_alone(worlds: Callable[..., World]):
    world = worlds("stale", retrain={"when": "staleness"}, promote={"min_rows": 50, "margin": 0.02})
    for day in range(9):
        world.drop(day, flip=day >= 6)
    world.play()
    decisions = world.stores.state.decisions("tiny")
    answered = [made for made in decisions if made.verdict == "retrain" and made.fired == ("staleness",)]
    # Day 6 is the first that is otherwise; its labels are known at the end of day 7.
    assert answered[0].batch == world.batch(7).key
    before = next(made for made in decisions if made.batch == world.batch(6).key)
    assert before.verdict == "wait"
    learned = answered[0].state["staleness"]
    assert learned["debt"] > learned["limit"]
    assert learned["gain"] > 0.1
    assert before.state["staleness"]["debt"] == pytest.approx(0, abs=0.3)
    # The champion was picked by the newest labels: what they owe to luck is told, and taken off.
    assert learned["newest"]["value"] > learned["newest"]["needed"]
    owed = owed_to_luck(read_evaluation(world.stores, world.model, world.batch(7), answered[0].attempt).measures)
    assert owed is not None
    assert owed.reason.startswith("the champion looked bad on the newest matured batch: ")
    assert "standard errors above what a new model is expected to lose, " in owed.reason
    assert owed.reason.endswith(" of which are expected to be luck")


def test_what_the_champion_expected_of_itself_is_known_to_the_decision(worlds: Callable[..., World]):
    """Measured with the labels, recorded with the promotion: else each hard week would pass for staleness."""
    world = worlds("informed", retrain={"when": "staleness"})
    for day in range(6):
        world.drop(day)
    world.play()
    (promotion,) = world.stores.state.promotions("tiny")
    held = holdout_of(promotion)
    assert held is not None
    assert held.expected == pytest.approx(held.value, rel=0.3)
    as_of = world.batch(5).end
    own = champion_losses(world.stores, world.model, promotion, as_of=as_of)
    assert [loss.batch for loss in own] == [world.batch(day).key for day in range(1, 5)]
    assert all(loss.expected == pytest.approx(loss.value, rel=0.3) for loss in own)
    served = served_losses(performance_table(world.stores, world.model), world.model, as_of=as_of)
    assert set(served) <= set(own)
    assert len(served) >= 2
    newest = world.stores.state.decisions("tiny")[-1]
    assert newest.state["staleness"]["informed"] is True


def test_of_two_measurements_the_newest_known_by_the_cutoff_counts(worlds: Callable[..., World]):
    world = worlds("cutoff", retrain={"when": "staleness"})
    for day in range(6):
        world.drop(day)
    world.play()
    before = served_losses(performance_table(world.stores, world.model), world.model, as_of=world.batch(4).end)
    assert (
        before
        == served_losses(performance_table(world.stores, world.model), world.model, as_of=world.batch(5).end)[
            : len(before)
        ]
    )
    assert before[-1].batch == world.batch(3).key
