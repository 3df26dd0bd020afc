"""Rows for a declared power: more batches than the holdout judge where that takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrain_assets.lifecycle.history import holdout_of
from retrain_assets.lifecycle.promote import read_evaluation
from retrain_assets.lifecycle.training_window import stored_training_sets
from retrain_assets_tests.lifecycle.champions import copied
from retrain_assets_tests.lifecycle.world import World

REQUIRE = "not_worse_than_champion & beats_baseline & has_enough_rows"


def judged(made: World, root: Path, detectable: float, require: str = REQUIRE) -> World:
    promote = {"min_rows": 50, "require": require, "limits": {"detectable": detectable}}
    world = copied(made, root, promote=promote, window={"min_rows": 200, "holdout_batches": 2})
    world.drop(4)
    world.play()
    return world


@pytest.mark.covers("promote.limits.detectable")
def test_as_many_batches_judge_as_the_declared_power_asks_for(three_champions: World, tmp_path: Path):
    usual = judged(three_champions, tmp_path / "usual", 1.0)
    unreachable = judged(three_champions, tmp_path / "unreachable", 1e-6)
    batch = usual.batch(4)
    few, many = (read_evaluation(world.stores, world.model, batch, 1) for world in (usual, unreachable))
    frozen = stored_training_sets(usual.stores, usual.model)[-1]
    assert few.batches == frozen.holdout_batches == frozen.batches[-2:]
    assert many.batches == frozen.batches
    assert len(many.batches) == 4
    assert many.rows == frozen.reserved_rows > few.rows

    promoted = usual.stores.state.promotions("tiny")[-1]
    assert promoted.version == 4
    assert unreachable.stores.state.promotions("tiny")[-1].version == 3, "too few rows are unknown: nobody is promoted"
    steps = unreachable.stores.state.steps("tiny", batch.key)
    reason = next(str(step.detail["reason"]) for step in steps if step.job == "retrain")
    assert reason.startswith("unknown: not_worse_than_champion: too few rows for the declared power")
    assert f"has_enough_rows: {many.rows:,} rows of 4 batches show" in reason
    assert "which takes about" in reason

    held = {measure.name: measure.value for measure in many.measures if measure.kind == "holdout"}
    judging = holdout_of(promoted)
    assert judging is not None
    assert held["log_loss"] == judging.value, "decay is told against the newest batches, however many judged"
    assert held["standard_error"] == pytest.approx(judging.standard_error)


def test_where_a_candidate_must_be_proven_older_batches_judge_too(three_champions: World, tmp_path: Path):
    """Up to eight, of which there are four here; no power is asked for, and none is told."""
    world = judged(three_champions, tmp_path / "w", 1.0, require="better_than_champion")
    report = read_evaluation(world.stores, world.model, world.batch(4), 1)
    frozen = stored_training_sets(world.stores, world.model)[-1]
    assert (report.batches, report.rows, report.resampled) == (frozen.batches, frozen.reserved_rows, "rows")
    assert "rows_needed" not in {measure.name for measure in report.measures}
    steps = world.stores.state.steps("tiny", world.batch(4).key)
    reason = next(str(step.detail["reason"]) for step in steps if step.job == "retrain")
    assert "not shown better by 4 batches, of which the upper end counts what they differ by" in reason
