"""Processes that promote, answer, roll back, clear, evaluate and reconcile at once, on one installation.

Usage: python -m retrain_assets_tests.lifecycle.race_promotion INSTALLATION STATE_URL PROCESSES ROUNDS

Each does what the commands, the sensor and the job do; most of the time without the lease, as one whose lease has run
out goes on. Prints as JSON what each of them was told.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from retrain_assets import lifecycle
from retrain_assets.errors import LeaseHeldError, PromotionConflictError, RefusedError, StoreError
from retrain_assets.lifecycle.approving import answer
from retrain_assets.lifecycle.promote import carry_out
from retrain_assets.lifecycle.versions import clear, stage_of
from retrain_assets.stores.state import SqlStateStore
from retrain_assets_tests.lifecycle.champions import HELD, copied, opened
from retrain_assets_tests.lifecycle.crash_promotion import load_all
from retrain_assets_tests.lifecycle.world import World

Told = dict[str, list[Any]]


def roll_back(world: World, who: str, rng: random.Random) -> Any:
    """To any version, or to the champion before this one."""
    to = rng.choice([None, 1, 2, 3, 4])
    return lifecycle.roll_back(world.stores, world.model, to=to, reason="raced", actor=who, now=world.now)


def approve(world: World, who: str, rng: random.Random) -> Any:
    """Or, seldom, reject, which would be the end of it; as somebody new each time."""
    version = world.stores.state.model_versions("tiny")[-1]
    answer(
        world.stores, world.model, version.version, verdict="approve" if rng.random() < 0.97 else "reject",
        model_hash=version.model_hash, person=who, reason="raced", token=None, now=world.now,
    )  # fmt: skip


def carry(world: World, who: str, _: random.Random) -> Any:
    """What the sensor launches."""
    return carry_out(world.stores, world.model, now=world.now, run_id=who)


def judge(world: World, who: str, _: random.Random) -> Any:
    """The newest batch once more, against whoever is champion by now; then its promotion, which may ask persons."""
    lifecycle.evaluate(world.stores, world.model, world.batch(4), now=world.now, run_id=who)
    return lifecycle.promote(world.stores, world.model, world.batch(4), now=world.now, run_id=who)


def allow(world: World, who: str, rng: random.Random) -> Any:
    """One of those that were rolled back."""
    barred = [version for version in (1, 2, 3, 4) if stage_of(world.stores, world.model, version) == "rolled_back"]
    if barred:
        clear(world.stores, world.model, rng.choice(barred), actor=who, reason="raced", now=world.now)


def look(world: World, who: str, _: random.Random) -> Any:
    """`reconcile`."""
    lifecycle.reconcile(world.stores, world.model, now=world.now)


ACTS: tuple[Callable[[World, str, random.Random], Any], ...] = (
    roll_back, approve, approve, approve, carry, carry, judge, judge, allow, look,
)  # fmt: skip
FREE = (approve, look)
"""They take no lease."""


def race(root: Path, url: str, name: str, rounds: int) -> Told:
    """One act after the other; what was refused was not done."""
    rng, told = random.Random(name), Told(promoted=[], answered=[], refused=[], unknown=[])
    world = installation(root, url)
    for turn in range(rounds):
        act, who = rng.choice(ACTS), f"{name}.{turn}"
        outdated = act in FREE or rng.random() < 0.7
        try:
            with nullcontext() if outdated else lifecycle.lease(world.stores, world.model, owner=who, now=world.now):
                made = act(world, who, rng)
        except (LeaseHeldError, PromotionConflictError, RefusedError) as error:
            told["refused"].append(f"{act.__name__}: {type(error).__name__}")
        except StoreError as error:
            told["unknown"].append(f"{act.__name__}: {error}")
        else:
            if act is approve:
                told["answered"].append(who)
            if made is not None and made.promotion is not None:
                told["promoted"].append([made.promotion.id, made.promotion.version])
    return told


def installation(root: Path, url: str) -> World:
    """It, with its state database at a URL."""
    world = copied(opened(root), root, promote=HELD)
    return replace(world, stores=replace(world.stores, state=SqlStateStore(url)))


def main(root: Path, url: str, processes: int, rounds: int) -> None:
    """Forks them all from here, where everything is loaded."""
    load_all()
    pipes: list[int] = []
    for number in range(processes):
        reading, writing = os.pipe()
        if os.fork() == 0:
            with os.fdopen(writing, "w") as pipe:
                json.dump(race(root, url, f"racer{number}", rounds), pipe)
            os._exit(0)
        os.close(writing)
        pipes.append(reading)
    told: list[Told] = []
    for reading in pipes:
        with os.fdopen(reading) as pipe:
            told.append(json.load(pipe))
    failed = [status for _, status in (os.wait() for _ in pipes) if status]
    sys.stdout.write(json.dumps(told))
    sys.exit(len(failed))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
