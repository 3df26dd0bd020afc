"""One label that is none costs its own row and no other, and is told."""

from __future__ import annotations

import dagster as dg
import pytest

from retrain_assets import lifecycle
from retrain_assets.orchestration import checks, metadata
from retrain_assets_tests.lifecycle.world import World, rows_of


@pytest.mark.parametrize("day", [0, 2])
def test_a_bad_label_is_told_and_the_batch_matures_all_the_same(world: World, day: int) -> None:
    """Also in the very first batch, whose labels say what the type is."""
    for each in range(4):
        rows = rows_of(world.batch(each)).astype({"y": "object"})
        if each == day:
            rows.loc[7, "y"] = "oops"
        world.drop(each, rows)
    world.play()
    settled = lifecycle.settle_labels(
        world.stores, world.model, world.batch(day), as_of=world.batch(3).end, now=world.now, run_id="again"
    )
    assert (settled.mature, settled.labelled, settled.rows) == (True, 399, 400)
    assert (settled.unreadable, settled.unreadable_values) == (1, ("oops",))
    assert world.stores.tables.read("tiny/labels")["label"].dtype == "int64"
    assert not [step for step in world.stores.state.steps("tiny") if step.outcome == "failed"]

    results = {result.check_name: result for result in checks.of_labels(dg.AssetKey(["tiny", "labels"]), settled)}
    readable = results["labels_are_readable"]
    assert (readable.passed, readable.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (
        readable.description == "the labels of 1 rows cannot be read, or break a rule of the schema, for example 'oops'"
    )
    shown = metadata.of_labels(world.stores, settled)
    assert (shown["unreadable_targets"], shown["unreadable_values"]) == (1, "oops")
