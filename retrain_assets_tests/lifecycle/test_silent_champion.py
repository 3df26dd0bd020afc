"""A champion that cannot be asked: nothing passes against it by itself, and nobody is stuck with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import IntegrityError, NotStoredError, StoreError
from retrain_assets.lifecycle.approving import answer
from retrain_assets.lifecycle.auditing import verify
from retrain_assets.lifecycle.promote import carry_out, read_evaluation
from retrain_assets.lifecycle.watch import read_predictions
from retrain_assets.promotion.silent import why_silent
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.training.bundle import ModelBundle, ModelVersion
from retrain_assets_tests.lifecycle.champions import copied, fail_to_score, lose_files
from retrain_assets_tests.lifecycle.world import World


def lose(monkeypatch: pytest.MonkeyPatch, lost: int, error: type[Exception]) -> None:
    """From now on this version cannot be loaded."""
    load = MlflowRegistry.load

    def loaded(self: MlflowRegistry, version: ModelVersion, **asked: Any) -> ModelBundle:
        if version.version == lost:
            raise error(f"v{lost} is not what was registered")
        return load(self, version, **asked)

    monkeypatch.setattr(MlflowRegistry, "load", loaded)


@pytest.mark.parametrize("broken", ["lost", "cannot score"])
def test_a_champion_that_cannot_be_asked_is_replaced_by_a_person_alone(
    three_champions: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
):
    world = copied(three_champions, tmp_path / "w", promote={"min_rows": 50, "approval": "never"})
    world.drop(4)
    batch = world.batch(4)
    by_hand: dict[str, Any] = {"now": world.now, "run_id": "by hand"}
    for step in (lifecycle.ingest, lifecycle.validate, lifecycle.profile):
        step(world.stores, world.model, batch, **by_hand)
    if broken == "lost":
        lose(monkeypatch, 3, IntegrityError)
    else:
        fail_to_score(monkeypatch, {3})
    lifecycle.freeze_training_set(world.stores, world.model, batch, **by_hand)
    version = lifecycle.train(world.stores, world.model, batch, **by_hand).version
    evaluated = lifecycle.evaluate(world.stores, world.model, batch, **by_hand)
    gates = {gate.name: gate.passed for gate in evaluated.gates.results}
    assert (evaluated.gates.passed, gates) == (None, {"not_worse_than_champion": None, "beats_baseline": True})
    assert why_silent(read_evaluation(world.stores, world.model, batch, version.attempt)) is not None
    held = lifecycle.promote(world.stores, world.model, batch, **by_hand)
    assert (held.promotion, held.held) == (None, True)
    assert "the champion v3 cannot be asked" in held.reason
    answer(
        world.stores, world.model, version.version,
        verdict="approve", model_hash=version.model_hash, person="ann", reason="v3 is gone", token=None, now=world.now,
    )  # fmt: skip
    made = carry_out(world.stores, world.model, **by_hand)
    assert made is not None
    assert made.promotion is not None
    assert (made.promotion.version, made.promotion.evidence["approved_by"]) == (version.version, ["ann"])
    assert verify(world.stores, "tiny").faults == ()


@pytest.mark.parametrize("error", [IntegrityError, NotStoredError, StoreError])
def test_a_watched_champion_without_its_files_is_left_but_not_in_an_outage(
    three_champions: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    world = copied(three_champions, tmp_path / "w", rollback={"watch": "10 days"}, retrain={"when": "event"})
    world.drop(4)
    batch = world.batch(4)
    common: dict[str, Any] = {"now": world.now, "run_id": "run-4"}
    for step in (lifecycle.ingest, lifecycle.validate):
        step(world.stores, world.model, batch, **common)
    lose(monkeypatch, 3, error)
    if error is StoreError:
        with pytest.raises(StoreError, match="not what was registered"):
            lifecycle.score(world.stores, world.model, batch, **common)
        assert world.stores.state.promotions("tiny")[-1].version == 3
        return
    made = lifecycle.score(world.stores, world.model, batch, **common)
    assert made.version is not None
    assert (made.version.version, world.stores.state.promotions("tiny")[-1].version) == (2, 2)


@pytest.mark.parametrize("error", [IntegrityError, NotStoredError, StoreError])
def test_a_champion_of_before_without_its_files_holds_no_labels_up_but_an_outage_does(
    three_champions: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    """v2 scored the newest batch, and v3 serves since."""
    world = copied(three_champions, tmp_path / "w", retrain={"when": "event"})
    batch = world.batch(3)
    assert set(read_predictions(world.stores, world.model, batch)["version"]) == {2, 3}
    lose(monkeypatch, 2, error)
    asked: dict[str, Any] = {"as_of": world.batch(4).end, "now": world.now, "run_id": "run-3"}
    if error is StoreError:
        with pytest.raises(StoreError, match="not what was registered"):
            lifecycle.measure(world.stores, world.model, batch, **asked)
        return
    made = lifecycle.measure(world.stores, world.model, batch, **asked)
    assert [each.version for each in made.performances] == [3]
    step = world.stores.state.steps("tiny", batch.key)[-1]
    assert (step.job, step.outcome, step.detail["mature"]) == ("settle", "done", True)
    assert "; v2 was not measured: " in made.reason
    assert step.detail["reason"] == made.reason
    lose(monkeypatch, 3, error)
    with pytest.raises(error):  # a store that is away takes the champion's files with it
        lifecycle.measure(world.stores, world.model, batch, **asked)


def test_what_a_lost_champion_stops_says_what_to_do(three_champions: World, tmp_path: Path):
    world = copied(three_champions, tmp_path / "w", retrain={"when": "event"})
    world.drop(4)
    batch = world.batch(4)
    common: dict[str, Any] = {"now": world.now, "run_id": "run-4"}
    for step in (lifecycle.ingest, lifecycle.validate, lifecycle.profile):
        step(world.stores, world.model, batch, **common)
    lose_files(world, {2, 3})
    said = r"the folder of tiny v3 .* \(put it back from a backup\). v1 loads .*: go back to it .* --to 1 .* or train"
    for step in (lifecycle.detect, lifecycle.score):
        with pytest.raises(NotStoredError, match=said):
            step(world.stores, world.model, batch, **common)
    with pytest.raises(NotStoredError, match=said):
        lifecycle.measure(world.stores, world.model, world.batch(3), as_of=batch.end, **common)
