"""Pause, alert, resume or reject; quiet hours; what trainings took."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import RefusedError
from retrain_assets.lifecycle.holding import HELD, answer_hold
from retrain_assets.lifecycle.spending import spent
from retrain_assets.policy.decision import Decision
from retrain_assets.policy.holds import open_hold
from retrain_assets_tests.lifecycle.world import START, World

Worlds = Callable[..., World]


@pytest.fixture
def paused(after_six_days: Worlds) -> World:
    """Six usual days; the inputs of the seventh lie where none did before."""
    world = after_six_days(when="drift", hold_beyond=3.0)
    world.drop(6, shift=8.0)
    world.play()
    return world


def newest(world: World):
    return world.stores.state.decisions("tiny")[-1]


def test_a_retrain_is_held_and_told_of_once_and_serving_goes_on(paused: World) -> None:
    world = paused
    assert newest(world).verdict == "hold"
    assert "beyond all that was seen" in newest(world).reason
    world.drop(7, shift=8.0)
    world.play()
    assert (newest(world).batch, newest(world).verdict) == (world.batch(7).key, "hold")
    told = world.stores.state.outbox(model="tiny", kinds=[HELD])
    assert [row.batch for row in told] == [world.batch(6).key]
    served = world.stores.tables.read("tiny/predictions", [world.batch(7).key])
    assert set(served["mode"]) == {"served"}
    assert {step.batch for step in world.stores.state.steps("tiny") if step.job == "retrain"} == {world.batch(1).key}


def test_a_person_resumes(paused: World) -> None:
    world = paused
    held = answer_hold(world.stores, world.model, "resume", person="person:ann", reason="it moved", now=world.now)
    assert held.batch == world.batch(6).key
    world.play()
    assert newest(world).verdict == "retrain"
    assert "person:ann: it moved" in newest(world).reason
    assert [job.job for job in world.ran][-1] == "retrain"
    assert open_hold(world.stores.state.decisions("tiny")) is None
    with pytest.raises(RefusedError, match="nothing to reject"):
        answer_hold(world.stores, world.model, "reject", person="person:ann", reason="no", now=world.now)


def test_a_person_rejects_and_the_same_drift_does_not_ask_again(paused: World) -> None:
    world = paused
    answer_hold(world.stores, world.model, "reject", person="person:ann", reason="a broken feed", now=world.now)
    world.play()
    assert (newest(world).verdict, newest(world).batch) == ("wait", world.batch(6).key)
    assert "a broken feed" in newest(world).reason
    (episode,) = [each for each in world.stores.state.episodes("tiny") if each.closed_batch is None]
    assert episode.acknowledged_batch == world.batch(6).key
    assert open_hold(world.stores.state.decisions("tiny")) is None
    # Nor once its labels have come: nothing is trained on what somebody calls broken.
    for day in (7, 8):
        world.drop(day, shift=8.0)
        world.play()
        assert (newest(world).verdict, newest(world).batch) == ("wait", world.batch(day).key)


def test_a_rejected_retrain_is_not_resumed_before_the_decision_that_says_so(paused: World) -> None:
    """The rejection wins: a resumption that was taken down would be heard of by nobody."""
    world = paused
    answer_hold(world.stores, world.model, "resume", person="person:bob", reason="it moved", now=world.now)
    answer_hold(world.stores, world.model, "reject", person="person:ann", reason="a broken feed", now=world.now)
    with pytest.raises(RefusedError, match=r"was rejected already \(person:ann: a broken feed\).*nothing was recorded"):
        answer_hold(world.stores, world.model, "resume", person="person:bob", reason="it moved", now=world.now)
    assert len(world.stores.state.outbox(model="tiny", kinds=["hold_resumed"])) == 1
    # What is asked for afterwards is not answered by the rejection.
    lifecycle.record_event(world.stores, world.model, "person", "it did move", now=world.now)
    world.play()
    assert "a broken feed" in newest(world).reason


def test_who_rejects_a_retrain_answers_what_asked_for_it_before_and_nothing_that_comes_later(
    after_six_days: Worlds,
) -> None:
    world = after_six_days(when="event", hold_beyond=3.0)
    world.drop(6, shift=8.0)
    world.play()
    state = world.stores.state
    lifecycle.record_event(world.stores, world.model, "event", "new tariff", now=world.now)
    world.play()
    assert newest(world).verdict == "hold"
    answer_hold(world.stores, world.model, "reject", person="person:ann", reason="a broken feed", now=world.now)
    world.play()
    assert "a broken feed" in newest(world).reason
    world.drop(7)
    world.play()
    assert (newest(world).batch, newest(world).verdict) == (world.batch(7).key, "wait"), newest(world).reason
    assert "event" not in newest(world).fired, "the person knew of it"
    lifecycle.record_event(world.stores, world.model, "event", "another tariff", now=world.now)
    world.play()
    assert newest(world).verdict == "retrain"
    assert "another tariff" in newest(world).reason
    assert "new tariff" not in newest(world).reason
    assert [made.verdict for made in state.decisions("tiny")].count("retrain") == 2


def test_a_training_set_by_hand_is_the_answer_to_a_hold(paused: World) -> None:
    world = paused
    older, held = world.batch(5), world.batch(6)
    lifecycle.freeze_training_set(world.stores, world.model, older, now=world.now, run_id="older")
    assert open_hold(world.stores.state.decisions("tiny")) is not None, "what is held is not in an older batch"
    (episode,) = [each for each in world.stores.state.episodes("tiny") if each.closed_batch is None]
    assert episode.acknowledged_batch is None
    lifecycle.freeze_training_set(world.stores, world.model, held, now=world.now, run_id="by hand")
    assert open_hold(world.stores.state.decisions("tiny")) is None
    (episode,) = [each for each in world.stores.state.episodes("tiny") if each.closed_batch is None]
    assert episode.acknowledged_batch == held.key, "the drift that a person answered does not alarm again"
    with pytest.raises(RefusedError, match="nothing to reject"):
        answer_hold(world.stores, world.model, "reject", person="person:ann", reason="no", now=world.now)


def made(day: int, attempt: int = 1, **state: str) -> Decision:
    """A decision of which only what it says of holds counts here."""
    return Decision(
        model="tiny", batch=f"2024-01-0{day}", attempt=attempt, verdict="wait", reason="", cause="batch", triggers=(),
        as_of=START, decided_at=START, champion_version=1, state=state,
    )  # fmt: skip


def test_a_hold_is_the_newest_that_began_and_was_not_answered() -> None:
    six, seven = made(6).batch, made(7).batch
    begun, met, another = made(6, hold=six), made(7, hold=six), made(7, 2, hold=seven)
    assert open_hold([begun, met, made(8)]) is begun
    assert open_hold([begun, met, another, made(8, hold=seven)]) is another
    assert open_hold([begun, met, made(7, 2, hold_answer="resumed")]) is None
    again = made(7, 3, hold=seven)
    assert open_hold([begun, another, made(7, 2, hold_answer="resumed"), again]) is again
    overtaken = made(7, hold=seven, hold_answer="overtaken")
    assert open_hold([begun, overtaken]) is overtaken


@pytest.mark.covers("retrain.quiet_hours.begin", "retrain.quiet_hours.end")
def test_a_retrain_waits_for_the_end_of_the_quiet_hours(worlds: Worlds) -> None:
    evening, morning = datetime(2026, 1, 1, 23, tzinfo=UTC), datetime(2026, 1, 2, 6, tzinfo=UTC)
    for name, hours, starts in (("night", "20:00-06:00", False), ("short", "01:00-05:00", True)):
        world = worlds(name, retrain={"when": "event", "quiet_hours": hours})
        world.now = evening
        world.drop(0)
        world.drop(1)
        assert ("retrain" in [job.job for job in world.play()]) is starts
        if not starts:
            assert lifecycle.next_job(world.stores, world.model, now=world.now) is None
            rest = lifecycle.resting(world.stores, world.model, now=world.now)
            assert rest is not None
            assert rest.until == morning
            assert "waits for the end of the quiet hours, 2026-01-02 06:00 UTC" in rest.reason
            world.now = morning
            assert next(job.job for job in world.play()) == "retrain"


def test_what_a_training_took_is_kept_and_binds_the_next(worlds: Worlds) -> None:
    world = worlds(
        "spent", retrain={"when": "schedule", "schedule": "0 6 4 1 *", "spend": "0.000001 cpu seconds per year"}
    )
    for day in range(5):
        world.drop(day)
    world.play()
    ((as_of, seconds),) = spent(world.stores, world.model, as_of=world.batch(4).end)
    assert (as_of, seconds > 0) == (world.batch(1).end, True)
    assert spent(world.stores, world.model, as_of=world.batch(0).end) == ()
    assert newest(world).verdict == "wait"
    assert "spend: " in newest(world).reason
    # The date was that of the batch before, and is not forgotten.
    assert "came due at 2024-01-04 06:00 UTC, and nothing has settled that since" in newest(world).reason
