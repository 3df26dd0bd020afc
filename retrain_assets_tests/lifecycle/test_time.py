"""Nothing that became known after a batch's cutoff is ever read for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from retrain_assets import lifecycle
from retrain_assets.data.labels import labels_as_of
from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.training_window import latest_training_set, plan_window, read_rows
from retrain_assets.lifecycle.watch import read_predictions, read_validated
from retrain_assets.reporting.records import Records
from retrain_assets.stores.tries import TRIES
from retrain_assets_tests.lifecycle.test_closed_loop import drop_days
from retrain_assets_tests.lifecycle.world import World, rows_of


def test_a_column_that_is_known_only_after_the_event_reaches_no_model(worlds) -> None:
    """`outcome_code` is the target in disguise: declared as a leak it is gone, and the loss is an honest one."""
    honest = worlds("honest")
    drop_days(honest, range(4))
    honest.play()
    assert not {"outcome_code", "y"} & set(read_validated(honest.stores, honest.model, honest.batch(0)).columns)
    version = honest.stores.state.model_versions("tiny")[0]
    assert "outcome_code" not in honest.stores.registry.load(version).manifest.features
    loss = honest.stores.state.promotions("tiny")[0].evidence["holdout"]["value"]
    assert loss > 0.2


def test_a_clock_that_was_ahead_for_a_while_keeps_no_later_batch_from_its_decision(worlds) -> None:
    """By a wrong clock all batches of a month were missing: each comes in its time, and may retrain, once."""
    world = worlds("w", batches={"every": "day", "start": "2024-01-01"}, window=QUICK_TO_LEARN)

    def day(number: int, *, flip: bool = False) -> None:
        world.drop(number, flip=flip)
        world.now = world.batch(number).end + timedelta(hours=1)
        world.play()

    for number in range(5):
        day(number)
    world.now = world.batch(40).end
    world.play()
    ahead = len(world.stores.state.decisions("tiny"))
    for number in range(5, 10):
        day(number, flip=True)
    after = world.stores.state.decisions("tiny")[ahead:]
    assert {decision.batch for decision in after} == {world.batch(number).key for number in range(5, 10)}
    assert not any(decision.retrospective for decision in after)
    retrained = [decision.batch for decision in after if decision.verdict == "retrain"]
    assert retrained
    assert len(retrained) == len(set(retrained))
    assert len(world.stores.state.promotions("tiny")) > 1


def of_a_fast_clock(worlds, *, decided: bool) -> World:
    """After two days the clock is ahead until day 20, for which all is polled, or decided too; then it is right."""
    world = worlds("w", batches={"every": "day", "start": "2024-01-01"})
    for number in range(2):
        world.drop(number)
        world.now = world.batch(number).end + timedelta(hours=1)
        world.play()
    right, world.now = world.now, world.batch(20).end
    world.play() if decided else world.poll()
    world.now = right
    return world


def missing_in(world: World) -> tuple[str, ...]:
    return Records.read(world.stores.state, world.model.spec, now=world.now).missing


def test_batches_that_a_clock_ahead_found_missing_are_told_and_decided_when_they_are(worlds) -> None:
    world = of_a_fast_clock(worlds, decided=True)
    last = world.stores.state.last_outbox_id()
    assert (world.play(), missing_in(world)) == ([], ())
    for number in (2, 3):
        world.now = world.batch(number).end + world.model.spec.batches.tolerance
        assert [(job.job, job.batch, job.cause) for job in world.play()] == [
            ("decide", world.batch(number).key, "missing")
        ]
        assert world.play() == []
    keys = [world.batch(number).key for number in (2, 3)]
    assert [row.batch for row in world.stores.state.outbox(after=last, kinds=["missing"])] == keys
    again = [made for made in world.stores.state.decisions("tiny") if made.batch in keys and made.attempt == 2]
    assert [(made.batch, made.verdict, made.retrospective) for made in again] == [(k, "unknown", False) for k in keys]
    assert missing_in(world) == tuple(keys)


def test_that_deciding_was_given_up_is_not_retrospective_for_what_a_clock_ahead_decided(worlds) -> None:
    world = of_a_fast_clock(worlds, decided=True)
    world.drop(2)
    world.now, batch = world.batch(2).end + timedelta(hours=1), world.batch(2)
    world.poll()
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None and job.job != "decide":
        world.run(job)
    for number in range(TRIES):
        failed: dict[str, Any] = {"reason": "out of memory", "now": world.now, "run_id": f"decide-{number}"}
        lifecycle.record_failure(world.stores, world.model, batch, "decide", **failed)
    made = world.stores.state.decisions("tiny", batch.key)[-1]
    assert (made.verdict, made.retrospective) == ("unknown", False)
    assert "deciding failed" in made.reason


def test_what_a_clock_ahead_found_missing_is_not_decided_once_it_is_right(worlds) -> None:
    world = of_a_fast_clock(worlds, decided=False)
    assert not [job for job in world.play() if job.batch > world.batch(1).key]
    assert missing_in(world) == ()


def test_labels_that_mature_after_the_cutoff_are_not_trained_on(world: World) -> None:
    drop_days(world, range(6))
    world.play()
    frozen = latest_training_set(world.stores, world.model, world.batch(1))
    assert frozen.batches == (world.batch(0).key,)
    assert plan_window(world.stores, world.model, world.batch(3), as_of=world.batch(3).end).batches[-1] == world.batch(
        2
    )


QUICK_TO_LEARN = {"min_rows": 200, "holdout_batches": 3, "train": "3 days"}


def test_a_rerun_of_an_old_batch_reads_nothing_later_and_gives_the_same(worlds) -> None:
    world = worlds("w", window=QUICK_TO_LEARN)
    drop_days(world, range(7))
    drop_days(world, range(7, 10), flip=True, shift=3.0)
    world.play()
    assert len(world.stores.state.promotions("tiny")) > 1
    batch = world.batch(4)
    before = {
        name: world.stores.tables.read(f"tiny/{name}", [batch.key])
        for name in ("predictions", "drift_report", "profile", "performance")
    }
    lifecycle.detect(world.stores, world.model, batch, now=world.now, run_id="rerun")
    scored = lifecycle.score(world.stores, world.model, batch, now=world.now, run_id="rerun")
    assert scored.version is not None
    assert scored.version.version == 1
    [settle, *_] = [step for step in world.stores.state.steps("tiny", batch.key) if step.job == "settle"]
    lifecycle.measure(world.stores, world.model, batch, as_of=settle.as_of, now=world.now, run_id="rerun")
    [first, *_] = world.stores.state.decisions("tiny", batch.key)
    again = lifecycle.decide(world.stores, world.model, batch, cause="batch", now=world.now, run_id="rerun").decision
    assert (again.retrospective, again.verdict, again.triggers) == (True, first.verdict, first.triggers)
    for name, table in before.items():
        pd.testing.assert_frame_equal(world.stores.tables.read(f"tiny/{name}", [batch.key]), table)


LATE = {"column": "y", "label_delay": "1 day", "labels": {"type": "files", "path": "labels/{batch}*.csv"}}


def test_a_late_label_is_in_no_model_that_was_trained_before_it_came(worlds) -> None:
    """Ten labels of the first day are false: planted in time they change the first model, too late they are nowhere."""

    def first_model(name: str, planted: timedelta | None) -> str:
        world = worlds(name, target=LATE)
        drop_days(world, range(2))
        for day in range(2):
            labels = rows_of(world.batch(day))[["id", "y"]]
            labels["available_at"] = world.batch(day).start + timedelta(days=1)
            if day == 0:
                labels = labels.drop(index=range(10)) if planted is None else labels
                labels.loc[labels["id"] < 10, "y"] = 1 - labels["y"]
                if planted is not None:
                    labels.loc[labels["id"] < 10, "available_at"] += planted
            world.put(day, labels.to_csv(index=False).encode(), folder="labels")
        world.play()
        return world.stores.state.model_versions("tiny")[0].model_hash

    absent = first_model("absent", None)
    assert first_model("late", timedelta(days=30)) == absent
    assert first_model("in_time", timedelta(0)) != absent


def test_labels_that_become_known_after_their_batch_was_mature_are_taken_in_then(worlds) -> None:
    """All lie in the first delivery: five corrections and five late ones of the second day, and some of the last."""
    world = worlds("w", target=LATE)
    drop_days(world, range(6))
    second, last = world.batch(1), world.batch(5)
    matured, the_last = world.model.matured_at(second), world.batch(7).end
    for day in range(6):
        start = world.batch(day).start
        labels = rows_of(world.batch(day))[["id", "y"]].assign(available_at=start + timedelta(days=1))
        if day == 1:
            late = start + timedelta(days=3, hours=12)
            labels.loc[labels["id"] >= 395, "available_at"] = late
            corrected = labels[labels["id"] < 5].assign(available_at=late)
            labels = pd.concat([labels, corrected.assign(y=1 - corrected["y"])])
        if day == 5:
            labels.loc[labels["id"] >= 395, "available_at"] = the_last - pd.to_timedelta(range(5), unit="h")
        world.put(day, labels.to_csv(index=False).encode(), folder="labels")
    world.play()

    stored = world.stores.tables.read("tiny/labels", [second.key])
    assert (len(stored), stored["ra_row_id"].nunique(), (stored["revision"] == 2).sum()) == (405, 400, 5)
    assert len(labels_as_of(stored, world.batch(3).end)) == 395
    assert set(stored.loc[stored["available_at"] > matured, "available_at"]) == {pd.Timestamp(world.batch(4).end)}
    assert _settled(world, second) == [matured, world.batch(4).end]
    assert len(world.stores.tables.read("tiny/labels", [last.key])) == 400
    assert _settled(world, last) == [world.model.matured_at(last), the_last]


def test_labels_that_come_one_by_one_cost_a_few_settlings_and_one_that_never_comes_keeps_none_away(worlds) -> None:
    world = worlds("w", target=LATE, retrain={"when": "event"})
    drop_days(world, range(10))
    for day in range(10):
        start = world.batch(day).start
        labels = rows_of(world.batch(day))[["id", "y"]].assign(available_at=start + timedelta(days=1))
        labels.loc[labels["id"] >= 390, "available_at"] += pd.to_timedelta(range(1, 11), unit="D")
        labels.loc[labels["id"] == 399, "available_at"] = pd.Timestamp("2199-01-01", tz="UTC")
        world.put(day, labels.to_csv(index=False).encode(), folder="labels")
    world.play()
    first = world.batch(0)
    assert [(as_of - first.end).days for as_of in _settled(world, first)[:4]] == [1, 2, 4, 8]
    assert all(len(_settled(world, world.batch(day))) <= 5 for day in range(10))
    assert len(world.stores.tables.read("tiny/labels", [first.key])) >= 398


def test_a_pending_label_whose_time_is_mended_in_a_further_delivery_is_taken_in_then(worlds) -> None:
    """The rows that are known stay the same, and so does the cutoff."""
    world = worlds("w", target=LATE, batches={"every": "day", "start": "2024-01-01"}, retrain={"when": "event"})
    labels = rows_of(world.batch(2))[["id", "y"]].assign(available_at=world.batch(3).start)

    def deliver(late: datetime) -> None:
        labels.loc[labels["id"] >= 395, "available_at"] = late
        world.put(2, labels.to_csv(index=False).encode(), folder="labels")
        world.play()

    drop_days(world, range(4))
    world.now = world.batch(3).end + timedelta(hours=1)
    deliver(datetime(2099, 1, 1, tzinfo=UTC))
    deliver(world.batch(4).end - timedelta(hours=3))
    world.now = world.batch(4).end + timedelta(hours=1)
    world.drop(4)
    world.play()
    assert len(world.stores.tables.read("tiny/labels", [world.batch(2).key])) == 400


def test_pending_labels_of_a_batch_that_was_refused_since_are_not_settled_on_nothing(worlds) -> None:
    world = worlds("w", target=LATE, batches={"every": "day", "start": "2024-01-01"}, retrain={"when": "event"})
    labels = rows_of(world.batch(1))[["id", "y"]].assign(available_at=world.batch(2).start)
    labels.loc[labels["id"] >= 395, "available_at"] = world.batch(6).end
    drop_days(world, range(4))
    world.put(1, labels.to_csv(index=False).encode(), folder="labels")
    world.now = world.batch(3).end + timedelta(hours=1)
    world.play()
    world.drop(1, rows_of(world.batch(1)).drop(columns="x"))
    world.now = world.batch(6).end + timedelta(hours=1)
    world.play()
    [settled] = [step for step in world.stores.state.steps("tiny", world.batch(1).key) if step.job == "settle"]
    assert settled.detail["mature"]


def _settled(world: World, batch: Batch) -> list[datetime]:
    return [step.as_of for step in world.stores.state.steps("tiny", batch.key) if step.job == "settle"]


def test_a_frozen_training_set_reproduces_the_same_model_after_its_data_were_corrected(world: World) -> None:
    drop_days(world, range(4))
    world.play()
    batch, first = world.batch(1), world.stores.state.model_versions("tiny")[0]
    world.drop(0, rows_of(world.batch(0), flip=True))
    world.play()
    frozen = lifecycle.freeze_training_set(world.stores, world.model, batch, now=world.now, run_id="again")
    assert frozen.data_hash == first.data_hash
    again = lifecycle.train(world.stores, world.model, batch, now=world.now, run_id="again")
    assert again.version.model_hash == first.model_hash


def test_reserved_rows_are_never_trained_on(world: World) -> None:
    """Row ids repeat from day to day: rows of all days of the window are there, and none twice."""
    drop_days(world, range(4))
    world.play()
    lifecycle.record_event(world.stores, world.model, "event", "train on three days", now=world.now)
    world.play()
    frozen = latest_training_set(world.stores, world.model, world.batch(3))
    trained, reserved = (
        read_rows(world.stores, world.model, frozen, frozen.batches, reserved=which) for which in (False, True)
    )
    assert len(trained) + len(reserved) == 1200
    assert not trained["ra_reserved"].any()
    assert reserved["ra_reserved"].all()
    manifest = world.stores.registry.load(world.stores.state.model_versions("tiny")[-1]).manifest
    assert manifest.training_rows == len(trained) == frozen.rows
    assert 0.1 < len(reserved) / 1200 < 0.3


def test_a_correction_of_a_label_appends_and_the_past_still_reads_what_it_saw(world: World) -> None:
    drop_days(world, range(3))
    world.play()
    day, frame = world.batch(0), rows_of(world.batch(0))
    frame.loc[:9, "y"] = 1 - frame.loc[:9, "y"]
    frame["outcome_code"] = frame["y"] * 10
    before = world.stores.tables.read("tiny/labels", [day.key])
    world.drop(0, frame)
    world.play()
    after = world.stores.tables.read("tiny/labels", [day.key])
    assert len(after) == len(before) + 10
    assert sorted(after["revision"].unique()) == [1, 2]
    assert (after.loc[after["revision"] == 2, "available_at"] > pd.Timestamp(world.batch(1).end)).all()


def test_what_was_served_stays_when_the_champion_changes(worlds) -> None:
    world = worlds("w", window=QUICK_TO_LEARN)
    drop_days(world, range(4))
    drop_days(world, range(4, 10), flip=True)
    world.play()
    log = world.stores.state.promotions("tiny")
    assert len(log) > 1
    for promotion in log:
        served = read_predictions(world.stores, world.model, world.model.calendar.batch(str(promotion.batch)))
        versions = set(served[served["mode"] == "served"]["version"])
        assert promotion.version not in versions
