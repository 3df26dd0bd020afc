"""What a watched batch says of itself: columns nobody declared, rows nobody scored, rows that are not as stored."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pandas as pd
import pytest

from retrain_assets import lifecycle
from retrain_assets.lifecycle.records import Scored, Validated
from retrain_assets.orchestration import checks, metadata, names
from retrain_assets.orchestration.tables import table_faults
from retrain_assets.orchestration.work import Work
from retrain_assets_tests.lifecycle.test_closed_loop import drop_days
from retrain_assets_tests.lifecycle.world import World, rows_of

ASSET = dg.AssetKey(["tiny", "validated"])


def validated(world: World, day: int) -> Validated:
    lifecycle.ingest(world.stores, world.model, world.batch(day), now=world.now, run_id="run")
    return lifecycle.validate(world.stores, world.model, world.batch(day), now=world.now, run_id="run")


def test_a_column_that_the_schema_does_not_name_is_dropped_and_told(world: World) -> None:
    world.drop(0, rows_of(world.batch(0)).assign(brand_new=1))
    record = validated(world, 0)
    assert record.extra_columns == ("brand_new",)
    assert metadata.of_validated(world.stores, world.model.contract, record)["extra_columns"] == "brand_new"
    (result,) = checks.of_validated(ASSET, record)
    assert result.passed
    assert (result.description or "").endswith("the schema does not name them: brand_new")


def scored(world: World) -> Scored:
    return lifecycle.score(world.stores, world.model, world.batch(2), now=world.now, run_id="run")


def test_rows_without_a_score_fail_the_predictions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drop_days(world, range(3))
    world.play()
    fine = scored(world)
    assert (fine.failures, fine.rows) == ((), 400)

    write = world.stores.tables.write

    def half(table: str, partition: str, frame: pd.DataFrame, **rest: Any) -> Any:
        return write(table, partition, frame.iloc[: len(frame) // 2], **rest)

    monkeypatch.setattr(world.stores.tables, "write", half)
    lost = scored(world)
    assert lost.failures[0].startswith("200 of 400 rows have no score of tiny v1, for example '")
    (result,) = checks.of_predictions(ASSET, lost, ())
    assert (result.passed, result.description) == (False, lost.failures[0])


def faults(world: World, day: int) -> tuple[str, ...]:
    work = SimpleNamespace(stores=world.stores, model=world.model, the_batch=world.batch(day))
    return table_faults(cast("Work", work), names.VALIDATED)


def test_validated_rows_are_read_back_against_their_schema(world: World) -> None:
    world.drop(0)
    world.drop(1, pd.DataFrame(columns=rows_of(world.batch(1)).columns))
    world.put(2, b"")
    for day in range(3):
        validated(world, day)
        assert faults(world, day) == ()

    stored = world.stores.tables.read("tiny/validated", [world.batch(0).key])
    broken = stored.assign(x=stored["x"].where(stored.index > 0, 51.0))
    world.stores.tables.write("tiny/validated", world.batch(0).key, broken)
    assert len(faults(world, 0)) == 1
    assert faults(world, 0)[0].startswith("x: ")
