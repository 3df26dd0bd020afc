"""The loop of the demo: files come week by week, and it ends when all is done, or says what it waits for."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from retrain_assets.demo.data import DropFolder, WeekFile
from retrain_assets.demo.location import BIKES
from retrain_assets.demo.replay import AHEAD, Replay, StuckError
from retrain_assets.demo.standing import Goal
from retrain_assets_tests.lifecycle.conftest import world as world  # noqa: PLC0414 - a fixture is known by its name
from retrain_assets_tests.lifecycle.world import World, rows_of

DAYS = 5


class _Driver:
    """Runs one job of the world's model at a tick; `idle` ticks come first."""

    def __init__(self, world: World, idle: int = 0) -> None:
        self.stores = world.stores
        self._world = world
        self._idle = idle

    def tick(self) -> Iterator[Any]:
        if self._idle:
            self._idle -= 1
            return
        for job in self._world.play(limit=1):
            yield SimpleNamespace(model=BIKES, job=job.job, batch=job.batch, success=True)


def replay(world: World, driver: Any, **kwargs: Any) -> tuple[Replay, Path]:
    """The tiny world as if it were the bikes: its drop folder is the demo's."""
    weeks = tuple(
        WeekFile(
            batch=world.batch(day).key,
            name=f"{world.batch(day).key}.csv",
            content=rows_of(world.batch(day)).to_csv(index=False).encode(),
            rows=400,
        )
        for day in range(DAYS)
    )
    drop = world.root / "drop"
    goal = Goal(model=world.model, batches=tuple(week.batch for week in weeks))
    folder = DropFolder(drop=drop, upcoming=world.root / "next")
    return Replay(driver, {BIKES: goal}, folder=folder, weeks=weeks, **kwargs), drop


def test_files_are_delivered_no_further_ahead_than_needed_and_all_are_played(world: World) -> None:
    played, drop = replay(world, _Driver(world))
    ahead, last = [], None
    for _, last in played.play():
        ahead.append(len(list(drop.glob("*.csv"))) - last.watched)
    assert last is not None
    assert last.finished
    assert last.done == DAYS
    assert max(ahead) <= AHEAD
    assert [path.stem for path in sorted(drop.glob("*.csv"))] == [world.batch(day).key for day in range(DAYS)]


def test_what_is_done_already_asks_for_nothing(world: World) -> None:
    played, _ = replay(world, _Driver(world))
    list(played.play())

    class Untouched:
        stores = world.stores

        def tick(self) -> Iterator[Any]:
            raise AssertionError("a finished replay asks no sensor")

    again, _ = replay(world, Untouched())
    assert list(again.play()) == []


def test_it_waits_for_a_run_of_somebody_else_and_shows_its_progress(world: World) -> None:
    played, _ = replay(world, SimpleNamespace(stores=world.stores, tick=lambda: iter(())), sleep=lambda _: None)
    seen = []
    for ran, standing in _with_another_process(played, world):
        assert ran is None
        seen.append(standing.done)
    assert seen[-1] == DAYS
    assert seen == sorted(seen)


def _with_another_process(played: Replay, world: World) -> Iterator[Any]:
    """Between two looks another process runs a job."""
    played._sleep = lambda _: world.play(limit=1)  # type: ignore[assignment,return-value]
    return played.play()


def test_it_gives_up_when_nothing_moves_and_says_what_waits(world: World) -> None:
    seconds = iter(range(10_000))
    played, _ = replay(
        world, _Driver(world, idle=10_000), patience=50.0, clock=lambda: float(next(seconds)), sleep=lambda _: None
    )
    with pytest.raises(StuckError, match=r"nothing has moved for 50 s \(tiny has 0 of 5"):
        list(played.play())
