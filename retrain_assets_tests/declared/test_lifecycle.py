"""Fields that only show in a model's life: windows, labels, lateness, and how often a crashed retrain is tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from retrain_assets import lifecycle
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.history import settled_batches
from retrain_assets.lifecycle.ledger import record_step
from retrain_assets.lifecycle.training_window import plan_window
from retrain_assets.performance.maturity import maturity
from retrain_assets.policy.decision import Decision
from retrain_assets.spec import ModelSpec, TargetSpec
from retrain_assets.stores.tries import RESTS
from retrain_assets_tests.lifecycle.world import NOW, START, World, declaration, make_world, perform, rows_of


def declared_anew(world: World, **changes: Any) -> DeclaredModel:
    return DeclaredModel(spec=ModelSpec.model_validate(declaration(**changes)), root=world.root)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Five days that were watched and settled, without a champion."""
    world = make_world(tmp_path_factory.mktemp("settled"), window={"min_rows": 100_000})
    for day in range(6):
        world.drop(day)
    world.play()
    return world


@pytest.mark.covers("window.train", "window.holdout_batches")
def test_the_window_is_what_is_trained_on_and_judged_by(settled: World):
    last = settled.batch(5)
    for train, batches in (("all_history", 5), ("2 days", 2)):
        for holdout in (1, 3):
            model = declared_anew(settled, window={"train": train, "holdout_batches": holdout})
            window = plan_window(settled.stores, model, last, as_of=last.end)
            assert len(window.batches) == batches
            assert [batch.key for batch in window.holdout] == [settled.batch(day).key for day in range(5 - holdout, 5)]


@pytest.mark.covers("target.mature_share")
def test_so_many_rows_must_have_a_label(settled: World):
    batch = settled.batch(0)
    for share, mature in ((0.95, False), (0.5, True)):
        target = TargetSpec(column="y", mature_share=share)
        assert maturity(batch, 100, 80, batch.end, target).mature is mature


@pytest.mark.covers("target.labels")
def test_labels_can_come_from_a_source_of_their_own(tmp_path: Path):
    """With it the rows' own target column counts for nothing, and `available_at` is when a label was known."""
    labels = {"type": "files", "path": "labels/{batch}*.csv"}
    assert make_world(tmp_path).model.label_source is None
    world = make_world(tmp_path, target={"column": "y", "label_delay": "1 day", "labels": labels}, leak_columns=[])
    batch = world.batch(0)
    rows = rows_of(batch)
    world.drop(0, rows.drop(columns=["y", "outcome_code"]))
    known = (batch.end + timedelta(hours=1)).isoformat()
    (tmp_path / "labels").mkdir()
    rows[["id", "y"]].assign(available_at=known).to_csv(tmp_path / "labels" / f"{batch.key}.csv", index=False)
    world.poll()
    job = lifecycle.next_job(world.stores, world.model, now=NOW)
    assert job is not None
    assert (job.job, job.batch) == ("watch", batch.key)
    perform(world.stores, world.model, job, now=NOW, run_id="watch")
    early, late = (
        lifecycle.settle_labels(
            world.stores, world.model, batch, as_of=batch.end + timedelta(hours=hours), now=NOW, run_id=f"settle{hours}"
        ).labelled
        for hours in (0, 2)
    )
    assert (early, late) == (0, len(rows))


@pytest.mark.covers("batches.tolerance")
def test_a_batch_is_missing_when_the_tolerance_has_passed(tmp_path: Path):
    """The same moment, two tolerances: the one has passed, the other has not."""
    missing: dict[str, list[str]] = {}
    for tolerance in ("1 hour", "5 days"):
        root = tmp_path / tolerance.replace(" ", "_")
        root.mkdir()
        batches = {"every": "day", "start": "2024-01-01", "tolerance": tolerance}
        world = make_world(root, batches=batches)
        lifecycle.declare(world.stores, world.model, now=START)
        missing[tolerance] = lifecycle.note_missing(world.stores, world.model, now=START + timedelta(days=2))
    assert missing == {"1 hour": ["2024-01-01"], "5 days": []}


@pytest.mark.covers("retrain.max_attempts")
def test_a_crashed_retrain_is_tried_so_often(settled: World):
    batch = settled.batch(5)
    made = settled.stores.state.decisions("tiny")[-1]
    decision: Decision = replace(made, attempt=made.attempt + 1, verdict="retrain", reason="a test")
    settled.stores.state.record_decision(decision)
    record_step(
        settled.stores, settled.model, batch, "retrain",
        outcome="failed", cause="crash", as_of=batch.end, now=NOW, run_id="crashed",
        detail={"decision": decision.attempt},
    )  # fmt: skip
    for attempts, again in ((1, False), (2, True)):
        model = declared_anew(settled, retrain={"when": "event", "max_attempts": attempts})
        job = lifecycle.next_job(settled.stores, model, now=NOW + RESTS[0])
        assert (job is not None and job.job == "retrain") is again


def test_the_settled_days_are_settled(settled: World):
    last = settled.batch(5)
    assert len(settled_batches(settled.stores, settled.model, as_of=last.end)) == 5
