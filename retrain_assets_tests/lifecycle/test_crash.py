"""Killed at any instant, the next run finds the old state or the new one, and ends where an undisturbed run ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retrain_assets_tests.lifecycle.world import make_world
from retrain_assets_tests.tracking import put_empty_database

SAMPLE = 24


def run(root: Path, n: int, when: str) -> subprocess.CompletedProcess[str]:
    put_empty_database(root / "mlflow.db")
    command = [sys.executable, "-m", "retrain_assets_tests.lifecycle.crash_run", str(root), str(n), when]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


def end_state(root: Path) -> dict[str, Any]:
    """What a user can see of an installation, without the numbers that count tries."""
    world = make_world(root)
    state, tables = world.stores.state, world.stores.tables
    hashes = {version.version: version.model_hash for version in state.model_versions("tiny")}
    champion = state.promotions("tiny")[-1]
    assert world.stores.registry.alias("tiny", "champion") == champion.version
    assert (
        world.stores.registry.load(champion_version(world, champion.version)).manifest.model_hash
        == hashes[champion.version]
    )
    return {
        "decisions": [(d.batch, d.verdict, d.fired) for d in state.decisions("tiny")],
        "written decisions": sorted(
            (row["ra_batch"], row["attempt"], row["verdict"], row["trigger"])
            for row in tables.read("tiny/retrain_decision").to_dict("records")
        ),
        "promotions": [(p.batch, p.action, hashes[p.version]) for p in state.promotions("tiny")],
        "validated": {key: commit.content_hash for key, commit in tables.commits("tiny/validated").items()},
        "labels": {key: commit.content_hash for key, commit in tables.commits("tiny/labels").items()},
        "scores": sorted(
            (row["ra_batch"], row["ra_row_id"], row["mode"], round(row["score"], 12))
            for row in tables.read("tiny/predictions").to_dict("records")
        ),
        "lease": state.lease_owner("tiny", now=world.now),
    }


def champion_version(world, version: int):
    return next(known for known in world.stores.state.model_versions("tiny") if known.version == version)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[dict[str, Any], int]:
    root = tmp_path_factory.mktemp("undisturbed")
    finished = run(root, 0, "before")
    assert finished.returncode == 0, finished.stderr
    return end_state(root), int(finished.stdout.split()[-1])


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


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_retrain_is_repaired_by_the_next_run(
    tmp_path: Path, undisturbed: tuple[dict[str, Any], int]
) -> None:
    expected, changes = undisturbed
    assert run(tmp_path, changes // 2, "before").returncode == -signal.SIGKILL
    assert run(tmp_path, 0, "before").returncode == 0
    assert end_state(tmp_path) == expected
