"""Before labels there is an estimate; labels score it; a decision sees it as a warning."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrain_assets import lifecycle
from retrain_assets.lifecycle.estimating import estimate_of, unlabelled_estimates
from retrain_assets.orchestration import metadata
from retrain_assets.replay.declared_model import first_trainable, stream_of_model
from retrain_assets.replay.run import ReplaySettings, replay
from retrain_assets_tests.lifecycle.champions import copied
from retrain_assets_tests.lifecycle.world import NOW, World, make_world, rows_of


def hard(world: World, day: int):
    """A day whose rows all lie where the model cannot tell the classes apart."""
    frame = rows_of(world.batch(day))
    rng = np.random.default_rng(day)
    return frame.assign(x=frame["x"] * 0.02, y=rng.integers(0, 2, len(frame)))


WARNED: dict[str, Any] = {"retrain": {"when": "estimated_decay"}}


@pytest.fixture(scope="module")
def foretold_once(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Eight usual days and a hard one, whose labels come a day later; copy it, do not change it."""
    world = make_world(tmp_path_factory.mktemp("foretold"), **WARNED)
    for day in range(8):
        world.drop(day)
    world.drop(8, hard(world, 8))
    world.play()
    return world


@pytest.fixture
def foretold(foretold_once: World, tmp_path: Path) -> World:
    """A copy of it."""
    return copied(foretold_once, tmp_path / "foretold", **WARNED)


def test_a_hard_batch_is_foretold_and_its_labels_bear_it_out(foretold: World):
    world = foretold
    usual, coming = (estimate_of(world.stores, world.model, world.batch(day)) for day in (7, 8))
    assert usual is not None
    assert coming is not None
    assert coming.trusted
    assert coming.value > 1.5 * usual.value
    decision = world.stores.state.decisions("tiny")[-1]
    assert (decision.batch, decision.verdict, decision.fired) == (world.batch(8).key, "retrain", ("estimated_decay",))
    # The next day brings the labels: the estimate stands beside the measured loss.
    world.drop(9)
    world.play()
    table = world.stores.tables.read("tiny/performance", [world.batch(8).key])
    measured = table[table["mode"] == "served"].set_index("metric")
    assert measured.loc["estimated_log_loss", "value"] == pytest.approx(coming.value)
    assert coming.held(float(measured["value"]["log_loss"]))


def test_only_batches_without_labels_are_estimated_for_a_decision(foretold: World):
    world, day = foretold, 8
    (version,) = {made.version for made in world.stores.state.promotions("tiny")[:1]}
    open_ones = unlabelled_estimates(world.stores, world.model, version, batch=world.batch(day))
    assert [made.batch for made in open_ones] == [world.batch(day).key]
    assert unlabelled_estimates(world.stores, world.model, version + 7, batch=world.batch(day)) == ()


def quantities(world: World, day: int, share: float = 0.3):
    """`y` follows `x` closely for rows of kind a, and loosely for those of kind b."""
    frame, rng = rows_of(world.batch(day)), np.random.default_rng(day)
    loose = rng.random(len(frame)) < share
    noise = rng.normal(size=len(frame)) * np.where(loose, 3.0, 0.3)
    return frame.assign(kind=np.where(loose, "b", "a"), y=2.0 * frame["x"] + noise)


def test_of_a_regression_its_errors_foretell_a_hard_batch(worlds: Callable[..., World], tmp_path: Path):
    world = worlds(
        "numbers", estimator={"class": "sklearn.linear_model.Ridge"}, metric="squared_error",
        features={"encode": "one_hot"}, retrain={"when": "estimated_decay"},
    )  # fmt: skip
    hard = 7
    for day in range(hard + 3):
        world.drop(day, quantities(world, day, 0.9 if day == hard else 0.3))
    world.play()
    early, usual, coming = (estimate_of(world.stores, world.model, world.batch(day)) for day in (4, hard - 1, hard))
    assert early is None  # fewer than four batches had labels
    assert usual is not None
    assert coming is not None
    assert (usual.trusted, coming.trusted) == (True, True)
    assert coming.value > 2 * usual.value
    decisions = {made.batch: made for made in world.stores.state.decisions("tiny")}
    assert decisions[world.batch(hard - 1).key].verdict == "wait"
    warned = decisions[world.batch(hard).key]
    assert (warned.verdict, warned.fired) == ("retrain", ("estimated_decay",))
    # The labels bear it out, and stand beside it.
    table = world.stores.tables.read("tiny/performance", [world.batch(hard).key])
    served = table[table["mode"] == "served"].set_index("metric")
    assert served.loc["estimated_squared_error", "value"] == pytest.approx(coming.value)
    assert coming.held(float(served["value"]["squared_error"]))
    # A replay of the declaration is warned by the same batch.
    stream = stream_of_model(world.stores, world.model)
    settings = ReplaySettings(policies=["declared"], first=first_trainable(stream))
    replayed = replay(stream, settings, tmp_path / "scores", workers=1).outcomes[0]
    assert [stream.keys[batch] for batch in replayed.retrains] == [world.batch(hard).key]


def test_the_estimate_is_shown_with_what_it_rests_on(foretold: World):
    world = foretold
    world.drop(9)
    world.poll()
    lifecycle.ingest(world.stores, world.model, world.batch(9), now=NOW, run_id="shown")
    lifecycle.validate(world.stores, world.model, world.batch(9), now=NOW, run_id="shown")
    record = lifecycle.score(world.stores, world.model, world.batch(9), now=NOW, run_id="shown")
    shown = metadata.of_predictions(world.stores, record)
    assert record.estimate is not None
    assert shown["estimated_loss"] == record.estimate.value
    assert shown["estimate_is_trusted"] is record.estimate.trusted


def test_settling_tells_how_late_labels_came(foretold: World):
    world = foretold
    settled = lifecycle.settle_labels(
        world.stores, world.model, world.batch(3), as_of=world.batch(5).end, now=NOW, run_id="late"
    )
    assert settled.delay is not None
    assert settled.delay.reason.endswith("95% within 1 day; target.label_delay is 1 day")
    shown = metadata.of_labels(world.stores, settled)
    assert shown["label_delay_hours"] == 24
