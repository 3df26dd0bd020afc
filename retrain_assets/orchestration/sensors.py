"""The sensors of a code location: one set for all its models. A sensor reads and asks; it never computes."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import dagster as dg
from dagster._core.storage.tags import RUN_KEY_TAG, SENSOR_NAME_TAG

from retrain_assets.orchestration import launching, names
from retrain_assets.orchestration.approvals import approval_sensor
from retrain_assets.orchestration.jobs import DESCRIPTIONS, model_job
from retrain_assets.orchestration.resources import STORES_KEY, StoresResource

if TYPE_CHECKING:
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.lifecycle.polling import Polled
    from retrain_assets.lifecycle.records import NextJob
    from retrain_assets.stores.protocols import OutboxRow, Stores

LAUNCHING: Mapping[str, names.Job] = {
    "new_batches": "watch",
    "matured_labels": "settle",
    "decisions_due": "decide",
    "retrains_decided": "retrain",
}
LAUNCH_SECONDS = 5
READ_SECONDS = 10
POLL_BUDGET_SECONDS = 0.3
UNTOLD_SECONDS = 60
"""The sensors of ended runs have told the ledger of them by then, or never will."""


def location_sensors(declared: Sequence["DeclaredModel"]) -> list[dg.SensorDefinition]:
    """The whole set for some models; the launching ones bring the models' jobs."""
    models = {model.name: model for model in sorted(declared, key=lambda model: model.name)}
    return [
        *(_launching_sensor(name, job, models) for name, job in LAUNCHING.items()),
        _freshness_sensor(models),
        _missing_sensor(models),
        _lost_sensor(models),
        approval_sensor(models, interval=READ_SECONDS),
        _ended_sensor("run_failed", dg.DagsterRunStatus.FAILURE, models, interrupted=False),
        _ended_sensor("run_canceled", dg.DagsterRunStatus.CANCELED, models, interrupted=True),
    ]


def run_request(due: "NextJob") -> dg.RunRequest:
    """The request for a due job: its run key names the cause, its tags say why."""
    return dg.RunRequest(
        run_key=due.run_key,
        job_name=names.job_name(due.model, due.job),
        partition_key=due.batch,
        tags={
            names.MODEL_TAG: due.model,
            names.JOB_TAG: due.job,
            names.ATTEMPT_TAG: str(due.attempt),
            names.CAUSE_TAG: due.cause,
            names.AS_OF_TAG: due.as_of.isoformat(),
            "dagster/max_retries": "0",
        },
    )


def _launching_sensor(name: str, job: names.Job, models: Mapping[str, "DeclaredModel"]) -> dg.SensorDefinition:
    @dg.sensor(
        name=name,
        jobs=[model_job(model.spec, job) for model in models.values()],
        description=f"Launches the job {job}: {DESCRIPTIONS[job]}",
        minimum_interval_seconds=LAUNCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={STORES_KEY},
    )
    def launch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        from retrain_assets.lifecycle import in_service

        stores, now = _stores(context), datetime.now(UTC)
        cursor = launching.Cursor.parse(context.cursor)
        serving = in_service(stores, models)
        polled = _poll(stores, serving, cursor, now) if job == "watch" else None
        agenda = launching.due_jobs(stores, serving, job, cursor, now=now, clock=time.monotonic)
        unknown = _have_run(context.instance, name, agenda.jobs)
        noted = _note_ended(context.instance, stores, models, name, agenda.jobs, now)
        requests = [run_request(due) for due in agenda.jobs if due.run_key not in {*unknown, *noted}]
        reason = " ".join([*([_unknown_runs(unknown)] if unknown else []), *noted.values()]) or agenda.reason
        if (unknown or noted) and requests:  # Dagster shows no reason beside requests
            context.log.warning(reason)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(reason + _out_of_reach(polled)),
            cursor=str(replace(agenda.cursor, poll=0 if polled is None else polled.position)),
        )

    return launch


def _have_run(instance: dg.DagsterInstance, sensor: str, jobs: Sequence["NextJob"]) -> set[str]:
    """Keys of due jobs with which a run has ended well: the daemon would skip the requests without a word."""
    if not jobs:
        return set()
    asked = dg.RunsFilter(tags={RUN_KEY_TAG: [due.run_key for due in jobs]}, statuses=[dg.DagsterRunStatus.SUCCESS])
    ended = [run.tags for run in instance.get_runs(asked)]
    return {tags[RUN_KEY_TAG] for tags in ended if tags.get(SENSOR_NAME_TAG) == sensor}


def _note_ended(
    instance: dg.DagsterInstance,
    stores: "Stores",
    models: Mapping[str, "DeclaredModel"],
    sensor: str,
    jobs: Sequence["NextJob"],
    now: datetime,
) -> dict[str, str]:
    """Keys of due jobs with which a run has failed, of which the ledger is told only now: their jobs come again.

    The sensors of ended runs tell of each once: a database that took the place of a lost one has not heard of it.
    """
    from retrain_assets.orchestration.ended import note_ended_run

    if not jobs:
        return {}
    failed = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    asked = {due.run_key: due for due in jobs}
    noted: dict[str, str] = {}
    for record in instance.get_run_records(dg.RunsFilter(tags={RUN_KEY_TAG: list(asked)}, statuses=failed)):
        run = record.dagster_run
        due = asked[run.tags[RUN_KEY_TAG]]
        is_fresh = (now - record.update_timestamp).total_seconds() < UNTOLD_SECONDS
        if is_fresh or run.tags.get(SENSOR_NAME_TAG) != sensor:
            continue
        reason = f"Run {run.run_id} ended as {run.status.value}, which the state database did not know."
        interrupted = run.status is dg.DagsterRunStatus.CANCELED
        note_ended_run(stores, models[due.model], due.job, run, reason=reason, interrupted=interrupted)
        noted[due.run_key] = reason
    return noted


def _unknown_runs(keys: Collection[str]) -> str:
    shown = ", ".join(sorted(keys)[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
    return (
        f"Dagster has run {shown} already, which the state database does not know: it was lost or "
        "replaced while Dagster's history was kept. Restore it from a backup, or begin with an empty home."
    )


def _poll(
    stores: "Stores", models: Mapping[str, "DeclaredModel"], cursor: launching.Cursor | None, now: datetime
) -> "Polled":
    from retrain_assets.lifecycle import poll_sources

    return poll_sources(
        stores,
        list(models.values()),
        now=now,
        budget_seconds=POLL_BUDGET_SECONDS,
        start=cursor.poll if cursor is not None else 0,
        clock=time.monotonic,
    )


def _out_of_reach(polled: "Polled | None") -> str:
    failed = {} if polled is None else polled.failed
    return "".join(f" The source of {model} cannot be looked at: {why}." for model, why in sorted(failed.items()))


def _freshness_sensor(models: Mapping[str, "DeclaredModel"]) -> dg.SensorDefinition:
    guarded = {
        names.key(name, names.CHAMPION): model
        for name, model in models.items()
        if model.spec.freshness.champion is not None
    }

    @_reading_sensor(
        "freshness_failed", "Tells a model that the FreshnessPolicy of its champion failed; the model decides."
    )
    def read(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from retrain_assets.lifecycle import in_service, record_event

        stores, now = _stores(context), datetime.now(UTC)
        told: list[str] = []
        serving = in_service(stores, {model.name: model for model in guarded.values()})
        for key, state in context.instance.get_freshness_state_records(list(guarded)).items():
            if state.freshness_state.value != "FAIL" or key.path[0] not in serving:
                continue
            since = state.updated_at.isoformat()
            text = f"the FreshnessPolicy on {key.to_user_string()} failed at {since}"
            if record_event(stores, guarded[key], "freshness_failed", text, now=now, key=since) is not None:
                told.append(key.path[0])
        return dg.SkipReason(
            _told("a failed freshness policy", told, f"{len(guarded)} champions have a freshness policy")
        )

    return read


def _missing_sensor(models: Mapping[str, "DeclaredModel"]) -> dg.SensorDefinition:
    @_reading_sensor("batch_missing", "Shows a batch that never came as a failed check of `raw`.")
    def read(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        stores = _stores(context)
        after = int(context.cursor or 0)
        page = stores.state.outbox(after=after, kinds=["missing"], limit=launching.PAGE)
        rows = [row for row in page if row.model in models]
        return dg.SensorResult(
            asset_events=[
                dg.AssetCheckEvaluation(
                    asset_key=names.key(row.model, names.RAW),
                    check_name="batch_arrived_in_time",
                    passed=False,
                    severity=dg.AssetCheckSeverity.WARN,
                    description=f"batch {row.batch} was due at {row.payload['due']} and {_absence(row)}",
                    metadata={"batch": str(row.batch), "due": str(row.payload["due"]), "state": "failed"},
                )
                for row in rows
            ],
            skip_reason=dg.SkipReason(
                _told(
                    "a missing batch",
                    [f"{row.model} {row.batch} ({_absence(row)})" for row in rows],
                    f"no outbox row after {after}",
                )
            ),
            cursor=str(page[-1].id if page else after),
        )

    return read


def _absence(row: "OutboxRow") -> str:
    return "came empty, without rows" if row.payload.get("empty") else "is not there"


def _lost_sensor(models: Mapping[str, "DeclaredModel"]) -> dg.SensorDefinition:
    @_reading_sensor("run_lost", "Ends a run whose process is gone, so that its job comes again.")
    def read(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from retrain_assets.orchestration.lost import end_lost_runs

        resource = cast("StoresResource", getattr(context.resources, STORES_KEY))
        lost = end_lost_runs(
            context.instance, resource.open(), models, now=datetime.now(UTC), wait_seconds=resource.wait_seconds
        )
        told = [f"{run.job_name} {run.run_id}" for run in lost]
        return dg.SkipReason(_told("a lost run", told, "every run under way holds its lease or waits for it"))

    return read


def _ended_sensor(
    name: str, status: dg.DagsterRunStatus, models: Mapping[str, "DeclaredModel"], *, interrupted: bool
) -> dg.SensorDefinition:
    jobs: dict[str, tuple[DeclaredModel, names.Job]] = {
        names.job_name(model_name, job): (model, job)
        for model_name, model in models.items()
        for job in names.JOB_ASSETS
    }

    @dg.run_status_sensor(
        run_status=status,
        name=name,
        description="Writes into the ledger that a run ended without doing so itself, and gives its lease back.",
        minimum_interval_seconds=READ_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def note(context: dg.RunStatusSensorContext, retrain_stores: StoresResource) -> None:
        from retrain_assets.orchestration.ended import note_ended_run

        run = context.dagster_run
        if run.job_name in jobs:
            model, job = jobs[run.job_name]
            reason = context.dagster_event.message or status.value
            note_ended_run(retrain_stores.open(), model, job, run, reason=reason, interrupted=interrupted)

    return note


def _reading_sensor(
    name: str, description: str
) -> Callable[[Callable[[dg.SensorEvaluationContext], object]], dg.SensorDefinition]:
    return cast(
        "Callable[[Callable[[dg.SensorEvaluationContext], object]], dg.SensorDefinition]",
        dg.sensor(
            name=name,
            description=description,
            minimum_interval_seconds=READ_SECONDS,
            default_status=dg.DefaultSensorStatus.RUNNING,
            required_resource_keys={STORES_KEY},
        ),
    )


def _stores(context: dg.SensorEvaluationContext) -> "Stores":
    return cast("StoresResource", getattr(context.resources, STORES_KEY)).open()


def _told(what: str, told: Sequence[str], otherwise: str) -> str:
    return f"Told of {what}: {', '.join(told)}." if told else f"Nothing to tell: {otherwise}."
