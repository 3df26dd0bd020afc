"""The cost-aware policy on real stores: what it learned is stored with the decision."""

from collections.abc import Callable

import pytest

from retrain_assets_tests.lifecycle.world import World


def test_a_world_that_turns_round_is_answered_by_staleness_alone(worlds: Callable[..., World]):
    world = worlds("stale", retrain={"when": "staleness"})
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
