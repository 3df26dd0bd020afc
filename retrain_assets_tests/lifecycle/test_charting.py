"""The chart of a champion's losses in a life: a relation that turns round is alarmed at and retrained for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retrain_assets.replay.declared_model import first_trainable, stream_of_model
from retrain_assets.replay.run import ReplaySettings, replay
from retrain_assets_tests.lifecycle.champions import copied
from retrain_assets_tests.lifecycle.world import World, make_world

DAYS, TURNS = 14, 9
CHARTS: dict[str, dict[str, Any]] = {
    "ewma": {},
    "adwin": {"detector": "adwin", "reads": "error"},
    "ddm": {"detector": "ddm", "reads": "mistake"},
    "page_hinkley": {"detector": "page_hinkley", "reads": "error", "settings": {"limit": 30}},
}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> World:
    """What is before it turns, the same by each chart; copy it, do not change it."""
    world = make_world(tmp_path_factory.mktemp("calm"), retrain={"when": "event"})
    for day in range(TURNS):
        world.drop(day, seed=day)
    world.play()
    return world


@pytest.mark.covers("retrain.chart.detector", "retrain.chart.reads")
def test_a_relation_that_turns_round_is_retrained_for_live_and_in_a_replay(calm: World, tmp_path: Path):
    for name, chart in CHARTS.items():
        world = copied(calm, tmp_path / f"world_{name}", retrain={"when": "loss_chart", "chart": chart})
        for day in range(TURNS, DAYS):
            world.drop(day, seed=day, flip=True)
        world.play()
        made = world.stores.state.decisions("tiny")
        first = next(each for each in made if each.verdict == "retrain" and each.fired == ("loss_chart",))
        # The labels of a day are there with the next one; DDM takes some hundred rows longer.
        late = 1 if name == "ddm" else 0
        assert first.batch == world.batch(TURNS + 1 + late).key, name
        assert f"alarmed at {world.batch(TURNS + late).key}, which no training has seen" in first.reason
        stream = stream_of_model(world.stores, world.model)
        settings = ReplaySettings(policies=["declared"], first=first_trainable(stream))
        report = replay(stream, settings, tmp_path / name, workers=1)
        live = [each.batch for each in made if each.verdict == "retrain"]
        replayed = [stream.keys[k] for k in report.outcomes[0].retrains]
        assert replayed == [k for k in live[1:] if k in stream.keys[:-1]], name


def test_a_calm_life_alarms_at_nothing_and_says_how_far_it_is(worlds: Callable[..., World]):
    world = worlds("calm", retrain={"when": "loss_chart", "chart": CHARTS["ewma"]})
    for day in range(TURNS):
        world.drop(day, seed=day)
    world.play()
    made = world.stores.state.decisions("tiny")
    told = {each.batch: next(t for t in each.triggers if t.name == "loss_chart") for each in made}
    early, late = told[world.batch(3).key], told[world.batch(8).key]
    assert early.fired is None
    assert "of 2 matured batches tells nothing yet (4 are needed)" in early.reason
    assert late.fired is False
    assert "has not alarmed: it is at " in late.reason
    assert [each.verdict for each in made].count("retrain") == 1, "the first model"
