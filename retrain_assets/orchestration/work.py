"""One asset body's work: the stores, the batch, who asked and why; and what happens when it fails."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.errors import DataError, LeaseHeldError, MissingUpstreamError, RefusedError
from retrain_assets.orchestration import names
from retrain_assets.orchestration.mlflow_run import MLFLOW_KEY, MlflowRun, Tracked
from retrain_assets.orchestration.resources import StoresResource

if TYPE_CHECKING:
    from retrain_assets.data.windows import Batch
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.stores.protocols import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an asset body passes on to the lifecycle. `batch` is None where `champion` is materialized by itself."""

    context: dg.AssetExecutionContext
    stores: Stores
    tracking_uri: str
    model: DeclaredModel
    job: names.Job
    batch: Batch | None
    now: datetime

    @property
    def run_id(self) -> str:
        """The Dagster run."""
        return self.context.run.run_id

    @property
    def of_the_job(self) -> bool:
        """The run is the model's job of this step, not a person's selection of assets: its end is the job's end."""
        return self.context.run.job_name == names.job_name(self.model.name, self.job)

    @property
    def the_batch(self) -> Batch:
        """The batch of a partitioned asset."""
        if self.batch is None:
            raise MissingUpstreamError(f"the partition of {self.job} of {self.model.name}", "one partition, by its key")
        return self.batch

    @property
    def cause(self) -> str:
        """What launched the run; a run without the tag was launched by hand."""
        return self.context.run.tags.get(names.CAUSE_TAG, "person")

    @property
    def as_of(self) -> datetime:
        """The cutoff: the request's, or the newest that the model has worked with."""
        asked = self.context.run.tags.get(names.AS_OF_TAG)
        if asked is not None:
            return datetime.fromisoformat(asked)
        reached = (step.as_of for step in self.stores.state.steps(self.model.name))
        return max((self.the_batch.end, *reached))

    def key(self, asset: str) -> dg.AssetKey:
        """The key of an asset of this model."""
        return names.key(self.model.name, asset)

    @contextmanager
    def tracked(self, run_id: str | None) -> Generator[Tracked]:
        """Within the MLflow run of the retrain; without one where nothing was trained."""
        if run_id is None:
            yield Tracked("")
            return
        resource: MlflowRun = getattr(self.context.resources, MLFLOW_KEY)
        with resource.attached(
            self.context, tracking_uri=self.tracking_uri, experiment=self.model.name, run_id=run_id
        ) as tracked:
            yield tracked

    def note_failure(self, reason: str, *, interrupted: bool = False) -> None:
        """Writes into the ledger that the job failed, unless the lifecycle wrote how it ended."""
        from retrain_assets.lifecycle import record_failure

        if self.of_the_job and self.batch is not None:
            record_failure(
                self.stores, self.model, self.batch, self.job,
                reason=reason, now=datetime.now(UTC), run_id=self.run_id, interrupted=interrupted,
            )  # fmt: skip


@contextmanager
def working(
    context: dg.AssetExecutionContext, resource: StoresResource, model: DeclaredModel, job: names.Job
) -> Generator[Work]:
    """Holds the model's lease and writes a failure into the ledger. Faults of the data are not retried."""
    work = Work(
        context=context,
        stores=resource.open(),
        tracking_uri=resource.located().tracking_uri,
        model=model,
        job=job,
        batch=model.calendar.batch(context.partition_key) if context.has_partition_key else None,
        now=datetime.now(UTC),
    )
    try:
        resource.hold(model.name, owner=context.run.run_id, step=str(context.op_execution_context.op_handle))
        yield work
    except (DataError, RefusedError) as error:
        # Waiting in vain for another run is no failed try of this one.
        work.note_failure(str(error), interrupted=isinstance(error, LeaseHeldError))
        raise dg.Failure(
            description=str(error), metadata={"error": type(error).__name__}, allow_retries=False
        ) from error
    except Exception as error:
        work.note_failure(f"{type(error).__name__}: {error}")
        raise
    except BaseException:
        work.note_failure("the run was interrupted", interrupted=True)
        raise
