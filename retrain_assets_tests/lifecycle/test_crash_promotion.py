"""Killed at any write of what moves a champion or a model: one champion, loadable, and the chain whole."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from retrain_assets import lifecycle
from retrain_assets_tests.lifecycle.champions import DELIVERED, HELD, RECALL, SEASONS, copied
from retrain_assets_tests.lifecycle.world import World, make_world, rows_of

PARTS = 16
SAMPLE = 3


@dataclass(frozen=True, kw_only=True)
class Told:
    """A story, where it begins, and how it ends if nobody is killed."""

    story: str
    installation: Path
    ending: dict[str, Any]
    rows: dict[str, int]
    writes: int
    sample: list[dict[str, Any]]


def killed(story: str, installation: Path, folder: Path, *points: str) -> list[dict[str, Any]]:
    """What was found at each point of a story."""
    done = subprocess.run(
        [
            sys.executable, "-m", "retrain_assets_tests.lifecycle.crash_promotion", story,
            str(installation), str(folder), *points,
        ],
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def told(
    three_champions: World, held_once: World, two_seasons: World, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Told]:
    """A story, played to its end and, as a sample, to some kills; once."""
    made: dict[str, Told] = {}

    def begin(story: str) -> Path:
        root = tmp_path_factory.mktemp("begin") / "w"
        if story == "recall":
            return before_the_recall(two_seasons, root)
        if story == "hold":
            return before_the_hold(three_champions, root)
        if story == "adopt":
            return before_the_adoption(root)
        if story == "accept":
            return after_the_backup(three_champions, root)
        return three_champions.root if story in ("rename", "automatic", "clear") else held_once.root

    def tell(story: str) -> Told:
        if story not in made:
            root = begin(story)
            whole, *sample = killed(story, root, tmp_path_factory.mktemp(story), "0", f"~{SAMPLE}")
            assert whole["signal"] == 0
            made[story] = Told(
                story=story, installation=root, ending=whole["after"], rows=whole["rows"], writes=whole["writes"],
                sample=sample,
            )  # fmt: skip
        return made[story]

    return tell


def before_the_recall(played: World, root: Path) -> Path:
    """The season has come back, and the candidate of its second day is evaluated."""
    world = copied(played, root, **SEASONS | {"promote": RECALL})
    for day in (6, 7):
        world.drop(day, rows=1500)
    world.poll()
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None:
        if (job.job, job.batch) == ("retrain", world.batch(7).key):
            batch = world.batch(7)
            common: dict[str, Any] = {"now": world.now, "run_id": "killed"}
            lifecycle.freeze_training_set(world.stores, world.model, batch, **common)
            lifecycle.train(world.stores, world.model, batch, **common)
            lifecycle.evaluate(world.stores, world.model, batch, **common)
            return root
        world.run(job)
    raise AssertionError("the second day of the season was not to be retrained")


def before_the_hold(played: World, root: Path) -> Path:
    """The candidate of the fifth day is evaluated; persons have to agree."""
    world = copied(played, root, promote=HELD)
    world.drop(4)
    world.poll()
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None and job.job != "retrain":
        world.run(job)
    common: dict[str, Any] = {"now": world.now, "run_id": "killed"}
    for step in (lifecycle.freeze_training_set, lifecycle.train, lifecycle.evaluate):
        step(world.stores, world.model, world.batch(4), **common)
    return root


def before_the_adoption(root: Path) -> Path:
    """Two days were delivered, and nothing was done with them."""
    root.mkdir()
    world = make_world(root, **DELIVERED)
    for day in range(2):
        world.put(day, rows_of(world.batch(day)).to_csv(index=False).encode(), folder="delivered")
    return root


def after_the_backup(played: World, root: Path) -> Path:
    """The registry saw a rollback of which the state database that was put back knows nothing."""
    later = copied(played, root)
    lifecycle.roll_back(later.stores, later.model, reason="bad", actor="person:ann", now=later.now)
    with (
        closing(sqlite3.connect(played.root / "state.db")) as backup,
        closing(sqlite3.connect(root / "state.db")) as put_back,
    ):
        backup.backup(put_back)
    return root


def check(found: dict[str, Any], told: Told) -> None:
    assert found["signal"] == signal.SIGKILL
    if told.story == "adopt" and not found["before"]:
        check_end(found, told)
        return
    assert len(found["before"]) == 1, "a model has one name at any moment"
    before = found["before"][0]
    if told.story != "accept":
        assert before["faults"] == []
    assert before["log"] == told.ending["log"][: len(before["log"])]
    retired = before["moves"][-1:] == ["retire"]
    assert before["champions"] == ([] if retired else [int(before["log"][-1].rpartition("v")[2])])
    assert all(before["gates"])
    check_end(found, told)


def check_end(found: dict[str, Any], told: Told) -> None:
    assert found["loads"]
    assert found["rows"] == told.rows
    after = found["after"]
    if told.story == "adopt" and (number := after["alias"]) > 1:
        # Finished before the kill, and registered once more after it: nobody refers to the first of them.
        assert after.pop("stages") == [f"v{number} champion"]
        assert after.pop("log") == [f"adopt v{number}"]
        assert [after.pop("alias"), *after.pop("champions")] == [number, number]
        assert after == {name: value for name, value in told.ending.items() if name in after}
        return
    assert after == told.ending


THREE: dict[str, Any] = {
    "champions": [3],
    "stages": ["v1 retired", "v2 retired", "v3 champion"],
    "holds": [],
    "log": ["promote v1", "promote v2", "promote v3"],
    "approved": [[]] * 3,
    "alias": 3,
    "answers": [],
    "moves": [],
    "told": [],
}
"""Where v1, v2 and v3 were promoted, and nothing was done since."""
BACK: dict[str, Any] = THREE | {
    "champions": [2],
    "stages": ["v1 retired", "v2 champion", "v3 rolled_back"],
    "log": [*THREE["log"], "rollback v2"],
    "approved": [[]] * 4,
    "alias": 2,
    "told": ["rolled_back"],
}
ASKED = ["approval_requested"]

ENDINGS: dict[str, dict[str, Any]] = {
    "approval": THREE
    | {
        "stages": [*THREE["stages"], "v4 rolled_back"],
        "holds": ["approved"],
        "log": [*THREE["log"], "promote v4", "rollback v3"],
        "approved": [[], [], [], ["ann"], []],
        "answers": ["approve"],
        "told": [*ASKED, "rolled_back"],
    },
    "hold": THREE | {"stages": [*THREE["stages"], "v4 challenger"], "holds": ["pending"], "told": ASKED},
    "reject": THREE
    | {
        "stages": [*THREE["stages"], "v4 retired"], "holds": ["rejected"], "answers": ["reject"], "told": ASKED,
    },
    "expire": THREE
    | {
        "stages": [*THREE["stages"], "v4 retired"], "holds": ["expired"], "answers": ["expire"], "told": ASKED,
    },
    "void": BACK
    | {
        "stages": [*BACK["stages"], "v4 retired"], "holds": ["void"], "answers": ["void"],
        "told": [*ASKED, "rolled_back"],
    },
    "automatic": BACK,
    "clear": BACK | {"stages": ["v1 retired", "v2 champion", "v3 retired"]},
    "adopt": THREE | {"champions": [1], "stages": ["v1 champion"], "log": ["adopt v1"], "approved": [[]], "alias": 1},
    "accept": THREE | {"moves": ["accept"], "told": ["head_accepted"]},
    "recall": {
        "champions": [2],
        "stages": [
            "v1 retired", "v2 champion", "v3 retired", "v4 retired", "v5 retired", "v6 retired", "v7 retired",
        ],
        "holds": [],
        "log": ["promote v1", "promote v2", "promote v4", "promote v5", "promote v6", "recall v2"],
        "approved": [[]] * 6,
        "alias": 2,
        "answers": [],
        "moves": [],
        "told": [],
    },
    "retire": THREE
    | {
        "stages": [*THREE["stages"], "v4 retired"], "holds": ["void"], "answers": ["void"],
        "moves": ["retire", "return"], "told": [*ASKED, "model_retired", "model_returned"],
    },
    "rename": THREE | {"moves": ["rename"], "told": ["renamed"]},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("story", ENDINGS)
def test_undisturbed_it_ends_where_it_must_and_so_after_a_sample_of_kills(told: Callable[[str], Told], story: str):
    made = told(story)
    ending = {**made.ending}
    assert ending.pop("shown_stages") == ending["stages"]
    # What the registry saw of another record stays told there, under a number that the accepted one does not have.
    unrecorded = [4] if story == "accept" else []
    assert ending.pop("shown_promotions") == [*range(1, 1 + len(ending["log"])), *unrecorded]
    assert all(made.rows.values())
    assert ending.pop("faults") == []
    assert all(ending.pop("gates"))
    assert ending == ENDINGS[story]
    assert [each["point"] for each in made.sample][:: SAMPLE - 1] == [1, made.writes]
    for each in made.sample:
        check(each, made)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("story", ENDINGS)
def test_a_kill_at_every_write(told: Callable[[str], Told], tmp_path: Path, story: str, part: int):
    made = told(story)
    points = list(range(1 + part, made.writes + 1, PARTS))
    found = killed(story, made.installation, tmp_path, *map(str, points))
    assert [each["point"] for each in found] == points
    for each in found:
        check(each, made)
        shutil.rmtree(tmp_path / str(each["point"]))
