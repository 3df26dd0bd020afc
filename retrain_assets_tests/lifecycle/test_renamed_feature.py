"""A feature that is renamed, in the data and in the declaration: the champion cannot score the rows any more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrain_assets.errors import DataError
from retrain_assets.lifecycle import record_event
from retrain_assets.lifecycle.unseen import why_unseen
from retrain_assets.spec import ModelSpec
from retrain_assets_tests.lifecycle.champions import copied
from retrain_assets_tests.lifecycle.world import World, declaration, rows_of

SCHEMA: dict[str, Any] = declaration()["schema"]
RENAMED = {"w" if name == "x" else name: column for name, column in SCHEMA.items()}


def declared(world: World, **changes: Any) -> World:
    """The same installation under another declaration."""
    spec = ModelSpec.model_validate(declaration(retrain={"when": "event"}, **changes))
    return World(root=world.root, stores=world.stores, model=replace(world.model, spec=spec))


def renamed(world: World, *days: int) -> None:
    for day in days:
        world.drop(day, rows_of(world.batch(day)).rename(columns={"x": "w"}))


def test_a_renamed_feature_leaves_a_champion_that_serves_nobody_until_a_person_asks_for_another(
    three_champions: World, tmp_path: Path
):
    world = declared(copied(three_champions, tmp_path / "w"), schema=RENAMED)
    state = world.stores.state
    renamed(world, 4)
    world.play()
    decision = state.decisions("tiny")[-1]
    assert (decision.batch, decision.verdict) == (world.batch(4).key, "wait")
    assert "tiny v3 cannot score the batch, and was trained by another declaration" in decision.reason
    assert "(missing: x)" in decision.reason
    assert "`retrain-assets retrain tiny --reason ...`" in decision.reason
    assert [step.outcome for step in state.steps("tiny", world.batch(4).key) if step.job == "watch"] == ["done"]
    assert len(world.stores.tables.read("tiny/validated", [world.batch(4).key])) == 400

    # No label of a row that has it is known yet: what is trained now would not know it.
    record_event(world.stores, world.model, "person", "renamed", now=world.now)
    world.play(1)
    world.play(1)
    refused = state.steps("tiny", world.batch(4).key)[-1]
    assert (refused.job, refused.outcome) == ("retrain", "refused")
    assert refused.detail["reason"] == (
        "no labelled batch of the window has w, which the schema requires: 2024-01-05 is the first batch that has, and "
        "its labels are known from 2024-01-07 00:00 UTC; what asked for the retrain asks again at the next decision"
    )

    renamed(world, 5, 6)
    world.play()
    settled = [step for step in state.steps("tiny", world.batch(4).key) if step.job == "settle"][-1]
    assert (settled.outcome, settled.detail["health"]) == ("done", None)
    # Nobody asks anew: what was refused as too early was not forgotten.
    answered = next(made for made in reversed(state.decisions("tiny")) if made.verdict == "retrain")
    assert (answered.batch > world.batch(4).key, "person: asked for: renamed" in answered.reason) == (True, True)
    assert state.model_versions("tiny")[-1].version == 4
    assert "w" in world.stores.registry.load(state.model_versions("tiny")[-1]).manifest.features


def test_a_batch_that_a_rolling_window_has_left_behind_is_not_one_whose_labels_are_awaited(
    three_champions: World, tmp_path: Path
):
    """The feature has its old name again, which the batches before the window have."""
    world = declared(copied(three_champions, tmp_path / "w"), schema=RENAMED)
    for day in (4, 5, 6):
        renamed(world, day)
        world.play()
    back = declared(world)
    back.drop(7)
    back.play()
    window = [back.batch(day) for day in (4, 5)]
    said = why_unseen(back.stores, back.model, window)
    assert said is not None
    assert f"has x, which the schema requires: {back.batch(7).key} is the first batch that has" in said


def test_under_the_declaration_that_trained_it_a_champion_that_cannot_score_fails_the_watch(
    three_champions: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    world = copied(three_champions, tmp_path / "w", retrain={"when": "event"})
    world.drop(4)
    monkeypatch.setattr("retrain_assets.lifecycle.watch.predict", _fail)
    with pytest.raises(DataError, match="cannot be scored"):
        world.play()


def _fail(*_: Any, **__: Any) -> None:
    raise DataError("these rows cannot be scored")
