"""A model of classes lives on through batches of which few labels come, or none, or all of one class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from retrain_assets_tests.lifecycle.world import make_world, rows_of


def test_batches_that_no_champion_scored_and_batches_without_labels(tmp_path: Path) -> None:
    """Nothing but the classes tells then how many probabilities a row would have."""
    world = make_world(tmp_path)
    for day in range(6):
        rows = rows_of(world.batch(day))
        rows["y"] = pd.cut(rows["x"], [-np.inf, -0.5, 0.5, np.inf], labels=["low", "mid", "high"]).astype("object")
        # Of day 1 too few labels come for the first champion to score it in hindsight; of day 3 none.
        rows.loc[{1: rows.index[:200], 3: rows.index}.get(day, rows.index[:0]), "y"] = None
        world.drop(day, rows)
    world.play()
    assert not [step for step in world.stores.state.steps("tiny") if step.outcome == "failed"]
    assert {step.batch for step in world.stores.state.steps("tiny") if step.job == "watch"} >= {world.batch(5).key}
    scored = world.stores.tables.read("tiny/predictions")
    assert scored.groupby("ra_batch").size().to_dict() == {world.batch(day).key: 400 for day in (2, 3, 4, 5)}


def test_days_of_one_class_refuse_the_retrain_and_fail_nothing(tmp_path: Path) -> None:
    """Rare outcomes may begin so."""
    world = make_world(tmp_path)
    for day in range(4):
        rows = rows_of(world.batch(day))
        world.drop(day, rows.assign(y=0) if day < 2 else rows)
    world.play()
    steps = [step for step in world.stores.state.steps("tiny") if step.job == "retrain"]
    assert [(step.batch, step.outcome) for step in steps] == [
        (world.batch(1).key, "refused"),
        (world.batch(2).key, "refused"),
        (world.batch(3).key, "done"),
    ]
    assert steps[0].detail["reason"].startswith("all 315 labelled training rows are of one class, and a classifier")
