"""What a policy learned is stored with its decisions: after a restart it goes on as if there had been none."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrain_assets.policy.decision import Decision
from retrain_assets_tests.lifecycle.champions import copied
from retrain_assets_tests.lifecycle.play_on import play_days
from retrain_assets_tests.lifecycle.world import World

RETRAIN: dict[str, Any] = {"when": "staleness", "confirm": "2 of 3", "cooldown": "1 day"}
STOP, END = 8, 10


def decided(world: World) -> list[Decision]:
    """The decisions without the names of their runs, which the test counts in each process anew."""
    made = world.stores.state.decisions("tiny")
    return [replace(each, state={**each.state, "run_id": ""}) for each in made]


@pytest.mark.parametrize("own_process", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_decisions_after_a_restart_are_those_of_a_process_that_went_on(
    worlds: Callable[..., World], tmp_path: Path, own_process: bool
) -> None:
    went_on = worlds("went_on", retrain=RETRAIN)
    play_days(went_on, 0, STOP)
    restarted = copied(went_on, tmp_path / "restarted", retrain=RETRAIN)
    play_days(went_on, STOP, END)
    if own_process:
        command = [sys.executable, "-m", "retrain_assets_tests.lifecycle.play_on", str(restarted.root)]
        subprocess.run([*command, str(STOP), str(END), json.dumps(RETRAIN)], check=True)
    else:  # stores and model are objects of their own: they know what the folder holds
        play_days(restarted, STOP, END)
    assert decided(restarted) == decided(went_on)
    # What came before is asked for: the first half of a confirmation, and what new champions lost at once.
    last, next_one, after = decided(restarted)[STOP - 1 :]
    assert (last.verdict, last.state["wanted"], next_one.verdict) == ("wait", True, "retrain")
    assert next_one.state["staleness"]["debt"] > last.state["staleness"]["debt"] > 0.1
    assert last.state["staleness"]["usual"] == 0 < after.state["staleness"]["usual"]
    # The bytes of a model's file are not the same in two processes; what it is, and why it was promoted, is.
    evidence = [
        [{**each.evidence, "artifact_hash": ""} for each in world.stores.state.promotions("tiny")]
        for world in (went_on, restarted)
    ]
    assert evidence[0] == evidence[1] != []
