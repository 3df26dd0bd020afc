"""What a declaration says about names, people and time shows in the asset graph."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from retrain_assets import build_retraining_definitions
from retrain_assets.data.windows import Calendar
from retrain_assets_tests.spec.declarations import spec

MOMENT = datetime(2013, 3, 1, tzinfo=UTC)


def champion(**changes: Any) -> dg.AssetSpec:
    """The spec of the model's champion asset."""
    declared = spec(**changes)
    assets = build_retraining_definitions(declared).resolve_all_asset_specs()
    return next(asset for asset in assets if asset.key == dg.AssetKey([declared.name, "champion"]))


@pytest.mark.covers("name")
def test_the_name_is_the_prefix_of_every_asset():
    for name in ("sales", "stock"):
        specs = build_retraining_definitions(spec(name=name)).resolve_all_asset_specs()
        assert {asset.key.path[0] for asset in specs} == {name}
        assert {asset.group_name for asset in specs} == {name}


@pytest.mark.covers("description")
def test_the_description_is_read_in_the_ui():
    assert "how much we sell" in (champion(description="how much we sell").description or "")
    assert "how much we sell" not in (champion().description or "")


@pytest.mark.covers("owners")
def test_the_owners_own_every_asset():
    assert champion(owners=["team:shop", "a@b.org"]).owners == ["team:shop", "a@b.org"]
    assert champion().owners == []


@pytest.mark.covers("freshness.champion")
def test_the_freshness_policy_guards_the_champion():
    assert champion().freshness_policy is None
    policy = champion(freshness={"champion": "30 days"}).freshness_policy
    assert isinstance(policy, dg.FreshnessPolicy)
    assert "2592000" in repr(policy) or "30" in repr(policy)


@pytest.mark.covers("batches.every", "batches.start", "batches.end")
@pytest.mark.parametrize(
    ("batches", "keys"),
    [
        ({"every": "week", "start": "2013-01-01"}, ["2013-01-01", "2013-01-08", "2013-01-15"]),
        ({"every": "day", "start": "2013-02-26"}, ["2013-02-26", "2013-02-27", "2013-02-28"]),
        ({"every": "month", "start": "2012-12-05"}, ["2012-12-05", "2013-01-05"]),
        ({"every": "hour", "start": "2013-02-28T22:00"}, ["2013-02-28T22:00", "2013-02-28T23:00"]),
        ({"every": "week", "start": "2013-01-01", "end": "2013-01-15"}, ["2013-01-01", "2013-01-08"]),
    ],
)
def test_the_batches_are_the_partitions(batches: dict[str, Any], keys: list[str]):
    """The graph's partitions and the lifecycle's calendar are the same windows."""
    for declared in (spec(), spec(batches={"every": "day", "start": "2013-02-01", "end": "2013-02-03"})):
        assert Calendar(declared.batches).first.key != "2013-02-26"
    declared = spec(batches=batches)
    calendar = Calendar(declared.batches)
    assert [batch.key for batch in calendar.until(MOMENT)][: len(keys)] == keys
    partitions = next(
        asset.partitions_def
        for asset in build_retraining_definitions(declared).resolve_all_asset_specs()
        if asset.key.path[-1] == "raw"
    )
    assert partitions is not None
    assert partitions.get_partition_keys(current_time=MOMENT)[: len(keys)] == keys


@pytest.mark.covers("target.label_delay")
def test_labels_mature_after_their_delay(tmp_path: Any):
    from retrain_assets.lifecycle import DeclaredModel

    for delay, expected in (("0 days", timedelta(0)), ("1 week", timedelta(weeks=1))):
        model = DeclaredModel(spec(target={"column": "sold", "label_delay": delay}), tmp_path)
        batch = model.calendar.first
        assert model.matured_at(batch) == batch.end + expected
