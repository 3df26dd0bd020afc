"""Killed at any instant, the next run finds the old state or the new one, and ends where an undisturbed run ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retrain_assets_tests.lifecycle.end_state import end_state
from retrain_assets_tests.lifecycle.world import World, rows_of
from retrain_assets_tests.tracking import put_empty_database

SAMPLE = 24


def run(root: Path, n: int, when: str) -> subprocess.CompletedProcess[str]:
    put_empty_database(root / "mlflow.db")
    command = [sys.executable, "-m", "retrain_assets_tests.lifecycle.crash_run", str(root), str(n), when]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[dict[str, Any], int]:
    root = tmp_path_factory.mktemp("undisturbed")
    finished = run(root, 0, "before")
    assert finished.returncode == 0, finished.stderr
    return end_state(root), int(finished.stdout.split()[-1])


STEPS = (
    "ingest", "validate", "profile", "detect", "score", "decide", "freeze_training_set", "train", "evaluate", "promote",
    "settle_labels", "measure",
)  # fmt: skip
"""The steps of a batch in the order in which they come, by the names of their functions."""
SAMPLE_OF_STEPS = (
    "ingest", "validate", "score", "decide.record_decision", "train.register", "promote.append_promotion", "measure",
)  # fmt: skip
"""Of each kind one, and where two stores must agree: a model that no record knows, a log that no alias follows yet."""
AFTER_PROMOTION = ("settle_labels", "measure")


def killed_in(installation: World, root: Path, *steps: str) -> dict[str, Any]:
    """How a fourth retrain ended that was killed in the middle of each of these steps."""
    command = [sys.executable, "-m", "retrain_assets_tests.lifecycle.crash_steps", str(installation.root), str(root)]
    done = subprocess.run([*command, *steps], capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == {step: [signal.SIGKILL, *champions_after(step)] for step in steps}
    return told["end"]


def champions_after(step: str) -> tuple[int, bool]:
    """How many promotions there are after a kill in the step, and whether the registry's alias follows the last."""
    if step.startswith("promote"):
        return 4, False
    return (4 if step in AFTER_PROMOTION else 3), True


def test_killed_in_the_middle_of_a_step_the_same_command_again_promotes_once(
    three_champions: World, tmp_path: Path
) -> None:
    end = killed_in(three_champions, tmp_path / "killed", *SAMPLE_OF_STEPS)
    batches = [batch for batch, _, _ in end["promotions"]]
    assert batches == [three_champions.batch(day).key for day in (1, 2, 3, 4)]
    assert [batch for batch, _, _ in end["decisions"]] == [three_champions.batch(day).key for day in range(5)]
    served = [row_id for batch, row_id, mode, _ in end["scores"] if (batch, mode) == (batches[-1], "served")]
    assert len(served) == len(set(served)) == len(rows_of(three_champions.batch(4)))
    assert end["lease"] is None


@pytest.mark.slow
def test_killed_once_in_each_step_it_ends_as_if_nobody_had_been_killed(three_champions: World, tmp_path: Path) -> None:
    undisturbed = killed_in(three_champions, tmp_path / "undisturbed")
    assert killed_in(three_champions, tmp_path / "killed", *STEPS) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("part", range(SAMPLE))
def test_a_kill_at_any_change_leaves_a_state_from_which_the_same_command_goes_on(
    tmp_path: Path, undisturbed: tuple[dict[str, Any], int], part: int, when: str
) -> None:
    expected, changes = undisturbed
    n = 1 + part * (changes - 1) // (SAMPLE - 1)
    killed = run(tmp_path, n, when)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    finished = run(tmp_path, 0, when)
    assert finished.returncode == 0, finished.stderr
    assert end_state(tmp_path) == expected
