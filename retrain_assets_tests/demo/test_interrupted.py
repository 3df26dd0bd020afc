"""Ctrl-C while the demo plays, in the middle of one job after the other: each time the same command goes on."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from retrain_assets.demo.data import DropFolder
from retrain_assets.demo.location import BIKES
from retrain_assets.demo.replay import Replay
from retrain_assets.demo.run import play
from retrain_assets.demo.standing import Goal
from retrain_assets.interrupts import Interrupts
from retrain_assets.orchestration.driver import Driver, Ran, driving
from retrain_assets.stores.delta import DeltaTableStore
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.stores.state import SqlStateStore
from retrain_assets_tests.orchestration.installation import Installation, make_installation

PROFILE = f"{BIKES}/profile"
WRITES: tuple[tuple[type, str], ...] = (
    (DeltaTableStore, "write"),
    (SqlStateStore, "record_decision"),
    (MlflowRegistry, "register"),
    (SqlStateStore, "append_promotion"),
)
"""What has just been written when Ctrl-C is pressed. After the last the registry's alias has not followed the log."""


@pytest.fixture
def bikes(tmp_path: Path) -> Iterator[Installation]:
    """Two tiny days as if they were weeks of bike rentals."""
    with dg.DagsterInstance.ephemeral() as instance:
        made = make_installation(tmp_path, instance, name=BIKES)
        for day in range(2):
            made.drop(day)
        yield made


def command(bikes: Installation) -> list[Ran]:
    """What the demo does once its code location is loaded."""
    driver = Driver(bikes.instance, bikes.definitions, {BIKES: bikes.model})
    goal = Goal(model=bikes.model, batches=tuple(bikes.batch(day).key for day in range(2)))
    folder = DropFolder(drop=bikes.root / "drop", upcoming=bikes.root / "next")
    replay = Replay(driver, {BIKES: goal}, folder=folder, weeks=())
    with Interrupts() as interrupts, driving(bikes.root / "driver.lock"):
        driver.recover()
        return play(replay, Console(file=io.StringIO()), interrupts)


def pressing(write: Callable[..., Any]) -> Callable[..., Any]:
    """The same, and Ctrl-C when it is done; of a table where it is that of the profiles."""

    def written(store: object, *args: Any, **kwargs: Any) -> Any:
        made = write(store, *args, **kwargs)
        if args[0] == PROFILE or not isinstance(store, DeltaTableStore):
            os.kill(os.getpid(), signal.SIGINT)
        return made

    return written


def test_pressed_in_the_middle_of_each_job_the_same_command_goes_on_to_one_champion(bikes: Installation) -> None:
    state, registry = bikes.stores.state, bikes.stores.registry
    stopped: list[tuple[str, str]] = []  # the newest record of the ledger each time
    for store, write in WRITES:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, write, pressing(getattr(store, write)))
            with pytest.raises(KeyboardInterrupt):
                command(bikes)
        assert state.lease_owner(BIKES, now=datetime.now(UTC)) is None
        stopped.append((state.steps(BIKES)[-1].job, state.steps(BIKES)[-1].outcome))
    assert stopped == [(job, "interrupted") for job in ("watch", "decide", "retrain", "retrain")]
    assert ([made.version for made in state.promotions(BIKES)], registry.alias(BIKES, "champion")) == ([2], None)

    assert command(bikes) == []
    first, second = (bikes.batch(day).key for day in range(2))
    done = [(step.job, step.batch) for step in state.steps(BIKES) if step.outcome == "done"]
    assert done == [
        ("watch", first),
        ("decide", first),
        ("settle", first),
        ("watch", second),
        ("decide", second),
        ("retrain", second),
        ("settle", second),
    ]
    assert [(made.batch, made.verdict) for made in state.decisions(BIKES)] == [(first, "wait"), (second, "retrain")]
    assert [made.batch for made in state.promotions(BIKES)] == [second]
    assert registry.alias(BIKES, "champion") == state.promotions(BIKES)[-1].version
    retrained = next(step for step in state.steps(BIKES) if (step.job, step.outcome) == ("retrain", "done"))
    assert retrained.detail["reason"].startswith("v2 is champion by the same training set already: ")
