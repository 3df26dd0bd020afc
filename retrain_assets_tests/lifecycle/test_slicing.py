"""A slice that turns round while the whole hardly moves is found, named, and retrained for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.slicing import slice_excess, slice_history
from retrain_assets.replay.declared_model import first_trainable, stream_of_model
from retrain_assets.replay.run import ReplaySettings, replay
from retrain_assets.spec import ModelSpec
from retrain_assets_tests.lifecycle.world import World, declaration, rows_of

DAYS, TURNS = 11, 7


def rows(world: World, day: int):
    """One row in ten is of kind b; from a day on `y` depends on `x` the other way round for those alone."""
    rng = np.random.default_rng(day)
    batch = world.batch(day)
    usual, turned = rows_of(batch, seed=day), rows_of(batch, seed=day, flip=day >= TURNS)
    rare = rng.random(len(usual)) < 0.1
    return usual.assign(kind=np.where(rare, "b", "a"), y=np.where(rare, turned["y"], usual["y"]))


@pytest.mark.covers("retrain.slices")
def test_a_rare_slice_that_turns_round_is_told_apart_from_the_whole(worlds: Callable[..., World], tmp_path: Path):
    decay = {"batches": 1}
    watched = {"when": "slice_decay | performance_decay", "slices": ["kind"], "decay": decay}
    world = worlds("watched", retrain=watched)
    for day in range(DAYS):
        world.drop(day, rows(world, day))
    world.play()
    made = next(each for each in world.stores.state.decisions("tiny") if each.batch == world.batch(TURNS + 1).key)
    # The whole looks well: `performance_decay` does not fire.
    assert (made.verdict, made.fired) == ("retrain", ("slice_decay",))
    assert "kind=b by" in made.reason
    told = slice_history(world.stores, world.model, batch=world.batch(DAYS - 1))
    assert [set(each) for each in told] == [{"kind=a", "kind=b"}] * len(told)
    served = [each["kind=b"] for each in told]
    assert max(served[: TURNS - DAYS + 1]) < 0.2
    assert served[TURNS - DAYS + 1] > 1
    # A replay of the declaration retrains for the same slice.
    stream = stream_of_model(world.stores, world.model)
    settings = ReplaySettings(policies=["declared"], first=first_trainable(stream))
    report = replay(stream, settings, tmp_path / "scores", workers=1)
    live = [each.batch for each in world.stores.state.decisions("tiny") if each.verdict == "retrain"]
    assert [stream.keys[k] for k in report.outcomes[0].retrains] == [k for k in live[1:] if k in stream.keys[:-1]]
    # Where no slice is declared, none is kept.
    bare = ModelSpec.model_validate(declaration(retrain={"when": "performance_decay", "decay": decay}))
    key = [world.batch(8).key]
    validated, scores = (world.stores.tables.read(f"tiny/{table}", key) for table in ("validated", "predictions"))
    labels = world.stores.tables.read("tiny/labels", key)
    kept = [
        slice_excess(world.stores, DeclaredModel(spec=spec, root=world.root), validated, scores, labels)
        for spec in (world.model.spec, bare)
    ]
    assert (set(kept[0]), kept[1]) == ({"kind=a", "kind=b"}, {})


def test_what_cannot_be_a_slice_is_a_mistake():
    with pytest.raises(ValueError, match=r"names slice_decay: retrain\.slices must be set"):
        ModelSpec.model_validate(declaration(retrain={"when": "slice_decay"}))
    with pytest.raises(ValueError, match="must be a column of the schema"):
        ModelSpec.model_validate(declaration(retrain={"when": "event", "slices": ["knid"]}))
