"""One batch of a model's life, killed with SIGKILL once in each of some steps, and played again each time.

Usage: python -m retrain_assets_tests.lifecycle.crash_steps INSTALLATION FOLDER [STEP...]

INSTALLATION is copied into FOLDER and gets a batch. For each STEP, in the order in which they come, a forked process
plays what is due until it dies in the middle of the step: as soon as one of its writes is done, or, as in
`train.register`, that one. The last process plays to the end. One line of JSON: after each kill the signal, the number
of promotions, and whether the registry follows the last one; and what a user sees in the end.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

from retrain_assets import lifecycle
from retrain_assets_tests.lifecycle.champions import copied, opened
from retrain_assets_tests.lifecycle.crash_promotion import forked, load_all
from retrain_assets_tests.lifecycle.crash_run import WRITES
from retrain_assets_tests.lifecycle.end_state import end_state
from retrain_assets_tests.lifecycle.world import World


def die_in(point: str, world: World) -> None:
    """From now on this process dies in the step as soon as one of its writes, or the one that is named, is done."""
    step, _, named = point.partition(".")
    entered: list[str] = []
    function = getattr(lifecycle, step)

    def entering(*args: Any, **kwargs: Any) -> Any:
        entered.append(step)
        function(*args, **kwargs)
        raise AssertionError(f"{point} was never written")

    def deadly(write: Callable[..., Any]) -> Callable[..., Any]:
        def written(*args: Any, **kwargs: Any) -> Any:
            made = write(*args, **kwargs)
            if entered:
                os.kill(os.getpid(), signal.SIGKILL)
            return made

        return written

    setattr(lifecycle, step, entering)
    for store, methods in WRITES.items():
        adapter = getattr(world.stores, store)
        for method in [named] * (named in methods) if named else methods:
            setattr(adapter, method, deadly(getattr(adapter, method)))


def reopened(root: Path) -> World:
    """The installation as the next process finds it: of a run whose process is gone the lease was taken back."""
    world = copied(opened(root), root)
    owner = world.stores.state.lease_owner("tiny", now=world.now)
    if owner is not None:
        world.stores.state.release_lease("tiny", owner)
    return world


def play(world: World) -> None:
    """All that is due, as one command runs it."""
    # Of the other files the paths are new, by which they would come again.
    lifecycle.see_sources(world.stores, world.model, [world.batch(4)], now=world.now)
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None:
        world.run(job, run_id=f"{uuid4().hex[:8]}-{job.run_key}")


def killed(root: Path, point: str) -> None:
    """A play that ends in the middle of a step."""
    world = reopened(root)
    die_in(point, world)
    play(world)


def standing(root: Path) -> tuple[int, bool]:
    """How many promotions there were, and whether the registry follows the last. Read by no library that is forked."""
    with closing(sqlite3.connect(root / "state.db")) as database:
        log = database.execute("SELECT version FROM ra_promotions ORDER BY id").fetchall()
    with closing(sqlite3.connect(root / "mlflow.db")) as database:
        alias = database.execute("SELECT version FROM registered_model_aliases WHERE alias = 'champion'").fetchone()
    return len(log), alias == log[-1]


def finished(root: Path) -> dict[str, Any]:
    """A play to the end; what a user sees then."""
    play(reopened(root))
    return end_state(root)


def main(installation: Path, root: Path, steps: list[str]) -> None:
    """The whole story."""
    load_all()
    copied(opened(installation), root).drop(4)
    kills: dict[str, Any] = {}
    for step in steps:
        ended, _ = forked(lambda step=step: killed(root, step))
        kills[step] = [ended, *standing(root)]
    _, end = forked(lambda: finished(root))
    sys.stdout.write(json.dumps({"kills": kills, "end": end}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
