"""One tick of each sensor where a thousand models are declared and nothing is new."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance

from benchmarks.tables import Figure, Result
from retrain_assets.home import Home
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.orchestration.component import build_retraining_definitions
from retrain_assets.orchestration.resources import STORES_KEY, StoresResource
from retrain_assets.spec import ModelSpec

MODELS = 1000
FOLDERS = 10
WATCHED = 3
NOTE = (
    f"{MODELS:,} models with {WATCHED} batches each in their ledgers; the slowest of {{runs}} ticks after the first. "
    "Run status sensors are left out: Dagster asks them when a run has ended."
)


def measure(runs: int) -> Result:
    """The slowest of some ticks of each sensor, once the first one has read what there is to know."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home.at(Path(folder)).prepare()
        stores = StoresResource(home=folder)
        specs = [declaration(number, Path(folder)) for number in range(MODELS)]
        began = time.perf_counter()
        definitions = build_retraining_definitions(specs, root=Path(folder), stores=stores)
        repository = definitions.get_repository_def()
        defined = time.perf_counter() - began
        began = time.perf_counter()
        seed(stores, [DeclaredModel(spec, Path(folder)) for spec in specs])
        seeded = time.perf_counter() - began
        with DagsterInstance.from_config(str(home.dagster_home)) as instance:
            asked = [each for each in repository.sensor_defs if not isinstance(each, dg.RunStatusSensorDefinition)]
            slowest = {sensor.name: ticks(sensor, instance, repository, stores, runs) for sensor in asked}
    return Result(
        name="sensors",
        figures=[
            *(Figure(what=f"tick of `{name}`", value=value, unit="s", target=1.0) for name, value in slowest.items()),
            Figure(what=f"definitions of {MODELS:,} models built", value=defined, unit="s"),
            Figure(what="their ledgers filled", value=seeded, unit="s"),
        ],
        notes=[NOTE.format(runs=runs)],
    )


def declaration(number: int, folder: Path) -> ModelSpec:
    """One of many small models on files."""
    return ModelSpec.model_validate(
        {
            "name": f"model_{number:04d}",
            "batches": {"every": "week", "start": "2024-01-01"},
            "source": {"type": "files", "path": f"{folder}/drop/{number % FOLDERS}/{number:04d}-{{batch}}.csv"},
            "schema": {"at": {"type": "datetime"}, "x": {"type": "float"}},
            "event_time": "at",
            "target": {"column": "y"},
            "estimator": {"class": "sklearn.linear_model.LogisticRegression"},
            "metric": "log_loss",
            "freshness": {"champion": "30 days"},
        }
    )


def seed(resource: StoresResource, models: list[DeclaredModel]) -> None:
    """Writes the ledger that some weeks of work leave behind: all that has arrived is watched, settled and decided."""
    from retrain_assets.lifecycle.ingest import declare
    from retrain_assets.lifecycle.ledger import record_step
    from retrain_assets.policy.decision import Decision

    stores, now = resource.open(), datetime.now(UTC)
    for model in models:
        declare(stores, model, now=now)
        for batch in list(model.calendar.until(now))[:WATCHED]:
            seen = stores.state.append_outbox(
                "batch_seen", model.name, batch=batch.key, payload={"fingerprint": "seen"}, now=now
            )
            stores.state.append_outbox("ingested", model.name, batch=batch.key, payload={"seen_id": seen}, now=now)
            done = partial(
                record_step, stores, model, batch,
                outcome="done", cause="batch", as_of=batch.end, now=now, run_id=f"{model.name}/{batch.key}",
            )  # fmt: skip
            done("watch")
            done("settle")
            stores.state.record_decision(
                Decision(
                    model=model.name, batch=batch.key, attempt=1, verdict="wait", reason="nothing to do", cause="batch",
                    triggers=(), as_of=batch.end, decided_at=now, champion_version=None,
                    state={"outbox_id": stores.state.last_outbox_id()},
                )
            )  # fmt: skip
            done("decide")


def ticks(
    sensor: dg.SensorDefinition,
    instance: DagsterInstance,
    repository: dg.RepositoryDefinition,
    stores: StoresResource,
    runs: int,
) -> float:
    """Seconds of the slowest tick but the first; a tick that asks for a run measures something else."""
    cursor: str | None = None
    seconds: list[float] = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        with dg.build_sensor_context(
            instance=instance,
            cursor=cursor,
            repository_def=repository,
            sensor_name=sensor.name,
            resources={STORES_KEY: stores},
        ) as context:
            data = sensor.evaluate_tick(context)  # fmt: skip
        seconds.append(time.perf_counter() - began)
        cursor = data.cursor
        if data.run_requests:
            raise AssertionError(f"{sensor.name} found something to do: {data.run_requests[0].run_key}")
    return max(seconds[1:])
