"""Eight processes promote, recall, answer, roll back, clear and retire at once: nothing that one won is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from retrain_assets.promotion.audit import find_faults
from retrain_assets.promotion.stages import LEGAL, stages
from retrain_assets.stores.state import SqlStateStore

MODEL = "flight_delay"


def raced(url: str, rounds: int) -> list[dict[str, list[Any]]]:
    done = subprocess.run(
        [sys.executable, "-m", "retrain_assets_tests.stores.state.racers", url, "8", str(rounds)],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("rounds", [12, pytest.param(150, marks=pytest.mark.slow)])
def test_no_update_is_lost(url: str, store: SqlStateStore, rounds: int):
    racers = raced(url, rounds)
    log = store.promotions(MODEL)
    won = sorted(tuple(made) for racer in racers for made in racer["promoted"])
    assert won == [(made.id, made.version) for made in log], "every promotion that somebody won, and no other"
    assert [made.previous_id for made in log] == [None, *[made.id for made in log[:-1]]]

    answers = {(given.approval_id, given.person, given.reason) for given in store.answers(MODEL)}
    assert answers == {tuple(given) for racer in racers for given in racer["answered"]}
    assert len({(number, person) for number, person, _ in answers}) == len(answers), "nobody answered twice"
    asked = store.approvals(MODEL)
    assert len({request.version for request in asked}) == len(asked), "one hold for a version"

    moves = store.stage_moves(MODEL)
    standing = stages(moves)
    made = [(move.action, move.actor) for move in store.model_moves()]
    assert sorted(made) == sorted(tuple(move) for racer in racers for move in racer["moved"])
    assert [action for action, _ in made] == ["retire", "return"] * (len(made) // 2) + ["retire"] * (len(made) % 2)
    retired = made[-1:] != [] and made[-1][0] == "retire"
    champions = [version for version, stage in standing.items() if stage == "champion"]
    assert champions == ([] if retired else [log[-1].version])
    cleared = [move.version for move in moves if move.previous == "rolled_back" and move.stage == "retired"]
    assert sorted(cleared) == sorted(version for racer in racers for version in racer["cleared"])
    assert all(move.previous is None or move.stage in LEGAL[move.previous] for move in moves)

    entries, records = store.audited(MODEL)
    assert find_faults(entries, records) == []
    assert any(racer["lost"] for racer in racers), "they raced"
    told = [row.payload["promotion_id"] for row in store.outbox(kinds=["promotion"], limit=100_000)]
    assert told == [made.id for made in log]
