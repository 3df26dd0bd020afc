"""Late, twice, empty, changed, out of order, never: each delivery is noticed and named."""

from __future__ import annotations

import io
import os
from datetime import timedelta

import pandas as pd
import pytest

from retrain_assets import lifecycle
from retrain_assets.lifecycle.watch import read_predictions
from retrain_assets_tests.lifecycle.test_closed_loop import drop_days
from retrain_assets_tests.lifecycle.world import NOW, START, World, rows_of


def kinds(world: World, day: int) -> list[str]:
    return [arrival.kind for arrival in world.stores.state.arrivals("tiny", world.batch(day).key)]


def test_the_same_content_again_is_a_duplicate_and_computes_the_same(world: World) -> None:
    drop_days(world, range(4))
    world.play()
    before = world.stores.tables.commits("tiny/validated")
    world.drop(1)
    world.play()
    assert kinds(world, 1) == ["on_time", "duplicate"]
    assert world.stores.tables.commits("tiny/validated") == before


def test_changed_content_is_a_new_revision_rescored_beside_what_was_served(world: World) -> None:
    drop_days(world, range(5))
    world.play()
    served = read_predictions(world.stores, world.model, world.batch(3))
    decisions = len(world.stores.state.decisions("tiny"))
    world.drop(3, shift=0.5, seed=99)
    world.play()
    arrivals = world.stores.state.arrivals("tiny", world.batch(3).key)
    assert [(arrival.kind, arrival.revision) for arrival in arrivals] == [("on_time", 1), ("changed", 2)]
    after = read_predictions(world.stores, world.model, world.batch(3))
    pd.testing.assert_frame_equal(
        after[after["mode"] == "served"].reset_index(drop=True), served.reset_index(drop=True)
    )
    assert (after["mode"] == "rescored").any()
    # Labels of the old day changed too, which is a cause to decide the newest batch again, never the old one.
    newest = {decision.batch for decision in world.stores.state.decisions("tiny")[decisions:]}
    assert newest <= {world.batch(4).key}


def test_an_empty_batch_is_refused_decided_unknown_and_the_stream_goes_on(world: World) -> None:
    drop_days(world, range(3))
    world.drop(3, pd.DataFrame(columns=rows_of(world.batch(3)).columns))
    drop_days(world, range(4, 6))
    world.play()
    decision = world.stores.state.decisions("tiny", world.batch(3).key)[0]
    assert decision.verdict == "unknown"
    assert "refused" in decision.reason
    assert world.stores.state.steps("tiny", world.batch(5).key)


def test_what_was_there_before_and_comes_back_is_valid_again_however_often(world: World) -> None:
    def deliver(content: bytes, age: float) -> float:
        path = world.put(1, content)
        os.utime(path, (age, age))  # as `cp -p` does, which brings back the old time with the old bytes
        world.play()
        return float(world.stores.tables.read("tiny/validated", [world.batch(1).key])["x"].mean())

    first, second = (rows_of(world.batch(1), shift=shift).to_csv(index=False).encode() for shift in (0.0, 2.0))
    world.drop(0)
    earlier, later = NOW.timestamp() - 9000, NOW.timestamp() - 8000
    means = [deliver(first, earlier), deliver(second, later)]
    for _ in range(2):
        assert [deliver(first, earlier), deliver(second, later)] == means
    assert kinds(world, 1) == ["on_time", "changed", "duplicate", "duplicate", "changed", "changed"]


def test_a_gap_in_a_history_that_is_caught_up_waits_for_the_batches_before_it(world: World) -> None:
    drop_days(world, range(4))
    world.drop(5)
    world.play()
    made = world.stores.state.decisions("tiny")
    assert [decision.batch for decision in made if not decision.retrospective] == [
        world.batch(day).key for day in range(6)
    ]
    assert world.stores.state.promotions("tiny")[0].batch == world.batch(1).key, "as early as without the gap"


def test_a_file_that_may_still_be_written_is_not_missing(world: World) -> None:
    drop_days(world, range(0, 3, 2))
    path = world.drop(1)
    os.utime(path)
    assert lifecycle.poll_source(world.stores, world.model, now=world.now) == (
        [world.batch(0).key, world.batch(2).key],
        [],
    )
    os.utime(path, (NOW.timestamp() - 9000, NOW.timestamp() - 9000))
    assert lifecycle.poll_source(world.stores, world.model, now=world.now) == ([world.batch(1).key], [])


def parquet_of(frame: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


HEADER = b"id,at,x,z,kind,outcome_code,y"


@pytest.mark.parametrize("content", [b"", b" \n\n", HEADER, HEADER + b"\r\n\n", b'"id\nof a row",x\n'])
def test_a_batch_without_rows_is_named_empty(world: World, content: bytes) -> None:
    world.put(0, content)
    world.play()
    assert kinds(world, 0) == ["empty"]


def test_a_parquet_file_without_rows_is_named_empty_and_a_damaged_one_is_not(worlds) -> None:
    world = worlds("w", source={"type": "files", "path": "drop/{batch}*.csv", "format": "parquet"})
    rows = rows_of(world.batch(0))
    world.put(0, parquet_of(rows[:0]))
    world.put(1, parquet_of(rows)[:-9])
    world.play()
    assert [kinds(world, day) for day in (0, 1)] == [["empty"], ["on_time"]]


def test_rows_after_an_empty_delivery_are_the_first_ones_and_not_a_change(world: World) -> None:
    for content in (HEADER, HEADER, rows_of(world.batch(0)).to_csv(index=False).encode(), HEADER + b"\n"):
        world.put(0, content)
        world.play()
    assert kinds(world, 0) == ["empty", "duplicate", "on_time", "empty"]


def test_an_empty_batch_is_missing_when_it_is_due_whatever_file_it_came_in(world: World) -> None:
    drop_days(world, range(3))
    world.put(1, HEADER)
    world.play()
    world.play()
    (row,) = world.stores.state.outbox(model="tiny", kinds=["missing"])
    assert (row.batch, row.payload["empty"]) == (world.batch(1).key, True)


def test_a_gap_is_reported_and_does_not_hold_up_the_stream_and_the_late_batch_is_watched(world: World) -> None:
    drop_days(world, range(3))
    world.play()
    drop_days(world, range(4, 6))
    world.play()
    rows = world.stores.state.outbox(model="tiny", kinds=["missing"])
    assert [row.batch for row in rows] == [world.batch(3).key]
    world.drop(3)
    world.play()
    (decision,) = world.stores.state.decisions("tiny", world.batch(3).key)
    assert (decision.verdict, "missing" in decision.reason) == ("unknown", True)
    # What came late is watched and settled; it is the newest batch that is decided again.
    jobs = [step.job for step in world.stores.state.steps("tiny", world.batch(3).key)]
    assert "watch" in jobs
    assert "retrain" not in jobs
    newest = world.stores.state.decisions("tiny")[-1]
    assert newest.batch == world.batch(5).key


def test_late_and_missing_are_judged_from_the_day_the_model_was_declared(worlds) -> None:
    world = worlds("live", batches={"every": "day", "start": "2024-01-01", "tolerance": "6 hours"})
    world.now = START + timedelta(days=3, hours=1)
    drop_days(world, range(3))
    world.play()
    world.now = START + timedelta(days=4, hours=7)
    assert lifecycle.poll_source(world.stores, world.model, now=world.now) == ([], [world.batch(3).key])
    assert lifecycle.poll_source(world.stores, world.model, now=world.now) == ([], [])
    world.drop(3)
    world.play()
    assert [kinds(world, day) for day in range(4)] == [["on_time"], ["on_time"], ["on_time"], ["late"]]


def test_a_batch_whose_window_is_still_open_waits(worlds) -> None:
    world = worlds("live", batches={"every": "day", "start": "2024-01-01"})
    world.now = START + timedelta(days=1, hours=1)
    drop_days(world, range(2))
    world.play()
    assert {step.batch for step in world.stores.state.steps("tiny")} == {world.batch(0).key}


def test_an_unreadable_file_is_kept_and_quarantined_as_a_file(world: World) -> None:
    drop_days(world, range(2))
    path = world.put(2, "id,at,x,z,kind,outcome_code,y\n1,2024-01-03T00:00:00,1,1,\xe4,1,1\n".encode("latin-1"))
    world.play()
    quarantine = world.stores.tables.read("tiny/quarantine", [world.batch(2).key])
    assert list(quarantine["file"]) == [path.name]
    assert quarantine["rule"].tolist() == ["file_is_readable"]
    (arrival,) = world.stores.state.arrivals("tiny", world.batch(2).key)
    assert world.stores.blobs.get(arrival.parts[0].content_hash) == path.read_bytes()


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_bad_rows_go_to_quarantine_and_only_above_the_tolerance_is_the_batch_refused(
    world: World, share: float
) -> None:
    frame = rows_of(world.batch(0))
    frame.loc[: int(len(frame) * share) - 1, "x"] = 1000.0
    world.drop(0, frame)
    world.play()
    accepted = world.stores.tables.read("tiny/validated", [world.batch(0).key])
    quarantined = world.stores.tables.read("tiny/quarantine", [world.batch(0).key])
    assert len(accepted) + quarantined["row_number"].nunique() == len(frame)
    (watch,) = [step for step in world.stores.state.steps("tiny") if step.job == "watch"]
    assert watch.outcome == ("refused" if share > 0.05 else "done")
    assert watch.outcome == "done" or watch.detail["contract"] == world.model.spec.contract_hash()


def test_a_late_batch_neither_swallows_an_event_nor_a_decided_retrain(worlds) -> None:
    """The decision of an old batch is retrospective: what happened meanwhile is answered by the newest batch's."""
    world = worlds("w", retrain={"when": "event"})
    drop_days(world, range(2))
    drop_days(world, range(3, 5))
    world.play()
    world.drop(2)
    world.poll()
    lifecycle.record_event(world.stores, world.model, "event", "new tariff", now=world.now)
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None:
        if job.cause == "event" and not world.stores.state.decisions("tiny", world.batch(2).key):
            lifecycle.decide(
                world.stores, world.model, world.batch(2), cause="person", now=world.now, run_id="early"
            )  # before the newest batch's
            assert lifecycle.next_job(world.stores, world.model, now=world.now) == job
        world.run(job)
    assert any(
        decision.cause == "event" and decision.verdict == "retrain" and decision.batch == world.batch(4).key
        for decision in world.stores.state.decisions("tiny")
    )
