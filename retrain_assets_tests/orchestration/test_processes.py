"""Assets selected by hand in a project whose executor has a process for each step: one run, one lease."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.plan.objects import StepSuccessData

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


def tell(installation: Installation, run: dg.DagsterRun, event: dg.DagsterEventType, step: str) -> None:
    """What a process of a run tells of its step."""
    data = StepSuccessData(duration_ms=1.0) if event is dg.DagsterEventType.STEP_SUCCESS else None
    said = dg.DagsterEvent(event.value, run.job_name, step_key=step, event_specific_data=data)
    installation.instance.report_dagster_event(said, run.run_id)


def test_what_a_run_holds_is_given_back_by_the_last_of_its_processes(installation: Installation) -> None:
    run = installation.instance.create_run_for_job(installation.definitions.resolve_job_def("tiny__watch"))
    tell(installation, run, dg.DagsterEventType.STEP_START, "tiny__validated")
    tell(installation, run, dg.DagsterEventType.STEP_START, "tiny__labels_and_performance")
    resource, context = (
        installation.resources["retrain_stores"],
        dg.build_init_resource_context(instance=installation.instance),
    )

    def owner_after(step: str) -> str | None:
        """As in a process of its own: it knows of no step but its own."""
        resource.hold("tiny", owner=run.run_id, step=step)
        resource.teardown_after_execution(context)
        return installation.stores.state.lease_owner("tiny", now=datetime.now(UTC))

    assert owner_after("tiny__labels_and_performance") == run.run_id
    tell(installation, run, dg.DagsterEventType.STEP_SUCCESS, "tiny__labels_and_performance")
    assert owner_after("tiny__validated") is None


@pytest.mark.slow
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
