"""A slice that turns round while the whole hardly moves is found, named, and retrained for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.tables import table_problems
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.history import performance_table, served_losses
from retrain_assets.lifecycle.measure import measure
from retrain_assets.lifecycle.slicing import slice_excess, slice_history
from retrain_assets.performance.report import BatchPerformance, of_whole_batches
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


def test_each_slice_has_its_metrics_with_intervals_beside_the_whole(worlds: Callable[..., World]):
    world = worlds("slices", retrain={"when": "event", "slices": ["kind"]}, report_metrics=["accuracy"])
    plain = worlds("plain", retrain={"when": "event"}, report_metrics=["accuracy"])
    for each in (world, plain):
        for day in range(5):
            each.drop(day, rows(each, day))
        each.play()
    key = world.batch(3).key
    stored = world.stores.tables.read("tiny/performance", [key])
    assert table_problems("performance", stored) == ()
    slices = stored[stored["slice"] != ""]
    assert set(zip(slices["slice"], slices["metric"], strict=True)) == {
        (name, metric) for name in ("kind=a", "kind=b") for metric in ("log_loss", "accuracy")
    }
    assert (slices["lower"] < slices["value"]).all()
    assert (slices["value"] < slices["upper"]).all()
    whole = stored[(stored["slice"] == "") & (stored["metric"] == "log_loss")].iloc[0]
    losses = slices[slices["metric"] == "log_loss"]
    assert losses["rows"].sum() == whole["rows"] == 400
    assert np.average(losses["value"], weights=losses["rows"]) == pytest.approx(whole["value"])
    # What reads the whole reads nothing of them.
    losses_of = [
        served_losses(performance_table(each.stores, each.model), each.model, as_of=each.batch(4).end)
        for each in (world, plain)
    ]
    assert losses_of[0] == losses_of[1]
    assert len(losses_of[0]) > 0


def test_a_batch_that_was_measured_without_slices_goes_on_being_read(
    worlds: Callable[..., World], monkeypatch: pytest.MonkeyPatch
):
    """What an earlier version stored has no such column; the same labels once more add the slices, and those once."""
    world = worlds("older", retrain={"when": "event", "slices": ["kind"]})
    for day in range(5):
        world.drop(day, rows(world, day))
    world.play()
    batch, as_of = world.batch(3), world.batch(4).end
    before = performance_table(world.stores, world.model)
    older = of_whole_batches(world.stores.tables.read("tiny/performance", [batch.key]))
    world.stores.tables.write("tiny/performance", batch.key, older.drop(columns=["slice", "ra_batch"]), run_id="older")
    assert "slice" not in world.stores.tables.read("tiny/performance", [batch.key])
    assert len(performance_table(world.stores, world.model)) == len(before)
    assert BatchPerformance.from_frame(older.drop(columns="slice"), model="tiny", batch=batch.key)[0].slices == ()
    made = []
    for run in ("again", "and again"):
        measure(world.stores, world.model, batch, as_of=as_of, now=world.now, run_id=run)
        made.append(world.stores.tables.read("tiny/performance", [batch.key]))
        assert table_problems("performance", made[-1]) == ()
    assert sorted(made[0]["slice"]) == ["", "", "", "kind=a", "kind=b"]
    pd.testing.assert_frame_equal(made[0], made[1])
    (read,) = BatchPerformance.from_frame(made[1], model="tiny", batch=batch.key)
    assert [(part.name, len(part.metrics)) for part in read.slices] == [("kind=a", 1), ("kind=b", 1)]
    assert {metric.metric for metric in read.metrics} == {"log_loss", "expected_log_loss", "estimated_log_loss"}
    left = []
    for most in (2, 1):
        monkeypatch.setattr("retrain_assets.performance.slice_metrics.MOST_SLICES", most)
        left.append(measure(world.stores, world.model, batch, as_of=as_of, now=world.now, run_id="x").slices_left_out)
    assert left == [{}, {"kind": 1}]


def test_a_column_that_was_declared_since_is_missing_in_rows_of_before(worlds: Callable[..., World]):
    """Labels of an older batch may come before the first batch that brings the column."""
    world = worlds("newer", retrain={"when": "event"})
    for day in range(5):
        world.drop(day, rows(world, day))
    world.play()
    schema = declaration()["schema"] | {"region": {"type": "category", "nullable": True}}
    spec = ModelSpec.model_validate(declaration(schema=schema, retrain={"when": "event", "slices": ["region"]}))
    newer = DeclaredModel(spec=spec, root=world.root)
    made = measure(
        world.stores, newer, world.batch(3), as_of=world.batch(4).end, now=world.now, run_id="measured since"
    )  # fmt: skip
    assert made.performances
    assert {metric.rows for part in made.performances for metric in part.metrics if metric.metric == "log_loss"} == {
        400
    }


def test_what_cannot_be_a_slice_is_a_mistake():
    with pytest.raises(ValueError, match=r"names slice_decay: retrain\.slices must be set"):
        ModelSpec.model_validate(declaration(retrain={"when": "slice_decay"}))
    with pytest.raises(ValueError, match="must be a column of the schema"):
        ModelSpec.model_validate(declaration(retrain={"when": "event", "slices": ["knid"]}))
