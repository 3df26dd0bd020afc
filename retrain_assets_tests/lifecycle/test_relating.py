"""`window.train: since_change`: what is trained on begins where the relation turned, in production as in a replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest

from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.relating import batch_relations
from retrain_assets.lifecycle.training_window import plan_window
from retrain_assets.replay.declared_model import stream_of_model
from retrain_assets.spec import WindowSpec
from retrain_assets_tests.lifecycle.world import World, rows_of

TURNS, DAYS = 6, 12


def asked(world: World, day: int, least: int, train: Literal["since_change", "all_history"] = "since_change"):
    """The window of a day, where so many rows are the least."""
    window = WindowSpec(train=train, min_rows=least, holdout_batches=3)
    model = DeclaredModel(spec=world.model.spec.model_copy(update={"window": window}), root=world.root)
    return plan_window(world.stores, model, world.batch(day), as_of=world.batch(day).end)


@pytest.mark.covers("window.train", "window.min_rows")
def test_a_window_since_the_change_begins_where_the_relation_turned(worlds: Callable[..., World]):
    """There is no champion, and nothing is trained: so many rows never come."""
    world = worlds("turned", window={"train": "since_change", "min_rows": 10**6, "holdout_batches": 3})
    for day in range(DAYS):
        world.drop(day, flip=day >= TURNS)
    world.play()
    last = DAYS - 1
    assert asked(world, last, 10, "all_history").batches[0].key == world.batch(0).key
    window = asked(world, last, 10)
    assert window.batches[0].key == world.batch(TURNS).key
    assert [batch.key for batch in window.holdout] == [world.batch(day).key for day in range(last - 3, last)]
    assert asked(world, last, window.rows + 1).batches[0].key == world.batch(TURNS - 1).key
    # A replay of the same history trains on the same batches.
    stream = stream_of_model(world.stores, world.model)
    stream = replace(
        stream, spec=stream.spec.model_copy(update={"window": WindowSpec(train="since_change", min_rows=10)})
    )
    begins = [stream.keys[stream.first_trained(day)] for day in range(last)]
    assert begins == [asked(world, day + 1, 10).batches[0].key for day in range(last)]
    assert {world.batch(0).key, world.batch(TURNS).key} <= set(begins)


def test_relations_are_kept_only_where_a_window_asks_for_them(world: World):
    day = world.batch(0)
    rows = rows_of(day).assign(ra_row_id=lambda made: made["id"].astype(str), ra_reserved=lambda made: made["id"] < 80)
    labels = rows[["ra_row_id", "y"]].rename(columns={"y": "label"})
    rows = rows.drop(columns=["y", "outcome_code"])
    assert batch_relations(world.model, rows, labels) == {}
    spec = world.model.spec.model_copy(update={"window": WindowSpec(train="since_change")})
    kept = batch_relations(DeclaredModel(spec=spec, root=world.root), rows, labels)
    assert set(kept) == {"1", "1 ~ x", "1 ~ z", "1 ~ kind=a", "1 ~ kind=b"}
    assert kept == batch_relations(
        DeclaredModel(spec=spec, root=world.root), rows.assign(x=rows["x"].where(~rows["ra_reserved"], 9.0)), labels
    )
