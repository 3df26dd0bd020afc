"""Eight processes do at once what commands, sensors and jobs do: one champion, and no act that somebody won is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from retrain_assets import lifecycle
from retrain_assets.lifecycle.auditing import verify
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.waiting import holds
from retrain_assets.promotion.stages import stages
from retrain_assets.stores.state import SqlStateStore
from retrain_assets.stores.state.schema import METADATA
from retrain_assets_tests.lifecycle.champions import HELD, copied
from retrain_assets_tests.lifecycle.race_promotion import installation
from retrain_assets_tests.lifecycle.world import World

PROCESSES, ROUNDS = 8, 15


def move_state(world: World, url: str) -> None:
    """Copies the state database to another server."""
    assert isinstance(world.stores.state, SqlStateStore)
    target = SqlStateStore(url)
    target.upgrade()
    with world.stores.state._database.engine.connect() as read, target._database.engine.begin() as written:
        for table in METADATA.sorted_tables:
            rows = [dict(row) for row in read.execute(sa.select(table)).mappings()]
            if not rows:
                continue
            written.execute(table.delete())
            written.execute(table.insert(), rows)
            if "id" in table.c:
                newest = max(row["id"] for row in rows)
                sequence = sa.func.pg_get_serial_sequence(table.name, "id")
                written.execute(sa.select(sa.func.setval(sequence, newest)))
    target.close()


def raced(root: Path, url: str) -> list[dict[str, list[Any]]]:
    module = "retrain_assets_tests.lifecycle.race_promotion"
    done = subprocess.run(
        [sys.executable, "-m", module, str(root), url, str(PROCESSES), str(ROUNDS)],
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("server", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_no_act_is_lost(held_once: World, tmp_path: Path, server: str, request: pytest.FixtureRequest):
    root = tmp_path / "w"
    held = copied(held_once, root, promote=HELD)
    url = f"sqlite:///{root / 'state.db'}"
    if server == "postgresql":
        url = request.getfixturevalue("postgres_url")
        move_state(held, url)
    told = raced(root, url)

    world = installation(root, url)
    state = world.stores.state
    log = state.promotions("tiny")
    assert [made.previous_id for made in log] == [None, *[made.id for made in log[:-1]]], "one chain"
    known = {made.id: made.version for made in log}
    won = [tuple(made) for racer in told for made in racer["promoted"]]
    assert won
    assert all(known[number] == version for number, version in won), "what somebody won is in the log"
    for made in log:
        gates = made.evidence["gates"]
        assert gates
        assert all(gate["passed"] or not gate["applicable"] for gate in gates), "no link without gates that passed"
    actors = [made.actor for made in log if made.action == "rollback"]
    assert len(actors) == len(set(actors)), "each rollback was made once"

    answers = [given.person for given in state.answers("tiny") if given.person.startswith("racer")]
    assert sorted(answers) == sorted(who for racer in told for who in racer["answered"])
    every = {hold.request.id: hold for hold in holds(state, world.model)}
    for made in log:
        if made.action == "promote" and made.version == 4:
            hold = every[made.evidence["approval"]]
            assert (hold.state, hold.request.version) == ("approved", 4)
            assert set(made.evidence["approved_by"]) <= set(answers)
    carried = [made.evidence["approval"] for made in log if "approval" in made.evidence]
    assert len(carried) == len(set(carried)), "an approval is carried out once"

    found = lifecycle.reconcile(world.stores, world.model, now=world.now)
    assert found.broken is None
    assert verify(world.stores, "tiny").faults == ()
    standing = stages(state.stage_moves("tiny"))
    assert [version for version, stage in standing.items() if stage == "champion"] == [log[-1].version]
    assert world.stores.registry.alias("tiny", "champion") == log[-1].version
    version = registered(world.stores, world.model, log[-1].version)
    assert world.stores.registry.load(version, cached=False).manifest.model_hash == version.model_hash
    assert state.lease_owner("tiny", now=world.now) is None
    assert any(racer["refused"] for racer in told), "they raced"
    # Of two that set the same alias at once without the lease MLflow refuses one: reconcile puts it right.
    assert [said for racer in told for said in racer["unknown"] if "UNIQUE constraint failed" not in said] == []
