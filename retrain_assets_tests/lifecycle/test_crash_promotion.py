"""Killed at any write of what moves a champion or a model: one champion, loadable, and the chain whole."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from retrain_assets import lifecycle
from retrain_assets_tests.lifecycle.champions import RECALL, SEASONS, copied
from retrain_assets_tests.lifecycle.world import World

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
        if story == "recall":
            return before_the_recall(two_seasons, tmp_path_factory.mktemp("seasons") / "w")
        return three_champions.root if story == "rename" else held_once.root

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


def check(found: dict[str, Any], told: Told) -> None:
    assert found["signal"] == signal.SIGKILL
    assert len(found["before"]) == 1, "a model has one name at any moment"
    before = found["before"][0]
    assert before["faults"] == []
    assert before["log"] == told.ending["log"][: len(before["log"])]
    retired = before["moves"][-1:] == ["retire"]
    assert before["champions"] == ([] if retired else [int(before["log"][-1].rpartition("v")[2])])
    assert all(before["gates"])
    assert found["loads"]
    assert found["after"] == told.ending
    assert found["rows"] == told.rows


ENDINGS: dict[str, dict[str, Any]] = {
    "approval": {
        "champions": [3],
        "log": ["promote v1", "promote v2", "promote v3", "promote v4", "rollback v3"],
        "approved": [[], [], [], ["ann"], []],
        "alias": 3,
        "answers": ["approve"],
        "moves": [],
        "told": ["rolled_back"],
    },
    "recall": {
        "champions": [2],
        "log": ["promote v1", "promote v2", "promote v4", "promote v5", "promote v6", "recall v2"],
        "approved": [[]] * 6,
        "alias": 2,
        "answers": [],
        "moves": [],
        "told": [],
    },
    "retire": {
        "champions": [3],
        "log": ["promote v1", "promote v2", "promote v3"],
        "approved": [[]] * 3,
        "alias": 3,
        "answers": ["void"],
        "moves": ["retire", "return"],
        "told": ["model_retired", "model_returned"],
    },
    "rename": {
        "champions": [3],
        "log": ["promote v1", "promote v2", "promote v3"],
        "approved": [[]] * 3,
        "alias": 3,
        "answers": [],
        "moves": ["rename"],
        "told": ["renamed"],
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("story", ENDINGS)
def test_undisturbed_it_ends_where_it_must_and_so_after_a_sample_of_kills(told: Callable[[str], Told], story: str):
    made = told(story)
    ending = {**made.ending}
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
