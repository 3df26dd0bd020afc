"""A slice that turns round while the whole hardly moves is found, named, and retrained for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from retrain_assets.lifecycle.slicing import slice_history
from retrain_assets.spec import ModelSpec
from retrain_assets_tests.lifecycle.world import World, declaration, rows_of

DAYS, TURNS = 9, 7


def rows(world: World, day: int):
    """One row in ten is of kind b; from a day on `y` depends on `x` the other way round for those alone."""
    rng = np.random.default_rng(day)
    batch = world.batch(day)
    usual, turned = rows_of(batch, seed=day), rows_of(batch, seed=day, flip=day >= TURNS)
    rare = rng.random(len(usual)) < 0.1
    return usual.assign(kind=np.where(rare, "b", "a"), y=np.where(rare, turned["y"], usual["y"]))


@pytest.mark.covers("retrain.slices")
def test_a_rare_slice_that_turns_round_is_told_apart_from_the_whole(worlds: Callable[..., World]):
    decay = {"batches": 1}
    for name, slices, when in (
        ("watched", ("kind",), "slice_decay | performance_decay"),
        ("not", (), "performance_decay"),
    ):
        world = worlds(name, retrain={"when": when, "slices": slices, "decay": decay})
        for day in range(DAYS):
            world.drop(day, rows(world, day))
        world.play()
        made = next(each for each in world.stores.state.decisions("tiny") if each.batch == world.batch(TURNS + 1).key)
        if slices:
            assert (made.verdict, made.fired) == ("retrain", ("slice_decay",))
            assert "kind=b by" in made.reason
            told = slice_history(world.stores, world.model, batch=world.batch(DAYS - 1))
            assert [set(each) for each in told] == [{"kind=a", "kind=b"}] * len(told)
            assert told[-1]["kind=b"] > 1
            assert max(each["kind=b"] for each in told[:-1]) < 0.2
        else:
            assert made.verdict == "wait"
            assert slice_history(world.stores, world.model, batch=world.batch(DAYS - 1)) == ()


def test_what_cannot_be_a_slice_is_a_mistake():
    with pytest.raises(ValueError, match=r"names slice_decay: retrain\.slices must be set"):
        ModelSpec.model_validate(declaration(retrain={"when": "slice_decay"}))
    with pytest.raises(ValueError, match="must be a column of the schema"):
        ModelSpec.model_validate(declaration(retrain={"when": "event", "slices": ["knid"]}))
