"""Before labels there is an estimate; labels score it; a decision sees it as a warning."""

from collections.abc import Callable

import numpy as np
import pytest

from retrain_assets import lifecycle
from retrain_assets.lifecycle.estimating import estimate_of, unlabelled_estimates
from retrain_assets.orchestration import metadata
from retrain_assets_tests.lifecycle.world import NOW, World, rows_of


def hard(world: World, day: int):
    """A day whose rows all lie where the model cannot tell the classes apart."""
    frame = rows_of(world.batch(day))
    rng = np.random.default_rng(day)
    return frame.assign(x=frame["x"] * 0.02, y=rng.integers(0, 2, len(frame)))


@pytest.fixture
def foretold(worlds: Callable[..., World]) -> World:
    """Eight usual days and a hard one, whose labels come a day later."""
    world = worlds("foretold", retrain={"when": "estimated_decay"})
    for day in range(8):
        world.drop(day)
    world.drop(8, hard(world, 8))
    world.play()
    return world


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


def test_a_regression_estimates_nothing_and_the_trigger_does_not_apply(worlds: Callable[..., World]):
    world = worlds(
        "numbers", estimator={"class": "sklearn.linear_model.Ridge"}, metric="squared_error",
        retrain={"when": "estimated_decay | event"},
    )  # fmt: skip
    for day in range(5):
        world.drop(day)
    world.play()
    assert estimate_of(world.stores, world.model, world.batch(4)) is None
    newest = world.stores.state.decisions("tiny")[-1]
    (trigger,) = [each for each in newest.triggers if each.name == "estimated_decay"]
    assert (trigger.applicable, newest.verdict) == (False, "wait")


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
