"""The tick of a launching sensor without Dagster: cursors only save work, budgets hold, nobody starves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.records import NextJob
from retrain_assets.orchestration.launching import PAGE, Agenda, Cursor, due_jobs
from retrain_assets.stores.protocols import OutboxRow, Stores

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class FakeState:
    """An outbox and leases."""

    rows: list[OutboxRow] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)

    def tell(self, model: str) -> None:
        self.rows.append(
            OutboxRow(id=len(self.rows) + 1, kind="step", model=model, batch=None, payload={}, recorded_at=NOW)
        )

    def outbox(self, *, after: int = 0, limit: int = 1000, **_: Any) -> list[OutboxRow]:
        return [row for row in self.rows if row.id > after][:limit]

    def last_outbox_id(self) -> int:
        return len(self.rows)

    def lease_owner(self, model: str, *, now: datetime) -> str | None:
        return self.owners.get(model)


@dataclass
class Office:
    """Models with what each would do next, and who was asked."""

    state: FakeState
    due: dict[str, NextJob]
    models: dict[str, DeclaredModel]
    asked: list[str]

    def tick(self, job: str, cursor: Cursor | None, *, seconds: float = 0.0, budget: float = 1e9) -> Agenda:
        """One tick; asking a model takes `seconds`."""
        return due_jobs(
            cast(Stores, self),
            self.models,
            job,
            cursor,
            now=NOW,
            clock=lambda: len(self.asked) * seconds,
            budget_seconds=budget,
            sweep_seconds=budget,
        )


def job_of(model: str, job: str, attempt: int = 1) -> NextJob:
    return NextJob(
        model=model,
        job=cast(Any, job),
        batch="2024-01-01",
        attempt=attempt,
        cause="batch",
        as_of=NOW,
        run_key=f"{model}/{job}/2024-01-01/{attempt}",
    )


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[str]], Office]:
    def make(names: Sequence[str]) -> Office:
        made = Office(state=FakeState(), due={}, models={name: cast(DeclaredModel, name) for name in names}, asked=[])

        def ask(_: Stores, model: Any, *, now: datetime) -> NextJob | None:
            made.asked.append(model)
            return made.due.get(model)

        monkeypatch.setattr("retrain_assets.lifecycle.next_job", ask)
        return made

    return make


def test_the_first_tick_asks_every_model(office: Callable[[Sequence[str]], Office]) -> None:
    here = office(["a", "b", "c"])
    here.due["b"] = job_of("b", "watch")
    agenda = here.tick("watch", None)
    assert here.asked == ["a", "b", "c"]
    assert [due.model for due in agenda.jobs] == ["b"]


def test_a_job_of_another_kind_is_left_to_its_own_sensor(office: Callable[[Sequence[str]], Office]) -> None:
    here = office(["a"])
    here.due["a"] = job_of("a", "decide")
    assert here.tick("watch", None).jobs == ()
    assert [due.run_key for due in here.tick("decide", None).jobs] == ["a/decide/2024-01-01/1"]


def test_only_changed_models_are_asked_when_there_is_no_time_for_more(
    office: Callable[[Sequence[str]], Office],
) -> None:
    here = office([f"m{number}" for number in range(10)])
    cursor = here.tick("watch", None).cursor
    here.asked.clear()
    here.state.tell("m7")
    agenda = here.tick("watch", cursor, seconds=1, budget=0.5)
    assert here.asked[0] == "m7"
    assert len(here.asked) == 2
    assert agenda.cursor.after == 1


def test_the_slow_round_reaches_every_model_without_any_news(office: Callable[[Sequence[str]], Office]) -> None:
    here = office([f"m{number}" for number in range(7)])
    cursor: Cursor | None = here.tick("watch", None).cursor
    here.asked.clear()
    for _ in range(7):
        cursor = here.tick("watch", cursor, seconds=1, budget=0.5).cursor
    assert sorted(here.asked) == sorted(here.models)


def test_a_held_model_is_asked_again_when_it_is_free(office: Callable[[Sequence[str]], Office]) -> None:
    here = office(["a", "b"])
    here.due["a"] = job_of("a", "watch")
    here.state.owners["a"] = "run-1"
    waiting = here.tick("watch", None)
    assert waiting.jobs == ()
    assert waiting.reason == "Waiting: run run-1 is working on a."
    assert waiting.cursor.again == ("a",)
    here.state.owners.clear()
    assert [due.model for due in here.tick("watch", waiting.cursor).jobs] == ["a"]


def test_changed_models_that_time_ran_out_for_come_first_at_the_next_tick(
    office: Callable[[Sequence[str]], Office],
) -> None:
    here = office([f"m{number}" for number in range(10)])
    cursor = here.tick("watch", None).cursor
    for number in (9, 8, 6):
        here.state.tell(f"m{number}")
    here.asked.clear()
    agenda = here.tick("watch", cursor, seconds=1, budget=1.5)
    assert here.asked[:2] == ["m9", "m8"]
    assert agenda.cursor.again == ("m6",)
    here.asked.clear()
    here.tick("watch", agenda.cursor, seconds=1, budget=0.5)
    assert here.asked[0] == "m6"


def test_rows_of_models_of_other_locations_are_passed_over(office: Callable[[Sequence[str]], Office]) -> None:
    here = office(["a"])
    cursor = here.tick("watch", None).cursor
    for _ in range(PAGE + 1):
        here.state.tell("elsewhere")
    here.state.tell("a")
    here.asked.clear()
    assert here.tick("watch", cursor).cursor.after == PAGE + 2
    assert here.asked == ["a"]


def test_a_cursor_survives_being_stored() -> None:
    cursor = Cursor(after=7, again=("a", "b"), sweep=3, poll=1)
    assert Cursor.parse(str(cursor)) == cursor
    assert Cursor.parse(None) is None
    assert Cursor.parse("") is None


def test_the_reason_for_nothing_is_a_sentence(office: Callable[[Sequence[str]], Office]) -> None:
    here = office(["a", "b"])
    here.state.tell("a")
    assert here.tick("watch", None).reason == "Nothing to do: 2 models asked, no outbox row after 1."
