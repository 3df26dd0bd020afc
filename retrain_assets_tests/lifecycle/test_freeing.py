"""What nobody needs is freed, and what a registered version needs is pinned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable

from retrain_assets import lifecycle
from retrain_assets.errors import NotStoredError
from retrain_assets.lifecycle.freeing import Freeable, free, freeable
from retrain_assets.lifecycle.reproducing import reproduce
from retrain_assets_tests.lifecycle.champions import copied
from retrain_assets_tests.lifecycle.world import World, rows_of


def files(world: World) -> set[Path]:
    return {path for folder in ("tables", "blobs") for path in (world.root / folder).rglob("*") if path.is_file()}


def freed(world: World) -> Freeable:
    with lifecycle.lease(world.stores, world.model, owner="gc", now=world.now):
        return free(world.stores, world.model, actor="person:ann", now=world.now)


def deliveries(world: World, day: int) -> list[str]:
    """The blobs of the different deliveries of a day, in order."""
    arrivals = world.stores.state.arrivals("tiny", world.batch(day).key)
    return list(dict.fromkeys(arrival.parts[0].content_hash for arrival in arrivals))


def redeliver(world: World, day: int, seed: int) -> None:
    world.drop(day, rows_of(world.batch(day), seed=seed))
    world.play()


@pytest.fixture(scope="module")
def redelivered_once(three_champions: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The second day, from which v2 and v3 learned, came again twice, and so did the newest, from which none did."""
    world = copied(three_champions, tmp_path_factory.mktemp("redelivered"))
    for seed in (1, 2):
        redeliver(world, 1, seed)
        redeliver(world, 3, 10 + seed)
    return world


@pytest.fixture
def redelivered(redelivered_once: World, tmp_path: Path) -> World:
    """A copy of it."""
    return copied(redelivered_once, tmp_path / "redelivered")


def test_what_would_go_is_shown_and_nothing_is_changed(redelivered: World):
    before = files(redelivered)
    found = freeable(redelivered.stores, redelivered.model)
    assert files(redelivered) == before
    assert found.files > 0
    assert found.bytes > 0
    assert {"predictions", "drift_report"} <= {name for name, each in found.tables.items() if each.files}
    assert found.pinned_by[:3] == (1, 2, 3)


def test_every_registered_version_can_be_made_again_after_all_else_was_freed(redelivered: World):
    world = redelivered
    shown, before = freeable(world.stores, world.model), files(world)
    assert freed(world).files == shown.files
    gone = before - files(world)
    assert len(gone) == shown.files
    assert freeable(world.stores, world.model).files == 0, "there is nothing left to free"
    fresh = copied(world, world.root)
    for version in fresh.stores.state.model_versions("tiny"):
        assert reproduce(fresh.stores, fresh.model, version.version, now=world.now).same is True
    told = fresh.stores.state.outbox(kinds=["freed"])
    assert [row.payload["files"] for row in told] == [shown.files]
    fresh.drop(4)
    jobs = fresh.play()
    assert {job.job for job in jobs} == {"watch", "settle", "decide", "retrain"}
    assert {step.outcome for step in fresh.stores.state.steps("tiny", fresh.batch(4).key)} == {"done"}


def test_the_deliveries_that_a_version_was_trained_from_are_kept_and_those_of_none_are_not(redelivered: World):
    world = redelivered
    read, newest = deliveries(world, 1), deliveries(world, 3)
    assert (len(read), len(newest)) == (3, 3)
    freed(world)
    assert all(world.stores.blobs.size(part) for part in read)
    assert world.stores.blobs.get(newest[-1])
    for part in newest[:-1]:
        with pytest.raises(NotStoredError):
            world.stores.blobs.get(part)


def test_what_another_model_refers_to_is_kept(redelivered: World):
    world = redelivered
    kept, gone, _ = deliveries(world, 3)
    own = next(each for each in world.stores.state.arrivals("tiny") if each.parts[0].content_hash == kept)
    world.stores.state.record_arrival(replace(own, model="other"))
    freed(world)
    assert world.stores.blobs.get(kept)
    assert world.stores.blobs.size(gone) == 0


def test_a_freed_version_is_gone_with_a_clear_word_and_the_newest_is_read(redelivered: World):
    world = redelivered
    key = world.batch(3).key
    table = "tiny/predictions"
    old = next(
        version
        for version in range(99)
        if (commit := world.stores.tables.commits(table, version=version).get(key)) is not None and commit.rows
    )
    newest = len(world.stores.tables.read(table, [key]))
    freed(world)
    fresh = copied(world, world.root).stores.tables
    assert len(fresh.read(table, [key])) == newest
    with pytest.raises(NotStoredError, match="retrain-assets gc"):
        fresh.read(table, [key], version=old)


def test_deltas_own_vacuum_frees_nothing(redelivered: World):
    before = files(redelivered)
    for folder in (redelivered.root / "tables" / "tiny").iterdir():
        DeltaTable(folder).vacuum(dry_run=False)
    assert {path for path in before if path.suffix == ".parquet"} <= files(redelivered)
