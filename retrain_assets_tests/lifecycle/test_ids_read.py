"""The ids of a delivery are read once in a process, and those of another delivery never taken for them."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from retrain_assets import lifecycle
from retrain_assets.data.row_reading import RowReader
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets_tests.lifecycle.world import World, rows_of


def watch(world: World, model: DeclaredModel) -> None:
    batch = world.batch(0)
    lifecycle.ingest(world.stores, model, batch, now=world.now, run_id="watch")
    lifecycle.validate(world.stores, model, batch, now=world.now, run_id="watch")


def labels(world: World, model: DeclaredModel) -> dict[str, int]:
    batch = world.batch(0)
    matured = model.matured_at(batch)
    lifecycle.settle_labels(world.stores, model, batch, as_of=matured, now=world.now, run_id="settle")
    stored = world.stores.tables.read(model.table("labels"), [batch.key])
    return dict(zip(stored["ra_row_id"].tolist(), stored["label"].tolist(), strict=True))


def targets(rows: pd.DataFrame) -> dict[str, int]:
    return {str(each): y for each, y in zip(rows["id"].tolist(), rows["y"].tolist(), strict=True)}


def test_who_watched_a_batch_settles_it_without_reading_its_ids_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(world.batch(0))
    world.drop(0, rows)
    watch(world, world.model)
    monkeypatch.delattr(RowReader, "ids")
    assert labels(world, world.model) == targets(rows)


def test_a_later_delivery_that_another_process_watched_has_ids_of_its_own(world: World) -> None:
    rows = rows_of(world.batch(0))
    world.drop(0, rows)
    watch(world, world.model)
    # The same ids on other rows: by the places of the first delivery every label would be another row's.
    other = rows.assign(id=rows["id"].to_numpy()[::-1])
    world.drop(0, other)
    watch(world, replace(world.model))
    assert labels(world, world.model) == targets(other)
