"""A run whose process is gone ends in Dagster and in the ledger, and its job comes again; a run that lives stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from retrain_assets.lifecycle import LEASE_TTL
from retrain_assets.orchestration.lost import end_lost_runs
from retrain_assets_tests.orchestration.installation import Installation
from retrain_assets_tests.orchestration.test_sensors import tick

STARTED = dg.DagsterRunStatus.STARTED
NOT_STARTED = dg.DagsterRunStatus.NOT_STARTED
WAIT = timedelta(seconds=60)


def left_behind(
    installation: Installation, *, status: dg.DagsterRunStatus = STARTED, attempt: int = 1, job: str = "tiny__watch"
) -> dg.DagsterRun:
    """A run of the daemon, as its worker leaves it when it is killed: in progress, no driver's tag."""
    batch = installation.batch(0).key
    return installation.instance.create_run_for_job(
        installation.definitions.resolve_job_def(job),
        tags={
            "dagster/partition": batch,
            "dagster/run_key": f"tiny/watch/{batch}/{attempt}",
            "retrain_assets/model": "tiny",
            "retrain_assets/job": "watch",
        },
        status=status,
    )


def take(installation: Installation, owner: str, at: datetime) -> None:
    assert installation.stores.state.acquire_lease("tiny", owner, ttl=LEASE_TTL, now=at)


def look(installation: Installation, now: datetime) -> list[str]:
    lost = end_lost_runs(
        installation.instance,
        installation.stores,
        {"tiny": installation.model},
        now=now,
        wait_seconds=WAIT.total_seconds(),
    )
    return [run.run_id for run in lost]


def outcomes(installation: Installation) -> list[str]:
    return [step.outcome for step in installation.stores.state.steps("tiny")]


def status(installation: Installation, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = installation.instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_run_is_lost_when_its_lease_has_long_expired(installation: Installation) -> None:
    run, now = left_behind(installation), datetime.now(UTC)
    take(installation, run.run_id, now)

    assert look(installation, now) == []
    assert look(installation, now + 2 * LEASE_TTL - timedelta(seconds=1)) == []
    assert look(installation, now + 2 * LEASE_TTL) == [run.run_id]
    assert status(installation, run) is dg.DagsterRunStatus.FAILURE
    assert outcomes(installation) == ["interrupted"]
    assert installation.stores.state.lease_owner("tiny", now=now) is None
    assert look(installation, now + 2 * LEASE_TTL) == []


def test_a_run_whose_lease_another_has_taken_over_is_lost(installation: Installation) -> None:
    run, now = left_behind(installation), datetime.now(UTC)
    take(installation, run.run_id, now - 2 * LEASE_TTL)
    take(installation, "a person's", now)
    assert look(installation, now) == [run.run_id]
    assert installation.stores.state.lease_owner("tiny", now=now) == "a person's"


@pytest.mark.parametrize("state", [STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING])
def test_a_run_that_waits_for_its_turn_is_not_lost(installation: Installation, state: dg.DagsterRunStatus) -> None:
    run, now = left_behind(installation, status=state), datetime.now(UTC)
    take(installation, "another", now)
    assert look(installation, now + WAIT) == []
    assert look(installation, now + WAIT + 3 * LEASE_TTL) == [run.run_id]
    canceled = state is dg.DagsterRunStatus.CANCELING
    assert status(installation, run) is (dg.DagsterRunStatus.CANCELED if canceled else dg.DagsterRunStatus.FAILURE)


def test_a_run_not_yet_launched_and_one_that_is_not_ours_are_left_alone(installation: Installation) -> None:
    left_behind(installation, status=NOT_STARTED)

    @dg.op
    def theirs() -> None: ...

    @dg.job
    def their_job() -> None:
        theirs()

    installation.instance.create_run_for_job(their_job, status=STARTED)
    assert look(installation, datetime.now(UTC) + timedelta(days=1)) == []


def test_a_process_that_is_lost_again_counts_as_a_failed_try(installation: Installation) -> None:
    now = datetime.now(UTC)
    for attempt in (1, 2, 3):
        run = left_behind(installation, attempt=attempt)
        take(installation, run.run_id, now)
        assert look(installation, now + 2 * LEASE_TTL) == [run.run_id]
    assert outcomes(installation) == ["interrupted", "failed", "failed"]


def test_the_sensor_ends_a_lost_run_and_its_job_comes_again(installation: Installation) -> None:
    installation.drop(0)
    run = left_behind(installation)
    take(installation, run.run_id, datetime.now(UTC) - 3 * LEASE_TTL)
    assert tick(installation, "new_batches").run_requests[0].run_key == run.tags["dagster/run_key"]  # used: never runs

    told = tick(installation, "run_lost")
    assert told.skip_message == f"Told of a lost run: tiny__watch {run.run_id}."
    [request] = tick(installation, "new_batches").run_requests
    assert request.run_key == f"tiny/watch/{installation.batch(0).key}/2"
    assert tick(installation, "run_lost").skip_message.startswith("Nothing to tell")


DRIVERS = {"retrain_assets/driver": "true"}


@pytest.mark.parametrize(("tags", "state"), [({}, STARTED), (DRIVERS, STARTED), (DRIVERS, NOT_STARTED)])
def test_the_driver_goes_on_after_a_lost_run_of_its_own_and_of_a_daemon(
    installation: Installation, tags: dict[str, Any], state: dg.DagsterRunStatus
) -> None:
    installation.drop(0)
    run = left_behind(installation, status=state)
    installation.instance.add_run_tags(run.run_id, tags)
    # A driver's run is lost whatever its lease says: there is one driver at a time.
    ago = timedelta(0) if tags else 3 * LEASE_TTL
    take(installation, run.run_id, datetime.now(UTC) - ago)
    driver = installation.driver()
    assert driver.recover() == [run.run_id]
    assert [(ran.job, ran.success) for ran in driver.until_idle()][:2] == [("watch", True), ("decide", True)]
