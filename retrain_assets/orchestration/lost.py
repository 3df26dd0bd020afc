"""Runs whose process is gone: killed, or lost with its machine. Dagster alone would wait for them for hours.

A run holds its model's lease and renews it while it works, so a lease that was neither renewed nor given back tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.orchestration import names
from retrain_assets.orchestration.ended import PARTITION_TAG, note_ended_run

if TYPE_CHECKING:
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.stores.protocols import Stores

GONE = "The process that executed this run is gone."
UNDER_WAY = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def end_lost_runs(
    instance: dg.DagsterInstance,
    stores: Stores,
    models: Mapping[str, DeclaredModel],
    *,
    now: datetime,
    wait_seconds: float,
) -> list[dg.DagsterRun]:
    """Ends the runs of the models' jobs whose process is gone, in the ledger and in Dagster; returns them.

    Args:
        instance: where the runs are.
        stores: where their leases are.
        models: models of the code location, by name.
        now: the time.
        wait_seconds: how long a run may wait for the lease of its model before it works.
    """
    lost = list(_lost_runs(instance, stores, models, now, timedelta(seconds=wait_seconds)))
    for model, job, run in lost:
        # A process that is lost again and again (out of memory) must come to an end.
        interrupted = not _was_lost_before(stores, model, job, run)
        end_run(instance, stores, model, job, run, interrupted=interrupted)
    return [run for _, _, run in lost]


def end_run(
    instance: dg.DagsterInstance,
    stores: Stores,
    model: DeclaredModel,
    job: names.Job,
    run: dg.DagsterRun,
    *,
    interrupted: bool,
) -> None:
    """Ends one run; killed in between, the next look finds it again."""
    note_ended_run(stores, model, job, run, reason=GONE, interrupted=interrupted)
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, GONE)
    else:
        instance.report_run_failed(run, GONE)


def _lost_runs(
    instance: dg.DagsterInstance,
    stores: Stores,
    models: Mapping[str, DeclaredModel],
    now: datetime,
    wait: timedelta,
) -> Iterator[tuple[DeclaredModel, names.Job, dg.DagsterRun]]:
    jobs: dict[str, tuple[str, names.Job]] = {
        names.job_name(model, job): (model, job) for model in models for job in names.JOB_ASSETS
    }
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(UNDER_WAY))):
        run = record.dagster_run
        if run.job_name in jobs:
            model, job = jobs[run.job_name]
            if _is_lost(stores, model, run.run_id, record.update_timestamp, now, wait):
                yield models[model], job, run


def _is_lost(stores: Stores, model: str, run_id: str, changed: datetime, now: datetime, wait: timedelta) -> bool:
    from retrain_assets.lifecycle import LEASE_TTL

    # A machine that was asleep gets as long again to renew its lease.
    if run_id in (stores.state.lease_owner(model, now=at) for at in (now, now - LEASE_TTL)):
        return False
    leases = [
        row
        for row in stores.state.outbox(model=model, kinds=["lease"], limit=1_000_000)
        if row.payload["owner"] == run_id
    ]
    if leases and leases[-1].payload["held"]:
        return True
    # It has not begun to work, waits for its turn, or is about to end: none of it takes longer than this.
    alive = max([changed, *(row.recorded_at for row in leases)])
    return now - alive > wait + 2 * LEASE_TTL


def _was_lost_before(stores: Stores, model: DeclaredModel, job: names.Job, run: dg.DagsterRun) -> bool:
    batch = run.tags.get(PARTITION_TAG)
    return batch is not None and any(
        step.job == job and step.run_id != run.run_id and step.detail.get("reason") == GONE
        for step in stores.state.steps(model.name, batch)
    )
