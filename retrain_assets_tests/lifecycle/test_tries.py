"""A job that fails rests and is tried again; nothing that fails can stop a model for ever."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta

import pytest

from retrain_assets import lifecycle
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.sharing import shared_use
from retrain_assets.spec import RetrainSpec
from retrain_assets.stores.tries import RESTS, TRIES, rest_until
from retrain_assets_tests.lifecycle.test_closed_loop import drop_days
from retrain_assets_tests.lifecycle.world import NOW, World


def fail(world: World, expected: str, number: int) -> None:
    """The next job is of a kind, and its run fails."""
    job = lifecycle.next_job(world.stores, world.model, now=world.now)
    assert job is not None
    assert job.job == expected
    batch = world.model.calendar.batch(job.batch)
    lifecycle.record_failure(
        world.stores, world.model, batch, job.job, reason="the disk is full", now=world.now, run_id=f"failed-{number}"
    )


def test_the_rest_of_whatever_failed_grows_and_ends_at_once_where_a_fast_clock_wrote_the_failure() -> None:
    assert rest_until(1, NOW, NOW) == NOW + RESTS[0]
    assert rest_until(99, NOW, NOW) == NOW + RESTS[-1]
    assert rest_until(1, NOW, NOW + RESTS[0]) is None
    assert rest_until(1, NOW + timedelta(days=365), NOW) is None


@pytest.mark.parametrize("job", ["watch", "decide", "settle"])
def test_a_failed_job_rests_then_runs_under_a_new_key_and_the_stream_goes_on(world: World, job: str) -> None:
    drop_days(world, range(2))
    world.poll()
    done: list[str] = []
    while (due := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None and due.job != job:
        world.run(due)
        done.append(due.run_key)
    assert due is not None
    fail(world, job, 0)
    assert lifecycle.next_job(world.stores, world.model, now=world.now) is None
    rest = lifecycle.resting(world.stores, world.model, now=world.now)
    assert rest is not None
    assert rest.until == world.now + RESTS[0]
    failed = f"{job} of {due.batch} failed (the disk is full)"
    assert rest.reason == f"{failed}, and is tried again from {rest.until:%Y-%m-%d %H:%M:%S} UTC"
    world.now += RESTS[0]
    assert lifecycle.resting(world.stores, world.model, now=world.now) is None
    again = lifecycle.next_job(world.stores, world.model, now=world.now)
    assert again is not None
    assert (again.job, again.batch) == (due.job, due.batch)
    assert again.run_key != due.run_key
    world.play()
    assert {d.batch for d in world.stores.state.decisions("tiny")} == {world.batch(0).key, world.batch(1).key}


def test_a_failure_by_a_clock_that_has_gone_back_holds_nothing_up(world: World) -> None:
    drop_days(world, range(2))
    world.poll()
    now, world.now = world.now, world.now + timedelta(days=3650)
    fail(world, "watch", 0)
    world.now = now
    assert lifecycle.resting(world.stores, world.model, now=now) is None
    assert [job.job for job in world.play(limit=2)] == ["watch", "decide"]


def test_failures_rest_after_a_delivery_that_a_fast_clock_recorded(world: World) -> None:
    """It lies ahead of them all: that is no newer delivery."""
    drop_days(world, range(1))
    now, world.now = world.now, world.now + timedelta(days=10)
    world.poll()
    world.now = now
    for number in range(2):
        fail(world, "watch", number)
        rest = lifecycle.resting(world.stores, world.model, now=world.now)
        assert rest is not None
        assert rest.until == world.now + RESTS[number]
        world.now = rest.until


def test_deciding_that_fails_again_and_again_is_an_unknown_decision_and_the_next_batch_goes_on(world: World) -> None:
    drop_days(world, range(2))
    world.play(limit=1)
    for number in range(TRIES):
        fail(world, "decide", number)
        world.now += RESTS[number]
    (decision,) = world.stores.state.decisions("tiny", world.batch(0).key)
    assert decision.verdict == "unknown"
    assert "the disk is full" in decision.reason
    world.play()
    assert world.stores.state.decisions("tiny", world.batch(1).key)


def test_a_watch_that_was_given_up_is_decided_unknown_and_a_mended_delivery_is_watched_at_once(world: World) -> None:
    world.drop(0)
    world.poll()
    for number in range(TRIES):
        fail(world, "watch", number)
        if number < TRIES - 1:
            world.now += RESTS[number]
    job = lifecycle.next_job(world.stores, world.model, now=world.now)
    assert job is not None
    assert job.job == "decide"
    world.run(job)
    assert world.stores.state.decisions("tiny")[0].verdict == "unknown"
    world.now += timedelta(seconds=1)
    world.drop(0, seed=5)
    world.poll()
    job = lifecycle.next_job(world.stores, world.model, now=world.now)
    assert job is not None
    assert job.job == "watch"


def test_a_run_that_was_interrupted_is_no_failed_try(world: World) -> None:
    world.drop(0)
    world.poll()
    batch = world.batch(0)
    for number in range(TRIES + 1):
        lifecycle.record_failure(
            world.stores, world.model, batch, "watch",
            reason="Ctrl-C", now=world.now, run_id=f"stopped-{number}", interrupted=True,
        )  # fmt: skip
    job = lifecycle.next_job(world.stores, world.model, now=world.now)
    assert job is not None
    assert (job.job, job.attempt) == ("watch", TRIES + 2)


def test_a_missing_batch_has_a_decision_too(world: World) -> None:
    drop_days(world, range(2))
    world.drop(3)
    world.play()
    (decision,) = world.stores.state.decisions("tiny", world.batch(2).key)
    assert decision.verdict == "unknown"
    assert "missing" in decision.reason


def test_a_retrain_that_crashed_may_be_tried_on_the_same_data(worlds) -> None:
    """Only trainings that came to an evaluation count for the rule of newer data."""
    world = worlds("w", retrain={"when": "event", "max_attempts": 1})
    drop_days(world, range(3))
    world.play()
    lifecycle.record_event(world.stores, world.model, "event", "one", now=world.now)
    assert [job.job for job in world.play(limit=1)] == ["decide"]
    job = lifecycle.next_job(world.stores, world.model, now=world.now)
    assert job is not None
    assert job.job == "retrain"
    batch = world.model.calendar.batch(job.batch)
    lifecycle.freeze_training_set(world.stores, world.model, batch, now=world.now, run_id="crash")
    lifecycle.record_failure(world.stores, world.model, batch, "retrain", reason="bug", now=world.now, run_id="crash")
    lifecycle.record_event(world.stores, world.model, "person", "the bug is mended", now=world.now)
    world.play()
    assert [promotion.version for promotion in world.stores.state.promotions("tiny")] == [1, 2]


@pytest.mark.parametrize("when", ["event", "schedule", "drift"])
def test_what_asked_for_a_retrain_that_never_ended_asks_again_at_the_next_batch(after_six_days, when: str) -> None:
    """A retrain that crashed as often as it may has answered no event, settled no date and learned of no drift."""
    world = after_six_days(when=when, schedule="0 6 7 1 *", max_attempts=1)
    drop_days(world, range(6, 9), shift=3.0 if when == "drift" else 0.0)
    if when == "event":
        lifecycle.record_event(world.stores, world.model, "event", "a recall", now=world.now)
    world.poll()
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None and job.job != "retrain":
        world.run(job)
    crashed = world.stores.state.decisions("tiny")[-1]
    assert crashed.verdict == "retrain"
    fail(world, "retrain", 0)
    world.play()
    after = [made for made in world.stores.state.decisions("tiny") if made.batch > crashed.batch]
    assert after[0].verdict == "retrain"
    assert [promotion.version for promotion in world.stores.state.promotions("tiny")] == [1, 2]


@pytest.mark.parametrize("when", ["event", "drift"])
def test_a_decision_by_hand_loses_no_cause_whose_retrain_waits_for_the_end_of_the_quiet_hours(
    after_six_days, when
) -> None:
    world = after_six_days(when=when)
    quiet = RetrainSpec.model_validate({"when": when, "quiet_hours": "22:00-06:00"})
    world.model = DeclaredModel(world.model.spec.model_copy(update={"retrain": quiet}), world.root)
    world.now = datetime(2026, 1, 1, 23, tzinfo=UTC)
    drop_days(world, range(6, 7), shift=3.0 if when == "drift" else 0.0)
    world.play()
    if when == "event":
        lifecycle.record_event(world.stores, world.model, "event", "a recall", now=world.now)
        world.play()
    for run in range(2):
        decided = lifecycle.decide(
            world.stores, world.model, world.batch(6), cause="person", now=world.now, run_id=f"hand-{run}"
        )
        assert decided.decision.verdict == "retrain"
    world.now += timedelta(hours=8)
    assert next(job.job for job in world.play()) == "retrain"


@pytest.mark.parametrize("when", ["event", "drift"])
def test_a_retrain_that_was_stopped_after_it_had_promoted_is_not_asked_for_again(
    after_six_days, monkeypatch, when
) -> None:
    """The promotion is written before the registry and the step are: the cause is answered, and the cooldown runs."""
    world = after_six_days(when=when, cooldown="5 days", max_attempts=2)
    drop_days(world, range(6, 11), shift=3.0)
    if when == "event":
        lifecycle.record_event(world.stores, world.model, "event", "a recall", now=world.now)
    world.poll()
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None and job.job != "retrain":
        world.run(job)
    assert job is not None

    def down(*_: object, **__: object) -> None:
        raise OSError("the registry is away")

    with monkeypatch.context() as patched:
        patched.setattr(importlib.import_module("retrain_assets.lifecycle.promote"), "project", down)
        for number in range(2):
            with pytest.raises(OSError, match="away"):
                world.run(job)
            fail(world, "retrain", number)
            world.now += timedelta(hours=2)
    world.play()
    later = [made.verdict for made in world.stores.state.decisions("tiny") if made.batch > job.batch]
    assert set(later) == {"wait"}
    assert [promotion.version for promotion in world.stores.state.promotions("tiny")] == [1, 2]


def test_a_retrain_that_never_ended_took_nothing_of_the_shared_budget(after_six_days) -> None:
    pool = {"name": "gpu", "budget": "1 per week"}
    world = after_six_days(when="event", shared_budget=pool, max_attempts=1)
    drop_days(world, range(6, 9))
    lifecycle.record_event(world.stores, world.model, "event", "a recall", now=world.now)
    world.poll()
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None and job.job != "retrain":
        world.run(job)
    assert job is not None
    fail(world, "retrain", 0)
    world.play()
    after = [made for made in world.stores.state.decisions("tiny") if made.batch > job.batch]
    assert after[0].verdict == "retrain"
    others = shared_use(world.stores, world.model, [], attempt="none").draws
    assert [draw.as_of for draw in others if draw.standing == "retrain"] == [after[0].as_of]
