"""Assets selected by hand in a project whose executor has a process for each step: one run, one lease."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from retrain_assets.home import Home
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets_tests.orchestration import shop_of_processes
from retrain_assets_tests.orchestration.installation import Installation, make_installation


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv(shop_of_processes.ROOT, str(tmp_path))
    home = Home.at(tmp_path / "home").prepare()
    with dg.DagsterInstance.from_config(str(home.dagster_home)) as instance:
        made = make_installation(tmp_path, instance)
        yield replace(made, model=DeclaredModel(shop_of_processes.spec(), tmp_path))


def test_a_step_that_ends_does_not_give_back_what_another_still_works_with(shop: Installation):
    shop.drop(0)
    assert shop.materialize("raw", "validated", "quarantine", day=0).success
    (shop.root / "slow").touch()
    done = dg.execute_job(
        dg.reconstructable(shop_of_processes.job),
        instance=shop.instance,
        asset_selection=[dg.AssetKey(["tiny", asset]) for asset in ("validated", "quarantine", "labels")],
        tags={"dagster/partition": shop.batch(0).key},
    )
    assert done.success
    assert (shop.root / "holder").read_text() == done.run_id
    assert shop.stores.state.lease_owner("tiny", now=datetime.now(UTC)) is None
