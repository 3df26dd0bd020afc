"""Labels of no row, of rows that come later, and of before their event: none is lost, and each is told."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from retrain_assets import lifecycle
from retrain_assets.orchestration import checks, metadata
from retrain_assets_tests.lifecycle.test_closed_loop import drop_days
from retrain_assets_tests.lifecycle.test_sources_asked import LABELS, put_labels
from retrain_assets_tests.lifecycle.world import rows_of


def test_labels_that_come_before_their_rows_wait_and_are_told_and_taken_in_with_them(worlds) -> None:
    """All labels of two days come first; then the rows of the first, those of the second in two deliveries."""
    world = worlds("w", target=LABELS)
    for day in range(2):
        put_labels(world, day)
    assert world.play() == []
    world.drop(0)
    late = rows_of(world.batch(1))
    world.drop(1, late.iloc[:300])
    world.drop(2)
    world.play()

    def labelled(day: int) -> int:
        return len(world.stores.tables.read("tiny/labels", [world.batch(day).key]))

    told = world.stores.state.outbox(model="tiny", kinds=["labels_unplaced"])
    assert (labelled(0), labelled(1)) == (400, 300)
    assert {(row.batch, row.payload["unknown"], tuple(row.payload["ids"])) for row in told} == {
        (world.batch(1).key, 100, ("300", "301", "302"))
    }
    world.drop(1, late)
    world.play()
    assert labelled(1) == 400
    assert world.stores.state.outbox(model="tiny", kinds=["labels_unplaced"]) == told
    assert world.play() == []


def test_whose_label_it_is_stays_unknown_where_no_row_has_its_id(worlds) -> None:
    world = worlds("w", target=LABELS)
    drop_days(world, range(2))
    start = world.batch(0).start
    labels = rows_of(world.batch(0))[["id", "y"]].assign(available_at=start + timedelta(days=1))
    labels.loc[labels["id"] == 5, "id"] = 9005
    labels.loc[labels["id"] == 6, "available_at"] = start - timedelta(days=1)
    world.put(0, labels.to_csv(index=False).encode(), folder="labels")
    world.play()
    settled = lifecycle.settle_labels(
        world.stores, world.model, world.batch(0), as_of=world.batch(1).end, now=world.now, run_id="again"
    )
    results = {result.check_name: result for result in checks.of_labels(dg.AssetKey(["tiny", "labels"]), settled)}
    told = results["labels_belong_to_rows"]
    assert (told.passed, told.severity, told.metadata["state"].value) == (False, dg.AssetCheckSeverity.WARN, "unknown")
    assert told.description == (
        "unknown: 1 labels are of no row of the batch so far (ids 9005), as those of other batches' rows are; 0 are of "
        "rows in quarantine; 1 are dated before the event of their row, and count from it on; the dates of 0 cannot be "
        "read, and they count from target.label_delay on"
    )
    shown = metadata.of_labels(world.stores, settled)
    assert shown["labels_of_unknown_rows"] == shown["labels_before_their_event"] == 1
    assert (shown["unknown_ids"], settled.labelled, settled.mature) == ("9005", 399, True)
    known = world.stores.tables.read("tiny/labels", [world.batch(0).key]).set_index("ra_row_id")
    assert known.loc["6", "available_at"] >= known.loc["6", "event_time"]


def test_labels_of_rows_in_quarantine_are_told_and_leave_nothing_unknown(worlds) -> None:
    """The label source knows of the refused rows, too, and dates its labels by the day alone, or not at all."""
    world = worlds("w", target=LABELS)
    rows = rows_of(world.batch(0))
    world.drop(0, rows.assign(x=rows["x"].mask(rows["id"] < 3, 99)))
    world.drop(1)
    days = rows["at"].str[:10].mask(rows["id"] > 300, " ")
    world.put(0, rows[["id", "y"]].assign(available_at=days).to_csv(index=False).encode(), folder="labels")
    world.play()
    settled = lifecycle.settle_labels(
        world.stores, world.model, world.batch(0), as_of=world.batch(2).end, now=world.now, run_id="again"
    )
    told = {result.check_name: result for result in checks.of_labels(dg.AssetKey(["tiny", "labels"]), settled)}
    assert told["labels_belong_to_rows"].passed
    assert "; 3 are of rows in quarantine; " in str(told["labels_belong_to_rows"].description)
    assert metadata.of_labels(world.stores, settled)["labels_of_quarantined_rows"] == 3
    assert (settled.labelled, settled.unknown, settled.early, settled.undated) == (397, 0, 0, 0)
    assert world.stores.state.outbox(model="tiny", kinds=["labels_unplaced"])[-1].payload["quarantined"] == 3
