"""Killed at any write of an approval, a promotion or a rollback: one champion, loadable, and the chain whole."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retrain_assets_tests.lifecycle.world import World

PARTS = 8
SAMPLE = 6


def killed(held_once: World, folder: Path, points: list[int]) -> list[dict[str, Any]]:
    """What was found at each point."""
    done = subprocess.run(
        [
            sys.executable, "-m", "retrain_assets_tests.lifecycle.crash_promotion",
            str(held_once.root), str(folder), *map(str, points),
        ],
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def undisturbed(held_once: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    (found,) = killed(held_once, tmp_path_factory.mktemp("undisturbed"), [0])
    assert found["signal"] == 0
    return found


def check(found: dict[str, Any], undisturbed: dict[str, Any]) -> None:
    assert found["signal"] == signal.SIGKILL
    before, after = found["before"], found["after"]
    assert before["faults"] == []
    assert len(before["champions"]) == 1
    assert before["log"] == undisturbed["after"]["log"][: len(before["log"])]
    assert before["champions"] == [int(before["log"][-1].rpartition("v")[2])]
    assert found["loads"]
    assert after == undisturbed["after"]


def test_undisturbed_it_ends_where_it_must(undisturbed: dict[str, Any]):
    assert undisturbed["writes"] > 50
    assert undisturbed["after"] == {
        "faults": [],
        "champions": [3],
        "log": ["promote v1", "promote v2", "promote v3", "promote v4", "rollback v3"],
        "approved": [[], [], [], ["ann"], []],
        "gates": [True] * 5,
        "alias": 3,
        "answers": ["approve"],
        "rollbacks_told": 1,
        "hand": 0,
    }


def test_a_sample_of_the_kills(held_once: World, undisturbed: dict[str, Any], tmp_path: Path):
    writes = undisturbed["writes"]
    points = [1 + part * (writes - 1) // (SAMPLE - 1) for part in range(SAMPLE)]
    for found in killed(held_once, tmp_path, points):
        check(found, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_kill_at_every_write(held_once: World, undisturbed: dict[str, Any], tmp_path: Path, part: int):
    points = list(range(1 + part, undisturbed["writes"] + 1, PARTS))
    found = killed(held_once, tmp_path, points)
    assert [each["point"] for each in found] == points
    for each in found:
        check(each, undisturbed)
