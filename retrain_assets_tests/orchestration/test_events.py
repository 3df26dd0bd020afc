"""A business event from a file, a row, or the launchpad reaches the decision once; a held retrain is answered there."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from retrain_assets.errors import StoreError
from retrain_assets.lifecycle import DeclaredModel, next_job, poll_sources, record_event
from retrain_assets.lifecycle.events import see_events
from retrain_assets.orchestration.by_hand import run_batch
from retrain_assets.spec import EventsSpec
from retrain_assets_tests.lifecycle.world import NOW, World, make_world
from retrain_assets_tests.orchestration.installation import make_installation
from retrain_assets_tests.orchestration.test_person_jobs import over, start


@pytest.mark.covers("retrain.events.files")
def test_a_file_retrains_by_the_real_sensors_and_is_told_once(tmp_path: Path, instance: dg.DagsterInstance):
    installed = make_installation(
        tmp_path, instance, retrain={"when": "event", "events": {"files": "events/*.txt"}}, window={"min_rows": 400}
    )
    for day in range(3):
        installed.drop(day)
    installed.drive()
    told = tmp_path / "events" / "timetable.txt"
    told.parent.mkdir()
    told.write_text("the winter timetable began")
    os.utime(told, (NOW.timestamp(), NOW.timestamp()))
    installed.drop(3)
    ran = installed.drive()
    state = installed.stores.state
    assert len(state.outbox(model="tiny", kinds=["event"])) == 1
    fired = [made for made in state.decisions("tiny") if "event" in made.fired][-1]
    assert (fired.verdict, fired.batch) == ("retrain", installed.batch(3).key)
    assert "the winter timetable began (timetable.txt)" in fired.reason
    assert [each.sensor for each in ran].count("retrains_decided") == 1
    assert installed.drive() == []
    # Where other files are declared, this one is none of the model's.
    spec = installed.model.spec.retrain.model_copy(update={"events": EventsSpec(files="elsewhere/*.txt")})
    other = DeclaredModel(installed.model.spec.model_copy(update={"retrain": spec}), tmp_path)
    assert see_events(installed.stores, other, now=NOW) == []


def test_a_decision_by_hand_that_is_due_already_sees_a_new_file(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(tmp_path / "home"))
    installed = make_installation(
        tmp_path, instance, retrain={"when": "event", "events": {"files": "events/*.txt"}}, window={"min_rows": 400}
    )
    installed.drop(0)
    list(run_batch(installed.instance, installed.model))
    record_event(installed.stores, installed.model, "event", "the clocks were changed", now=datetime.now(UTC))
    told = tmp_path / "events" / "timetable.txt"
    told.parent.mkdir()
    told.write_text("the winter timetable began")
    os.utime(told, (NOW.timestamp(), NOW.timestamp()))
    assert [ran.job for ran in run_batch(installed.instance, installed.model)] == ["decide"]
    (event,) = [each for each in installed.stores.state.decisions("tiny")[-1].triggers if each.name == "event"]
    assert "the clocks were changed" in event.reason
    assert "the winter timetable began (timetable.txt)" in event.reason


@pytest.mark.covers("retrain.events.url", "retrain.events.query", "retrain.events.look_back")
def test_a_row_is_one_event_however_often_it_is_looked_at(tmp_path: Path):
    query = "SELECT id, text FROM {} WHERE told_at >= :since"
    for name, (url, table, look_back, seen) in enumerate(
        [
            ("sqlite:///one.db", "recalls", "2 days", 1),
            ("sqlite:///two.db", "other", "60 days", 2),
        ]
    ):
        root = tmp_path / str(name)
        root.mkdir()
        with sqlite3.connect(root / url.rpartition("/")[2]) as connection:
            connection.execute(f"CREATE TABLE {table} (id INTEGER, text TEXT, told_at TEXT)")
            for number, days in ((1, 30), (2, 1)):
                at = (NOW - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S.%f")
                connection.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (number, f"recall {number}", at))
        declared = {"url": url, "query": query.format(table), "look_back": look_back}
        world = make_world(root, retrain={"when": "event", "events": declared})
        for _ in range(3):
            world.poll()
        told = [row.payload["text"] for row in world.stores.state.outbox(model="tiny", kinds=["event"])]
        assert told == ["recall 1", "recall 2"][-seen:]


def _with_rows(path: Path, *days: int) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recalls (id INTEGER, text TEXT, told_at TEXT)")
        for day in days:
            at = (NOW + timedelta(days=day)).strftime("%Y-%m-%d %H:%M:%S.%f")
            connection.execute("INSERT INTO recalls VALUES (?, ?, ?)", (day, f"recall of day {day}", at))


EVENTS = {"url": "sqlite:///shop.db", "query": "SELECT id, text FROM recalls WHERE told_at >= :since"}


def look(world: World) -> dict[str, str]:
    """As a tick of the sensor does: what failed, by model."""
    return dict(
        poll_sources(world.stores, [world.model], now=world.now, budget_seconds=0, start=0, clock=lambda: 0.0).failed
    )


def work(world: World) -> None:
    """What is due, with no further look."""
    while (job := next_job(world.stores, world.model, now=world.now)) is not None:
        world.run(job)


def told(world: World) -> list[str]:
    return [row.payload["text"] for row in world.stores.state.outbox(model="tiny", kinds=["event"])]


def test_while_events_cannot_be_read_the_decision_knows_of_none_and_says_so(tmp_path: Path):
    world = make_world(tmp_path, retrain={"when": "event", "events": EVENTS}, window={"min_rows": 400})
    for day in range(4):
        world.drop(day)
    assert "the query of retrain.events failed" in look(world)["tiny"]
    work(world)
    made = world.stores.state.decisions("tiny")[-1]
    assert (made.verdict, made.champion_version) == ("unknown", 1)
    assert made.reason.startswith("cannot be known: event: retrain.events cannot be looked at: the query")
    (tmp_path / "shop.db").unlink()
    _with_rows(tmp_path / "shop.db")
    world.drop(4)
    assert look(world) == {}
    work(world)
    made = world.stores.state.decisions("tiny")[-1]
    assert (made.verdict, made.batch) == ("wait", world.batch(4).key)


def test_events_are_seen_though_the_batches_cannot_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    world = make_world(tmp_path, retrain={"when": "event", "events": EVENTS})
    _with_rows(tmp_path / "shop.db", -1)

    def refused(*_: object, **__: object) -> list[str]:
        raise StoreError("the folder does not answer")

    monkeypatch.setattr("retrain_assets.lifecycle.polling.see_sources", refused)
    assert look(world) == {"tiny": "the folder does not answer"}
    assert told(world) == ["recall of day -1"]


@pytest.mark.parametrize("away", ["machine", "database"])
def test_what_happened_while_nobody_could_look_is_seen_after_longer_than_the_look_back(tmp_path: Path, away: str):
    world = make_world(tmp_path, retrain={"when": "event", "events": EVENTS | {"look_back": "2 days"}})
    database = tmp_path / "shop.db"
    _with_rows(database)
    world.drop(0)
    world.play()
    if away == "database":
        database.unlink()
        world.now = NOW + timedelta(days=1)
        assert "the query of retrain.events failed" in look(world)["tiny"]
        database.unlink()
        world.now = NOW + timedelta(days=19)
        world.drop(1)
        assert look(world).keys() == {"tiny"}
        work(world)
    database.unlink(missing_ok=True)
    _with_rows(database, -5, 3)
    world.now = NOW + timedelta(days=20)
    assert look(world) == {}
    assert told(world) == ["recall of day 3"], "day -5 was further back than the look before could see"


def test_an_event_from_the_launchpad_is_seen_by_the_next_decision(tmp_path: Path, instance: dg.DagsterInstance):
    world = make_world(tmp_path, retrain={"when": "event"})
    installed = over(world, instance)
    assert start(installed, "event", "record_event", text="a strike").success
    (row,) = installed.stores.state.outbox(model="tiny", kinds=["event"])
    assert row.payload["text"] == "a strike"
    assert row.recorded_at <= datetime.now(UTC)


def test_a_held_retrain_is_answered_from_the_launchpad(tmp_path: Path, instance: dg.DagsterInstance):
    world = make_world(tmp_path, retrain={"when": "drift", "hold_beyond": 3.0})
    for day in range(6):
        world.drop(day)
    world.drop(6, shift=8.0)
    world.play()
    installed = over(world, instance)
    common = {"person": "ann", "reason": "it moved"}
    assert start(installed, "hold", "answer_hold", answer="resume", **common).success
    world.play()
    newest = world.stores.state.decisions("tiny")[-1]
    assert newest.verdict == "retrain"
    assert "person:ann: it moved" in newest.reason
    refused = start(installed, "hold", "answer_hold", answer="reject", **common)
    assert not refused.success
    assert "there is nothing to reject" in str(refused.get_step_failure_events()[0].event_specific_data)
