"""Runs that ended without writing into the ledger: killed, canceled, or failed before their first step."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.errors import NotStoredError
from retrain_assets.orchestration import names
from retrain_assets.orchestration.mlflow_run import MLFLOW_RUN_TAG

if TYPE_CHECKING:
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.stores.protocols import Stores

PARTITION_TAG = "dagster/partition"


def note_ended_run(
    stores: Stores, model: DeclaredModel, job: names.Job, run: dg.DagsterRun, *, reason: str, interrupted: bool
) -> None:
    """Writes the end of a run into the ledger, unless it stands there; frees the model and closes the MLflow run."""
    from retrain_assets.lifecycle import record_failure

    partition = run.tags.get(PARTITION_TAG)
    if partition is None:
        stores.state.release_lease(model.name, run.run_id)
        return
    step = record_failure(
        stores,
        model,
        model.calendar.batch(partition),
        job,
        reason=reason,
        now=datetime.now(UTC),
        run_id=run.run_id,
        interrupted=interrupted,
    )
    tracking_run = run.tags.get(MLFLOW_RUN_TAG)
    if step is not None and tracking_run is not None:
        with suppress(NotStoredError):  # gone with the database that knew of it
            stores.registry.end_run(tracking_run, "KILLED" if interrupted else "FAILED")
