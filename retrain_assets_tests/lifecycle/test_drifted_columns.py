"""Columns that drifted are kept with the decision and drawn, be they enough for the table or not."""

from __future__ import annotations

from pathlib import Path

from retrain_assets import lifecycle
from retrain_assets_tests.lifecycle.champions import copied
from retrain_assets_tests.lifecycle.world import World, rows_of


def test_a_column_that_drifts_alone_stands_in_the_decision(three_champions: World, tmp_path: Path):
    world = copied(three_champions, tmp_path / "w", drift={"columns_share": 1.0, "outputs": []})
    rows = rows_of(world.batch(4))
    world.drop(4, rows.assign(x=rows["x"] + 20))
    world.play()
    decision = world.stores.state.decisions("tiny")[-1]
    drift = next(trigger for trigger in decision.triggers if trigger.name == "drift")
    assert (decision.batch, drift.fired, decision.state["drifted"]) == (world.batch(4).key, False, ["x"])


def test_a_column_that_drifts_alone_is_drawn_and_a_batch_like_the_others_is_not(three_champions: World, tmp_path: Path):
    world = copied(three_champions, tmp_path / "w", drift={"columns_share": 1.0, "outputs": []})
    rows = rows_of(world.batch(5))
    world.drop(4)
    world.drop(5, rows.assign(x=rows["x"] + 20))
    world.play()
    alike, moved = (
        lifecycle.detect(world.stores, world.model, world.batch(day), now=world.now, run_id="again") for day in (4, 5)
    )
    assert (alike.report.verdict, alike.report.drifted, alike.figure) == ("stable", (), None)
    assert (moved.report.verdict, "x" in moved.report.drifted) == ("stable", True)
    assert (moved.figure or b"").startswith(b"\x89PNG")
