"""The story of a model is told from the stores: each of its numbers is found there again."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss

from retrain_assets.data.labels import labels_as_of
from retrain_assets.demo.story import Story, tell
from retrain_assets.lifecycle.settle import read_labels
from retrain_assets.lifecycle.watch import read_predictions, read_validated
from retrain_assets.training.predict import predict
from retrain_assets_tests.lifecycle.world import World, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Twenty days; after the eighth the relation is the other way round."""
    made = make_world(tmp_path_factory.mktemp("story"))
    for day in range(20):
        made.drop(day, flip=day >= 8)
    made.play()
    return made


@pytest.fixture(scope="module")
def story(world: World) -> Story:
    return tell(world.stores, world.model)


def test_every_batch_is_told_once_and_in_order(world: World, story: Story) -> None:
    assert [week.batch for week in story.weeks] == [world.batch(day).key for day in range(20)]
    assert [week.start for week in story.weeks] == [world.batch(day).start for day in range(20)]
    assert {week.outcome for week in story.weeks} == {"done"}


def test_rows_are_those_of_the_files(story: Story) -> None:
    assert story.parsed_rows == 20 * 400
    assert story.accepted_rows == story.parsed_rows - story.quarantined_rows


def test_retrains_and_promotions_are_those_of_the_ledger(world: World, story: Story) -> None:
    decided = [made.batch for made in world.stores.state.decisions("tiny") if made.verdict == "retrain"]
    log = world.stores.state.promotions("tiny")
    assert [week.batch for week in story.weeks if week.retrained] == decided
    assert {week.batch: week.promoted_version for week in story.weeks if week.promoted_version} == {
        promotion.batch: promotion.version for promotion in log
    }
    assert (story.retrains, story.promotions) == (len(decided), len(log))
    assert (story.champion, story.training_end) == (log[-1].version, log[-1].training_end)
    assert story.promotions >= 2, "a story without a second champion shows nothing"


def test_the_live_loss_is_that_of_the_scores_that_were_served(world: World, story: Story) -> None:
    for day, week in enumerate(story.weeks):
        batch = world.batch(day)
        served = read_predictions(world.stores, world.model, batch).query("mode == 'served'")
        if week.champion is None:
            assert served.empty
            continue
        labels = labels_as_of(read_labels(world.stores, world.model, batch), world.now)
        joined = served.merge(labels, on="ra_row_id")
        assert week.rows == len(joined) == 400
        assert {week.version} == set(served["version"])
        assert week.champion == pytest.approx(log_loss(joined["label"], joined["score"]), abs=1e-9)


def test_the_other_loss_is_that_of_the_first_champion_on_the_same_rows(world: World, story: Story) -> None:
    first = world.stores.state.model_versions("tiny")[world.stores.state.promotions("tiny")[0].version - 1]
    bundle = world.stores.registry.load(first)
    assert any(week.never_retrained is not None for week in story.weeks)
    for day, week in enumerate(story.weeks):
        if week.never_retrained is None:
            continue
        rows = read_validated(world.stores, world.model, world.batch(day))
        labels = labels_as_of(read_labels(world.stores, world.model, world.batch(day)), world.now)
        scores = predict(bundle.pipeline, rows, task="classification", classes=bundle.manifest.classes).values
        truth = rows[["ra_row_id"]].merge(labels, on="ra_row_id", how="left")["label"]
        assert week.never_retrained == pytest.approx(log_loss(truth, scores), abs=1e-9)


def test_while_the_first_champion_serves_both_losses_are_one(story: Story) -> None:
    own = [week for week in story.weeks if week.version == 1]
    assert own
    assert all(week.champion == week.never_retrained for week in own)


def test_means_are_over_the_batches_that_have_both(story: Story) -> None:
    both = [
        (w.champion, w.never_retrained) for w in story.weeks if w.champion is not None and w.never_retrained is not None
    ]
    assert list(story.compared) == both
    assert story.mean_champion == pytest.approx(np.mean([live for live, _ in both]))
    assert story.mean_never_retrained == pytest.approx(np.mean([first for _, first in both]))
    live, never = story.mean_champion, story.mean_never_retrained
    assert live is not None
    assert never is not None
    assert live < never, "after the flip the first model is wrong for ever"


def test_drift_verdicts_are_counted_by_batch(world: World, story: Story) -> None:
    table = world.stores.tables.read("tiny/drift_report")
    whole = table[table["column"] == ""]
    assert dict(story.drift_verdicts) == whole["verdict"].value_counts().to_dict()
    assert sum(story.drift_verdicts.values()) == 20


def test_a_model_that_has_not_begun_has_an_empty_story(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    story = tell(world.stores, world.model)
    assert (story.weeks, story.parsed_rows, story.champion) == ((), 0, None)
    assert (story.mean_champion, story.mean_never_retrained, story.compared) == (None, None, ())
