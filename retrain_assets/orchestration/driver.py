"""Drives a code location in this process: evaluates its real sensors, and executes the runs that they request.

What the daemon does with processes and queues happens here one run after the other, on the same instance, with the same
tags and run keys. No cursor is kept between two processes: the agenda is told from the ledger.
"""

from __future__ import annotations

import fcntl
import gc
import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.events import RunFailureReason
from dagster._core.execution.api import execute_run
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from dagster._core.storage.tags import RUN_FAILURE_REASON_TAG, RUN_KEY_TAG
from dagster._record import copy

from retrain_assets.errors import RefusedError, without_password
from retrain_assets.orchestration import names
from retrain_assets.orchestration.ended import note_ended_run
from retrain_assets.orchestration.lost import end_lost_runs, end_run
from retrain_assets.orchestration.resources import STORES_KEY, StoresResource
from retrain_assets.orchestration.sensors import LAUNCHING

if TYPE_CHECKING:
    from dagster._core.execution.job_execution_result import JobExecutionResult
    from dagster._core.remote_origin import RemoteRepositoryOrigin

    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.stores.protocols import Stores

DRIVER_TAG = "retrain_assets/driver"
_COLLECTED_AFTER = (5_000, 20, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One run that was executed. `approval` is the request that it carried out; `error` why its first step failed."""

    sensor: str
    model: str
    job: str
    batch: str
    run_id: str
    success: bool
    seconds: float
    approval: int | None = None
    error: str | None = None


class Driver:
    """One instance and one code location.

    Args:
        instance: a persistent instance, the one that the UI shows.
        definitions: the code location.
        models: its models, by name.
        origin: where the location is loaded from, so that the UI links the runs to it.
        wanted: which requests are executed; by default all. What is left asks again, here or of the daemon.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        definitions: dg.Definitions,
        models: Mapping[str, DeclaredModel],
        *,
        origin: RemoteRepositoryOrigin | None = None,
        wanted: Callable[[dg.RunRequest], bool] = lambda _: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._instance = instance
        self._repository = definitions.get_repository_def()
        self._sensors = sorted(
            (sensor for sensor in self._repository.sensor_defs if not isinstance(sensor, dg.RunStatusSensorDefinition)),
            key=lambda sensor: [*LAUNCHING].index(sensor.name) if sensor.name in LAUNCHING else -1,
        )
        self._models = models
        self._origin = origin
        self._wanted = wanted
        self._clock = clock
        self._cursors: dict[str, str | None] = {}
        self._evaluated: dict[str, float] = {}
        self._jobs: dict[str, dg.JobDefinition] = {}
        # Made once: for each look of a sensor that takes longer than the look. It holds a lease only within a run.
        with dg.build_resources({STORES_KEY: (definitions.resources or {})[STORES_KEY]}, instance) as made:
            self._resource = cast("StoresResource", getattr(made, STORES_KEY))

    @property
    def stores(self) -> Stores:
        """The stores of the code location."""
        return self._resource.open()

    def tick(self) -> Iterator[Ran]:
        """Evaluates every sensor that is due once, and executes what each requests before the next is asked.

        Those that only read come first: what they tell is a cause for those that launch. Of these the one that looks
        at the sources comes first, so that no decision is made before what a newer delivery or event tells.
        """
        for sensor in self._sensors:
            if self._due(sensor):
                yield from self._serve(sensor)

    def until_idle(self) -> Iterator[Ran]:
        """Ticks until no launching sensor requests anything, also after a last look of those that only read."""
        while True:
            ran = False
            for each in self.tick():
                ran = True
                yield each
            if ran:
                continue
            before = self.stores.state.last_outbox_id()
            self._evaluated.clear()
            ran = False
            for each in self.tick():
                ran = True
                yield each
            if not ran and self.stores.state.last_outbox_id() == before:
                return

    def recover(self) -> list[str]:
        """Ends the runs whose process is gone and frees their models; call it under `driving`.

        Those of a killed driver are gone for certain, because there is one driver at a time. Those of a daemon are as
        soon as their lease has expired.
        """
        left = self._instance.get_runs(
            dg.RunsFilter(
                statuses=[*IN_PROGRESS_RUN_STATUSES, dg.DagsterRunStatus.NOT_STARTED], tags={DRIVER_TAG: "true"}
            )
        )
        ended: list[str] = []
        for run in left:
            model = self._models.get(run.tags.get(names.MODEL_TAG, ""))
            if model is not None:
                job = cast("names.Job", run.tags[names.JOB_TAG])
                end_run(self._instance, self.stores, model, job, run, interrupted=True)
                ended.append(run.run_id)
        lost = end_lost_runs(
            self._instance,
            self.stores,
            self._models,
            now=datetime.now(UTC),
            wait_seconds=self._resource.wait_seconds,
        )
        return [*ended, *(run.run_id for run in lost)]

    def _serve(self, sensor: dg.SensorDefinition) -> Iterator[Ran]:
        for request in filter(self._wanted, self._evaluate(sensor)):
            ran = self._run(sensor.name, request)
            if ran is not None:
                yield ran

    def _due(self, sensor: dg.SensorDefinition) -> bool:
        """A launching sensor is asked at every tick, the others at their interval."""
        if sensor.name in LAUNCHING:
            return True
        last = self._evaluated.get(sensor.name)
        return last is None or self._clock() - last >= (sensor.minimum_interval_seconds or 0)

    def _evaluate(self, sensor: dg.SensorDefinition) -> list[dg.RunRequest]:
        with dg.build_sensor_context(
            instance=self._instance,
            cursor=self._cursors.get(sensor.name),
            repository_def=self._repository,
            sensor_name=sensor.name,
            resources={STORES_KEY: dg.ResourceDefinition.hardcoded_resource(self._resource)},
        ) as context:
            data = sensor.evaluate_tick(context)
        self._evaluated[sensor.name] = self._clock()
        self._cursors[sensor.name] = data.cursor
        for event in data.asset_events:
            self._instance.report_runless_asset_event(event)
        return list(data.run_requests or ())

    def _run(self, sensor: str, request: dg.RunRequest) -> Ran | None:
        run_key = request.run_key or ""
        if self._instance.get_runs(dg.RunsFilter(tags={RUN_KEY_TAG: run_key}), limit=1):
            return None
        started = self._clock()
        result = self.execute(request.job_name or "", {**request.tags, RUN_KEY_TAG: run_key})
        if not result.success:
            ended = self._instance.get_run_by_id(result.run_id) or result.dagster_run
            stopped = ended.tags.get(RUN_FAILURE_REASON_TAG) == RunFailureReason.UNEXPECTED_TERMINATION.value
            self._note_end(ended, f"run {result.run_id} ended as {ended.status.value}", interrupted=stopped)
        return Ran(
            sensor=sensor,
            model=request.tags[names.MODEL_TAG],
            job=request.tags[names.JOB_TAG],
            batch=request.partition_key or "",
            run_id=result.run_id,
            success=result.success,
            seconds=self._clock() - started,
            approval=int(request.tags[names.APPROVAL_TAG]) if names.APPROVAL_TAG in request.tags else None,
            error=error_of(result),
        )

    def execute(self, name: str, tags: Mapping[str, str]) -> JobExecutionResult:
        """Runs a job of the location here, with no line on the terminal for each event."""
        job = self._job(name)
        run = self._instance.create_run_for_job(
            job,
            tags={**job.run_tags, **tags, DRIVER_TAG: "true"},
            remote_job_origin=None if self._origin is None else self._origin.get_job_origin(job.name),
        )
        # The stored run has no settings of its own, so that it can be launched again from the UI.
        quiet = copy(run, run_config={"loggers": {"quiet": {}}})
        return execute_run(InMemoryJob(job), quiet, self._instance)

    def _note_end(self, run: dg.DagsterRun, reason: str, *, interrupted: bool) -> None:
        model = self._models.get(run.tags.get(names.MODEL_TAG, ""))
        if model is not None:
            job = cast("names.Job", run.tags[names.JOB_TAG])
            note_ended_run(self.stores, model, job, run, reason=reason, interrupted=interrupted)

    def _job(self, name: str) -> dg.JobDefinition:
        if name not in self._jobs:
            self._jobs[name] = self._repository.get_job(name).with_logger_defs({"quiet": _QUIET})
        return self._jobs[name]


def error_of(result: JobExecutionResult) -> str | None:
    """What was raised in the first step that failed, without what Dagster wraps around it."""
    error = next((event.step_failure_data.error for event in result.get_step_failure_events()), None)
    while error is not None and error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    if error is None:
        return None
    return without_password(" ".join(error.message.split()).removeprefix("retrain_assets.errors."))


@contextmanager
def driving(lock: Path) -> Generator[None]:
    """One driver at a time for an instance; a killed one lets go of it. Meanwhile cycles are seldom looked for.

    Raises:
        RefusedError: another process holds it.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError(f"another process drives this installation ({lock}): wait for it, or stop it") from None
        # What is loaded stays: half a million objects, which Python would look through time and again.
        before = gc.get_threshold()
        gc.set_threshold(*_COLLECTED_AFTER)
        try:
            yield
        finally:
            gc.set_threshold(*before)


def _quiet(_: dg.InitLoggerContext) -> logging.Logger:
    quiet = logging.getLogger("retrain_assets.quiet")
    quiet.propagate = False
    quiet.addHandler(logging.NullHandler())
    return quiet


_QUIET = dg.LoggerDefinition(_quiet, description="Says nothing: the event log holds it all.")
