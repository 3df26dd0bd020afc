"""The check of each internal table reads back what is stored, and turns red where a row breaks the table's schema."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import dagster as dg
import pytest

from retrain_assets.data.tables import table_schema
from retrain_assets.orchestration.tables import table_check
from retrain_assets_tests.lifecycle.world import World

if TYPE_CHECKING:
    from retrain_assets.orchestration.work import Work


@pytest.mark.parametrize(
    "asset",
    [
        "profile",
        "drift_report",
        "predictions",
        "labels",
        "performance",
        "retrain_decision",
        "training_set",
        "evaluation_report",
    ],
)
def test_a_missing_value_where_there_must_be_one_turns_the_check_red(promoted: World, asset: str) -> None:
    tables, table = promoted.stores.tables, promoted.model.table(asset)
    key = max(tables.commits(table))
    work = cast(
        "Work",
        SimpleNamespace(
            stores=promoted.stores,
            model=promoted.model,
            the_batch=promoted.model.calendar.batch(key),
            key=lambda asset: dg.AssetKey(["tiny", asset]),
        ),
    )
    sound = table_check(work, asset)
    assert (sound.passed, sound.check_name) == (True, "table_is_valid"), sound.description
    stored = tables.read(table, [key]).drop(columns="ra_batch")
    assert len(stored)
    required = next(name for name, column in table_schema(asset).columns.items() if not column.nullable)
    tables.write(table, key, stored.assign(**{str(required): None}))
    broken = table_check(work, asset)
    assert broken.passed is False
    assert str(required) in str(broken.description)
