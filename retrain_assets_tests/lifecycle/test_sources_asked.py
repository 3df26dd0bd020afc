"""A callable is asked again while it has nothing; a label source may be late, broken, corrected."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from retrain_assets import lifecycle
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.looks import EMPTY_LOOKS, shown_rows
from retrain_assets.orchestration.checks import of_raw
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.protocols import OutboxRow
from retrain_assets_tests.lifecycle.test_closed_loop import drop_days
from retrain_assets_tests.lifecycle.world import START, World, declaration, rows_of

LIVE = {"every": "day", "start": "2024-01-01", "tolerance": "8 hours"}
ONE_DAY = "2024-01-02"


Answer = Callable[[datetime, datetime], pd.DataFrame]


@dataclass
class Api:
    answer: Answer

    def load(self, start: datetime, end: datetime) -> pd.DataFrame:
        return self.answer(start, end)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    """A service whose answer a test can change; it has nothing at first."""
    service = Api(answer=lambda start, end: pd.DataFrame())
    module = ModuleType("api_of_the_test")
    vars(module)["load"] = service.load
    monkeypatch.setitem(sys.modules, "api_of_the_test", module)
    return service


def answering(world: World, **kwargs: Any) -> Answer:
    return lambda start, end: rows_of(world.model.calendar.batch(f"{start:%Y-%m-%d}"), **kwargs)


def test_a_callable_that_has_nothing_yet_is_asked_again_until_the_batch_is_due(worlds, api: Api) -> None:
    world = worlds("api", source={"type": "python", "load": "api_of_the_test:load"}, batches=LIVE)
    world.now = START + timedelta(days=1, minutes=1)
    world.play()
    key = world.batch(0).key
    assert [arrival.kind for arrival in world.stores.state.arrivals("tiny")] == ["empty"]
    world.now += timedelta(hours=3)
    api.answer = answering(world)
    world.play()
    assert [arrival.kind for arrival in world.stores.state.arrivals("tiny")] == ["empty", "on_time"]
    decisions = world.stores.state.decisions("tiny", key)
    assert [(decision.cause, decision.verdict) for decision in decisions] == [
        ("batch", "unknown"),
        ("redelivery", "wait"),
    ]


def test_a_callable_that_never_has_anything_is_a_missing_batch(worlds, api: Api) -> None:
    world = worlds("api", source={"type": "python", "load": "api_of_the_test:load"}, batches=LIVE)
    world.now = START + timedelta(days=1, minutes=1)
    world.play()
    world.now = START + timedelta(days=1, hours=9)
    world.play()
    assert [row.batch for row in world.stores.state.outbox(model="tiny", kinds=["missing"])] == [world.batch(0).key]


def test_what_a_callable_changes_before_the_batch_is_due_is_a_new_revision(worlds, api: Api) -> None:
    world = worlds("api", source={"type": "python", "load": "api_of_the_test:load"}, batches=LIVE)
    api.answer = answering(world)
    world.now = START + timedelta(days=1, minutes=1)
    world.play()
    api.answer = answering(world, seed=9)
    world.now = START + timedelta(days=1, hours=9)
    world.play()
    assert [arrival.kind for arrival in world.stores.state.arrivals("tiny")] == ["on_time", "changed"]


def test_a_callable_that_has_answered_is_asked_once_more_and_only_when_the_batch_is_due(worlds, api: Api) -> None:
    asked: list[datetime] = []

    def answer(start: datetime, end: datetime) -> pd.DataFrame:
        asked.append(world.now)
        return rows(start, end) if len(asked) > 1 else pd.DataFrame()

    world = worlds("api", source={"type": "python", "load": "api_of_the_test:load"}, batches=LIVE)
    api.answer, rows = answer, answering(world)
    closed = START + timedelta(days=1)
    for hours in (0.1, 3, 4, 5, 7, 8, 9):
        world.now = closed + timedelta(hours=hours)
        world.play()
    assert [moment - closed for moment in asked] == [timedelta(hours=hours) for hours in (0.1, 3, 8)]


def asked_at(world: World, api: Api, answers: Callable[[datetime], Answer], hours: Sequence[float]) -> list[float]:
    """At which of the hours after the window's end the source is asked."""
    asked: list[datetime] = []

    def answer(start: datetime, end: datetime) -> pd.DataFrame:
        asked.append(world.now)
        return answers(world.now)(start, end)

    closed, api.answer = START + timedelta(days=1), answer
    for hour in hours:
        world.now = closed + timedelta(hours=hour)
        world.play()
    return [(moment - closed) / timedelta(hours=1) for moment in asked]


def test_a_batch_that_is_due_and_empty_is_asked_for_ever_more_rarely_and_named_late(worlds, api: Api) -> None:
    world = worlds("api", source={"type": "python", "load": "api_of_the_test:load"}, batches=LIVE | {"end": ONE_DAY})
    nothing, rows = api.answer, answering(world)

    def answers(now: datetime) -> Answer:
        return rows if now >= START + timedelta(days=5) else nothing

    asked = asked_at(world, api, answers, range(0, 24 * 10, 2))
    assert asked == [0, 2, 4, 6, 8, 16, 32, 64, 128], "eighths of the tolerance, then 8 hours + 8 x (1, 3, 7, 15)"
    assert [arrival.kind for arrival in world.stores.state.arrivals("tiny")] == ["empty", "late"]
    assert world.stores.state.decisions("tiny")[-1].cause == "redelivery"


@pytest.mark.covers("source.python.recheck")
def test_what_was_answered_is_asked_for_again_within_the_declared_span(worlds, api: Api) -> None:
    source = {"type": "python", "load": "api_of_the_test:load"}
    batches = LIVE | {"end": ONE_DAY}
    final = worlds("final", source=source, batches=batches)
    assert asked_at(final, api, lambda now: answering(final), range(0, 24 * 10, 2)) == [0, 8]
    assert len(final.stores.state.decisions("tiny")) == 1, "the same answer is no cause to decide again"

    world = worlds("rechecked", source=source | {"recheck": "3 days"}, batches=batches)
    before, after = answering(world), answering(world, seed=9)

    def answers(now: datetime) -> Answer:
        return after if now >= START + timedelta(days=3) else before

    assert asked_at(world, api, answers, range(0, 24 * 10, 2)) == [0, 8, 16, 32, 64, 80]
    assert [arrival.kind for arrival in world.stores.state.arrivals("tiny")] == ["on_time", "changed"]


def test_rows_that_a_service_does_not_answer_any_more_are_kept(worlds, api: Api) -> None:
    world = worlds("api", source={"type": "python", "load": "api_of_the_test:load"}, batches=LIVE | {"end": ONE_DAY})
    nothing, rows = api.answer, answering(world)
    answers = iter([rows, nothing])
    assert asked_at(world, api, lambda now: next(answers), [0, 8, 9]) == [0, 8]
    assert [arrival.kind for arrival in world.stores.state.arrivals("tiny")] == ["on_time"]
    assert len(world.stores.tables.read("tiny/validated")) == 400
    told = world.stores.state.outbox(model="tiny", kinds=["ingested"])
    assert [row.payload["kept"] for row in told] == [False, True]
    assert world.stores.state.outbox(model="tiny", kinds=["missing"]) == []
    api.answer = nothing
    again = lifecycle.ingest(world.stores, world.model, world.batch(0), now=world.now, run_id="by hand")
    assert (again.kept, again.empty) == (True, False)
    checks = {check.check_name: check for check in of_raw(dg.AssetKey("raw"), again)}
    assert checks["batch_is_not_empty"].passed
    assert "any more: those of delivery 1 are kept" in str(checks["batch_is_not_empty"].description)


@pytest.mark.covers("source.sql.recheck")
def test_a_row_that_is_mended_in_a_database_is_noticed_within_the_declared_span(worlds, tmp_path: Path) -> None:
    url, query = f"sqlite:///{tmp_path}/shop.db", "SELECT * FROM orders WHERE at >= :start AND at < :end"
    source = {"type": "sql", "url": url, "query": query}
    final = worlds("final", source=source, batches=LIVE | {"end": ONE_DAY})
    rechecked = worlds("rechecked", source=source | {"recheck": "1 week"}, batches=LIVE | {"end": ONE_DAY})

    def play(days: float) -> list[list[str]]:
        for world in (final, rechecked):
            world.now = START + timedelta(days=days)
            world.play()
        return [[arrival.kind for arrival in world.stores.state.arrivals("tiny")] for world in (final, rechecked)]

    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        rows_of(final.batch(0)).to_sql("orders", shop, index=False)
        assert [play(days) for days in (1, 1.5, 2)][-1] == [["on_time"], ["on_time"]]
        shop.execute("UPDATE orders SET x = 0 WHERE id = 7")
        shop.commit()
    assert play(8.5) == [["on_time"], ["on_time", "changed"]]


@pytest.mark.parametrize(("recheck", "revisions"), [({}, [1]), ({"recheck": "1 week"}, [1, 2])])
def test_labels_that_a_service_corrects_are_settled_again_within_the_declared_span(
    worlds, api: Api, recheck: dict[str, str], revisions: list[int]
) -> None:
    labels = {"type": "python", "load": "api_of_the_test:load", **recheck}
    world = worlds("w", target={"column": "y", "label_delay": "1 day", "labels": labels}, batches=LIVE)
    assert "recheck" not in world.model.spec.training_fields()["target"]["labels"], "it makes no other model"
    drop_days(world, range(1))
    given = rows_of(world.batch(0))[["id", "y"]]
    api.answer = lambda start, end: given
    for hours in (1, 25, 48):
        world.now = START + timedelta(days=1, hours=hours)
        world.play()
    given = given.assign(y=1 - given["y"])
    world.now = START + timedelta(days=9, hours=4)
    world.play()
    assert sorted(world.stores.tables.read("tiny/labels", [world.batch(0).key])["revision"].unique()) == revisions


def test_labels_that_are_asked_for_again_and_are_the_same_are_no_correction(worlds, api: Api) -> None:
    def decided(days: float) -> list[str]:
        world.now = START + timedelta(days=days)
        world.play()
        return [decision.cause for decision in world.stores.state.decisions("tiny")]

    labels = {"type": "python", "load": "api_of_the_test:load", "recheck": "1 week"}
    world = worlds(
        "w", target={"column": "y", "label_delay": "1 day", "labels": labels}, batches=LIVE | {"end": "2024-01-04"}
    )
    drop_days(world, range(3))
    api.answer = lambda start, end: answering(world)(start, end)[["id", "y"]]
    for days in (1.1, 2.1, 3.1):
        decided(days)
    assert decided(5) == ["batch"] * 3
    settles = [step for step in world.stores.state.steps("tiny", world.batch(0).key) if step.job == "settle"]
    assert len(settles) > 1, "they were asked for again"
    first = api.answer
    api.answer = lambda start, end: first(start, end).assign(y=1)
    assert "labels" in decided(7.5)


def live(*, recheck: bool, days: int) -> DeclaredModel:
    """A model whose source is a service that nobody asks: only what the tick shows counts."""
    asked: dict[str, Any] = {"type": "python", "load": "a:b"} | ({"recheck": "3 days"} if recheck else {})
    end = {"end": f"{START + timedelta(days=days):%Y-%m-%d}"}
    spec = ModelSpec.model_validate(declaration(source=asked, batches=LIVE | end))
    return DeclaredModel(spec=spec, root=Path())


def looks(model: DeclaredModel, ages: Mapping[int, timedelta]) -> dict[str, OutboxRow]:
    """A look at each of the first days' batches, so long after the window's end."""
    batches = list(model.calendar.until(START + timedelta(days=400)))
    return {
        batches[day].key: OutboxRow(
            id=day + 1, kind="batch_seen", model="tiny", batch=batches[day].key,
            payload={"fingerprint": "before"}, recorded_at=batches[day].end + age,
        )
        for day, age in ages.items()
    }  # fmt: skip


def shown_news(
    model: DeclaredModel, last: dict[str, OutboxRow], now: datetime, empty: Collection[str] = ()
) -> list[str]:
    batches = list(model.calendar.until(now))
    shown = shown_rows(model, batches, last=last, empty=empty, now=now)
    return sorted(key for key, told in shown.items() if told != "before")


def test_what_was_answered_long_before_recheck_was_declared_is_not_asked_again() -> None:
    model, due = live(recheck=True, days=300), timedelta(hours=8)
    last = looks(model, dict.fromkeys(range(300), due))
    assert shown_news(model, last, START + timedelta(days=300, hours=9)) == [
        f"{START + timedelta(days=day):%Y-%m-%d}" for day in (296, 297, 298)
    ]


def test_of_old_batches_without_rows_a_few_are_asked_at_a_tick_the_newest_first() -> None:
    model, now = live(recheck=False, days=300), START + timedelta(days=300, hours=9)
    last = looks(model, dict.fromkeys(range(300), timedelta(hours=8)))
    asked = shown_news(model, last, now, empty=last)
    assert asked == [f"{START + timedelta(days=day):%Y-%m-%d}" for day in range(299 - EMPTY_LOOKS, 299)]


def test_a_new_batch_goes_before_what_is_only_asked_for_again(worlds, api: Api) -> None:
    world = worlds("w", source={"type": "python", "load": "api_of_the_test:load"}, batches=LIVE)
    api.answer = answering(world)
    for days in (1.1, 2.1):  # at the second moment the first batch is due, and the second has closed
        world.now = START + timedelta(days=days)
        done = world.play()
    assert [(job.job, job.batch) for job in done if job.job == "watch"] == [
        ("watch", world.batch(1).key),
        ("watch", world.batch(0).key),
    ]


LABELS = {"column": "y", "label_delay": "1 day", "labels": {"type": "files", "path": "labels/{batch}*.csv"}}


def put_labels(world: World, day: int, *, flip: bool = False) -> None:
    frame = rows_of(world.batch(day))[["id", "y"]]
    frame["y"] = 1 - frame["y"] if flip else frame["y"]
    world.put(day, frame.to_csv(index=False).encode(), folder="labels")


def test_labels_that_are_corrected_in_their_own_source_are_settled_again(worlds) -> None:
    world = worlds("w", target=LABELS)
    drop_days(world, range(3))
    for day in range(2):
        put_labels(world, day)
    world.play()
    put_labels(world, 0, flip=True)
    world.play()
    table = world.stores.tables.read("tiny/labels", [world.batch(0).key])
    assert sorted(table["revision"].unique()) == [1, 2]
    assert world.play() == []


def test_a_label_file_that_cannot_be_read_brings_no_labels_until_it_is_mended(worlds) -> None:
    world = worlds("w", target=LABELS)
    drop_days(world, range(3))
    world.put(0, b"id,y\n1,\xe4\n", folder="labels")
    world.play()
    read = world.stores.state.outbox(model="tiny", kinds=["labels_read"])[0]
    assert "encoding" in str(read.payload["unreadable"])
    (content_hash,) = read.payload["parts"].values()
    assert world.stores.blobs.get(content_hash) == b"id,y\n1,\xe4\n"
    assert world.stores.state.promotions("tiny") == []
    for day in range(2):
        put_labels(world, day)
    world.play()
    settles = [step for step in world.stores.state.steps("tiny", world.batch(0).key) if step.job == "settle"]
    assert settles[-1].detail["mature"] is True


def test_an_edited_transform_is_a_changed_declaration(worlds, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    module = folder / "features_of_the_test.py"
    module.write_text("def build(rows):\n    return rows[['x']]\n")
    changes = {"features": {"transform": "features_of_the_test:build"}, "retrain": {"when": "changed_declaration"}}
    world = worlds("w", **changes)
    drop_days(world, range(3))
    world.play()
    module.write_text("def build(rows):\n    return rows[['x']] * 2\n")
    world.play()
    decision = world.stores.state.decisions("tiny")[-1]
    assert (decision.cause, decision.verdict) == ("declaration", "retrain")
    module.write_text("def build(rows):\n    return rows[['x']] * 3\n")
    world.play()
    again = world.stores.state.decisions("tiny")[-1]
    assert (again.attempt, again.verdict) == (decision.attempt + 1, "retrain"), (
        "no batch is newer; the model is another"
    )
    assert lifecycle.next_job(world.stores, world.model, now=world.now) is None
