"""The last champions in service together: each a registered version, each weight on record."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets import lifecycle
from retrain_assets.lifecycle.history import champion_losses
from retrain_assets.lifecycle.mixing import mixture_of
from retrain_assets.orchestration import metadata
from retrain_assets_tests.lifecycle.world import NOW, World, make_world

DAYS = 9


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world that turns round at day 5 and is retrained at every batch that has newer labels."""
    world = make_world(
        tmp_path_factory.mktemp("mixed"),
        retrain={"when": "new_labels", "min_new_labels": 1},
        serve={"members": 3},
    )
    for day in range(DAYS):
        world.drop(day, flip=day >= 5)
    world.play()
    return world


def predictions(world: World, day: int):
    return world.stores.tables.read("tiny/predictions", [world.batch(day).key])


@pytest.mark.covers("serve.members")
def test_what_is_served_is_the_weighted_mean_of_registered_champions(mixed: World, promoted: World):
    world, alone = mixed, promoted
    day = DAYS - 1
    table = predictions(world, day)
    log = world.stores.state.promotions("tiny")
    before = [made.version for made in log if made.as_of <= world.batch(day).start][::-1]
    (watched,) = [step for step in world.stores.state.steps("tiny", world.batch(day).key) if step.job == "watch"]
    weights = watched.detail["mixture"]
    assert [int(version) for version in weights] == before[:3]
    assert sum(weights.values()) == pytest.approx(1)
    by_member = table[table["mode"] == "member"].pivot_table(index="ra_row_id", columns="version", values="score")
    mean = by_member.mul(pd.Series({int(version): weight for version, weight in weights.items()})).sum(axis=1)
    served = table[table["mode"] == "served"].set_index("ra_row_id")
    assert set(served["version"]) == {before[0]}
    np.testing.assert_allclose(served["score"].sort_index(), mean.sort_index(), rtol=1e-12)
    assert set(predictions(alone, 3)["mode"]) <= {"served", "backscored"}
    assert "mixture" not in alone.stores.state.steps("tiny", alone.batch(3).key)[0].detail


def test_the_champion_is_judged_by_what_it_said_alone(mixed: World):
    world = mixed
    table = world.stores.tables.read("tiny/performance")
    measured = table[table["metric"] == "log_loss"].set_index(["version", "ra_batch", "mode"])["value"]
    together = [(version, batch) for version, batch, mode in measured.index if mode == "served"]
    both = [(version, batch) for version, batch in together if (version, batch, "member") in measured.index]
    assert both
    for version, batch in both:
        champion = next(made for made in world.stores.state.promotions("tiny") if made.version == version)
        own = champion_losses(world.stores, world.model, champion, as_of=NOW)
        (loss,) = (each.value for each in own if each.batch == batch)
        assert loss == measured[version, batch, "member"]
        assert loss != measured[version, batch, "served"]


def test_what_was_rolled_back_is_no_member_and_scoring_again_changes_nothing(mixed: World):
    """The last here: it changes the world that the others read."""
    world = mixed
    key, left = world.batch(DAYS - 1).key, world.stores.state.promotions("tiny")[-1].version
    record = lifecycle.score(world.stores, world.model, world.batch(DAYS - 1), now=NOW, run_id="again")
    assert (record.mode, len(predictions(world, DAYS - 1)["mode"].unique())) == ("served", 2)
    assert metadata.of_predictions(world.stores, record)[f"weight/v{next(iter(record.weights))}"] == pytest.approx(
        next(iter(record.weights.values()))
    )
    lifecycle.roll_back(world.stores, world.model, reason="wrong", actor="person:ann", now=NOW)
    end = world.batch(DAYS - 1).end
    current = lifecycle.champion_version(world.stores, world.model, end)
    assert current is not None
    serving = mixture_of(world.stores, world.model, current, as_of=end)
    assert left not in {version.version for version in serving.versions}
    assert serving.versions[0] == current
    assert key < world.batch(DAYS).key
