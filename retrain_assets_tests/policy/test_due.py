"""A date that came due is answered once: by a retrain, a person's no, or a condition that was false."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from retrain_assets.policy.decide import decide
from retrain_assets.policy.decision import Decision
from retrain_assets.policy.due import due_since

MONTHLY = {"when": "schedule", "schedule": "0 6 1 * *"}
WEEKS = range(10, 20)
"""The batches from 12 March to 20 May; 1 April falls into week 12, 1 May into week 17."""

Play = Callable[..., list[int]]


@pytest.fixture
def decided(facts: Any, batch_at: Any) -> Callable[..., Decision]:
    """The next decision of a week, after those that were made."""

    def decide_on(made: list[Decision], week: int, retrain: Mapping[str, Any], **parts: Any) -> Decision:
        batch = batch_at(week)
        starts = {batch_at(each).key: batch_at(each).start for each in WEEKS}
        context = facts(
            retrain={**MONTHLY, **retrain},
            batch=batch,
            newest_decided=max((each.batch for each in made), default=None),
            retrains=tuple(each.as_of for each in made if each.verdict == "retrain"),
            wanted_before=tuple(each.state["wanted"] is True for each in made if each.batch < batch.key),
            due_since=due_since(made, batch, starts.__getitem__),
            **parts,
        )
        made.append(decide(context))
        return made[-1]

    return decide_on


@pytest.fixture
def played(decided: Callable[..., Decision]) -> Play:
    """The weeks whose decisions retrain; some facts of some weeks are others."""

    def play(retrain: Mapping[str, Any], special: Mapping[int, Mapping[str, Any]] | None = None) -> list[int]:
        made: list[Decision] = []
        return [
            week for week in WEEKS if decided(made, week, retrain, **(special or {}).get(week, {})).verdict == "retrain"
        ]

    return play


def test_what_kept_a_due_retrain_back_delays_it_and_does_not_cancel_it(played: Play) -> None:
    assert played({}) == [12, 17]
    same = {"data_is_newer": False}
    assert played({}, {12: same, 13: same}) == [14, 17]
    refused = {"batch_refused": "too many rows"}
    assert played({}, {12: refused}) == [13, 17]
    assert played({"cooldown": "7 weeks"}) == [12, 19]
    # Confirmation delays a date like anything else that still holds.
    assert played({"confirm": "2 of 2"}) == [13, 18]


def test_a_retrain_for_another_reason_settles_what_was_due(played: Play) -> None:
    assert played({"when": "schedule | event"}, {14: {"events": ("x",)}}) == [12, 14, 17]
    events = {week: {"events": ("x",), "data_is_newer": week == 13} for week in (12, 13)}
    assert played({"when": "schedule | event"}, events) == [13, 17]


def test_a_condition_that_is_false_on_the_date_settles_it(played: Play, drift_report: Any, episode: Any) -> None:
    drifted = {"drift": drift_report(), "episode": episode}
    both = {"when": "schedule & drift"}
    assert played(both, {13: drifted, 17: drifted}) == [17]
    # Where it cannot be known on the date, it is asked again.
    unknown = {"drift": drift_report("unknown", "too few rows")}
    assert played(both, {12: unknown, 13: drifted}) == [13]
    assert played(both, {12: unknown, 14: drifted}) == []
    # A date that bars a retrain bars it once.
    assert played({"when": "drift & ~schedule"}, {12: drifted, 13: drifted}) == [13]


def test_a_date_is_answered_once_however_often_its_batch_is_decided(
    decided: Callable[..., Decision], drift_report: Any, episode: Any
) -> None:
    made: list[Decision] = []
    assert decided(made, 12, {}).verdict == "retrain"
    again = decided(made, 12, {}, data_is_newer=False)
    assert (again.verdict, again.state["wanted"]) == ("wait", False)
    assert decided(made, 13, {}).verdict == "wait"
    # One of before, decided late, answers nothing for those after it.
    assert decided(made, 11, {}).retrospective

    made = []
    held = {"drift": drift_report(), "episode": episode, "largest_drift": 0.1}
    assert decided(made, 12, {"hold_beyond": 2}, **held).verdict == "hold"
    assert decided(list(made), 13, {}).verdict == "retrain"  # nobody asks a person there
    no = {"open_hold": made[-1].batch, "rejected": ("ann: a broken feed",)}
    assert decided(made, 12, {"hold_beyond": 2}, **held, **no).state["hold_answer"] == "rejected"
    assert decided(made, 13, {"hold_beyond": 2}).reason.startswith("no trigger fired")


def test_the_reason_tells_a_date_of_before(decided: Callable[..., Decision]) -> None:
    made: list[Decision] = []
    decided(made, 12, {}, data_is_newer=False)
    reason = decided(made, 13, {}).reason
    assert reason == "schedule: '0 6 1 * *' came due at 2013-04-01 06:00 UTC, and nothing has settled that since"
    assert made[0].as_of + timedelta(weeks=1) == made[1].as_of
