"""Files and rows are business events: each once, with what it says."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retrain_assets.errors import StoreError
from retrain_assets.spec import EventsSpec
from retrain_assets.stores.sources.events import MOST_ROWS, new_events

NOW = datetime(2024, 3, 1, tzinfo=UTC)


def write(root: Path, name: str, text: str, age: float = 3600) -> None:
    path = root / "events" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, (path.stat().st_mtime - age, path.stat().st_mtime - age))


def seen(root: Path, known: set[str] | None = None, **declared: object) -> dict[str, str]:
    spec = EventsSpec.model_validate(declared)
    found = new_events(spec, root=root, since=NOW - spec.look_back, known=known or set())
    return {event.key: event.text for event in found}


def test_each_file_is_an_event_and_a_file_that_is_written_anew_another(tmp_path: Path):
    assert seen(tmp_path, files="events/*.txt") == {}
    write(tmp_path, "b.txt", "a new timetable\nmore of it")
    write(tmp_path, "a.txt", "")
    write(tmp_path, "c.part", "not yet")
    write(tmp_path, "young.txt", "still being written", age=0)
    first = seen(tmp_path, files="events/*.txt")
    assert list(first.values()) == ["an empty file (a.txt)", "a new timetable (b.txt)"]
    assert seen(tmp_path, set(first), files="events/*.txt") == {}
    write(tmp_path, "b.txt", "another timetable", age=1800)
    assert list(seen(tmp_path, set(first), files="events/*.txt").values()) == ["another timetable (b.txt)"]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "recalls.db") as connection:
        connection.execute("CREATE TABLE recalls (number INTEGER, said TEXT, told_at TEXT)")
        for number, days in ((1, 30), (2, 6), (3, 1)):
            told = (NOW - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S.%f")
            connection.execute("INSERT INTO recalls VALUES (?, ?, ?)", (number, f"recall {number}", told))
    return tmp_path


QUERY = "SELECT number AS id, said AS text FROM recalls WHERE told_at >= :since ORDER BY number"
URL = "sqlite:///recalls.db"


def test_each_row_is_an_event_by_its_id_as_far_back_as_is_declared(database: Path):
    assert seen(database, url=URL, query=QUERY) == {"row:2": "recall 2", "row:3": "recall 3"}
    assert seen(database, {"row:2"}, url=URL, query=QUERY) == {"row:3": "recall 3"}
    assert set(seen(database, url=URL, query=QUERY, look_back="60 days")) == {"row:1", "row:2", "row:3"}


def test_a_row_that_says_nothing_is_told_by_its_id(database: Path):
    for nothing in ("NULL", "' '"):
        query = QUERY.replace("said AS text", f"{nothing} AS text")
        assert set(seen(database, url=URL, query=query).values()) == {"an empty text (row 2)", "an empty text (row 3)"}


def test_more_rows_than_one_look_takes_come_with_the_next_looks(database: Path):
    """Known rows that are still in sight take no place of new ones."""
    rows = [(number, f"recall {number}", NOW.strftime("%Y-%m-%d")) for number in range(100, 100 + 2 * MOST_ROWS)]
    with sqlite3.connect(database / "recalls.db") as connection:
        connection.executemany("INSERT INTO recalls VALUES (?, ?, ?)", rows)
    looks: list[set[str]] = []
    for _ in range(4):
        looks.append(set(seen(database, set().union(*looks), url=URL, query=QUERY)))
    assert [len(look) for look in looks] == [MOST_ROWS, MOST_ROWS, 2, 0]
    assert len(set().union(*looks)) == 2 * MOST_ROWS + 2


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT said FROM recalls WHERE told_at >= :since", r"must select the columns id and text \(got said\)"),
        ("SELECT NULL AS id, said AS text FROM recalls WHERE told_at >= :since", "must give every event an id"),
        ("SELECT id FROM nowhere WHERE told_at >= :since", "the query of retrain.events failed at sqlite"),
    ],
)
def test_a_query_that_shows_no_events_is_told(database: Path, query: str, said: str):
    with pytest.raises(StoreError, match=said):
        seen(database, url=URL, query=query)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({}, "either files, or url and query"),
        ({"files": "a*", "url": URL, "query": QUERY}, "either files, or url and query"),
        ({"query": QUERY}, "url and query together"),
        ({"url": URL, "query": "SELECT id, text FROM t"}, "must name the parameter :since"),
        ({"files": "events/{batch}.txt"}, "must not hold {batch}"),
    ],
)
def test_what_declares_no_events_is_a_mistake(declared: dict[str, str], said: str):
    with pytest.raises(ValueError, match=said):
        EventsSpec.model_validate(declared)
