"""What sensors read and tell: freshness, missing batches, ended runs; and that a thousand models are cheap."""

from __future__ import annotations

import importlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from deltalake import write_deltalake

from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.orchestration import StoresResource, sensors
from retrain_assets.orchestration.assets import model_assets
from retrain_assets.orchestration.launching import Cursor
from retrain_assets.orchestration.mlflow_run import MLFLOW_KEY, MLFLOW_RUN_TAG, MlflowRun
from retrain_assets.orchestration.resources import STORES_KEY
from retrain_assets.orchestration.sensors import location_sensors
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.source_failures import source_failure
from retrain_assets_tests.lifecycle.world import declaration, rows_of
from retrain_assets_tests.orchestration.installation import Installation, make_installation


def tick(installation: Installation, name: str, cursor: str | None = None) -> Any:
    repository = installation.definitions.get_repository_def()
    with dg.build_sensor_context(
        instance=installation.instance,
        repository_def=repository,
        cursor=cursor,
        resources=installation.resources,
    ) as context:
        return repository.get_sensor_def(name).evaluate_tick(context)


def fail_freshness(installation: Installation, at: float) -> None:
    installation.instance.report_runless_asset_event(
        FreshnessStateChange(
            key=dg.AssetKey(["tiny", "champion"]),
            previous_state=FreshnessState.PASS,
            new_state=FreshnessState.FAIL,
            state_change_timestamp=at,
        )
    )


@pytest.fixture
def guarded(tmp_path: Path, instance: dg.DagsterInstance) -> Installation:
    """A model that retrains when its champion is not fresh, and for nothing else."""
    return make_installation(tmp_path, instance, freshness={"champion": "60 seconds"}, retrain={"when": "freshness"})


def test_a_failed_freshness_policy_alone_retrains(guarded: Installation) -> None:
    for day in range(2):
        guarded.drop(day)
    guarded.drive()
    assert [promotion.version for promotion in guarded.stores.state.promotions("tiny")] == [1]

    guarded.drop(2)
    guarded.drive()
    assert guarded.stores.state.decisions("tiny")[-1].verdict == "wait"
    fail_freshness(guarded, time.time())
    ran = guarded.drive()

    assert [each.job for each in ran if each.success][:2] == ["decide", "retrain"]
    decision = guarded.stores.state.decisions("tiny")[-1]
    assert (decision.cause, decision.verdict, decision.fired) == ("freshness", "retrain", ("freshness",))


def test_the_same_failure_is_told_once(guarded: Installation) -> None:
    fail_freshness(guarded, 1_700_000_000.0)
    assert tick(guarded, "freshness_failed").skip_message == "Told of a failed freshness policy: tiny."
    assert tick(guarded, "freshness_failed").skip_message == "Nothing to tell: 1 champions have a freshness policy."
    fail_freshness(guarded, 1_700_009_000.0)
    assert tick(guarded, "freshness_failed").skip_message == "Told of a failed freshness policy: tiny."
    rows = guarded.stores.state.outbox(kinds=["freshness_failed"])
    assert len(rows) == 2


def test_a_batch_that_never_came_is_a_failed_check_of_raw(installation: Installation) -> None:
    for day in (0, 2):
        installation.drop(day)
    installation.drive()

    [check] = [each for each in installation.checks("raw", "batch_arrived_in_time") if not each.passed]
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert installation.batch(1).key in (check.description or "")
    told = tick(installation, "batch_missing")
    assert tick(installation, "batch_missing", told.cursor).asset_events == []


def test_a_batch_that_came_without_rows_says_so_on_its_page_and_by_the_sensor(installation: Installation) -> None:
    header = rows_of(installation.batch(0))[:0]
    installation.drop(0, header)
    installation.drive()
    assert installation.metadata("raw")["delivery"] == "empty"
    size = len(header.to_csv(index=False))
    assert installation.check("raw", "batch_is_not_empty").description == f"1 files with {size} bytes hold no rows"
    in_time = installation.checks("raw", "batch_arrived_in_time")
    assert [each.passed for each in in_time] == [False, False]  # unknown by the run, then told by the sensor
    assert any("came empty, without rows" in (each.description or "") for each in in_time)


def test_a_run_of_which_the_state_database_knows_nothing_is_told(installation: Installation) -> None:
    """The daemon skips what has the key of one of its runs, and says nothing."""
    installation.drop(0)
    [asked] = tick(installation, "new_batches").run_requests
    tags = {**asked.tags, "dagster/run_key": asked.run_key, "dagster/partition": asked.partition_key}
    job = installation.definitions.resolve_job_def("tiny__watch")
    installation.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.SUCCESS)
    told = tick(installation, "new_batches")
    assert told.run_requests == []
    assert told.skip_message.startswith(f"Dagster has run {asked.run_key} already, which the state database does")


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_a_failed_run_of_which_the_state_database_knows_nothing_makes_room(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, status: dg.DagsterRunStatus
) -> None:
    """Its end was told to a database that is lost; its key is used, and the daemon would skip it for ever."""
    installation.drop(0)
    [asked] = tick(installation, "new_batches").run_requests
    tags = {**asked.tags, "dagster/run_key": asked.run_key, "dagster/partition": asked.partition_key}
    tags[MLFLOW_RUN_TAG] = "0" * 32  # lost with it
    job = installation.definitions.resolve_job_def("tiny__watch")
    run = installation.instance.create_run_for_job(
        job, tags={**tags, "dagster/sensor_name": "new_batches"}, status=status
    )
    assert [each.run_key for each in tick(installation, "new_batches").run_requests] == [asked.run_key]  # just ended
    monkeypatch.setattr(sensors, "UNTOLD_SECONDS", 0)
    told = tick(installation, "new_batches")
    assert told.run_requests == []
    assert told.skip_message.startswith(f"Run {run.run_id} ended as {status.value}, which the state database did not")
    [step] = installation.stores.state.steps("tiny")
    assert (step.run_id, step.outcome) == (run.run_id, "failed" if status.value == "FAILURE" else "interrupted")
    if step.outcome == "interrupted":  # a failure rests first
        [again] = tick(installation, "new_batches").run_requests
        assert again.run_key == f"tiny/watch/{installation.batch(0).key}/2"


@pytest.mark.parametrize("kind", ["delta", "sql"])
def test_rows_of_a_table_are_noticed_by_the_sensor_and_watched(
    kind: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    query = "SELECT * FROM rows WHERE at >= :start AND at < :end"
    sources = {
        "delta": {"type": "delta", "path": "rows"},
        "sql": {"type": "sql", "url": "sqlite:///rows.db", "query": query},
    }
    made = make_installation(tmp_path, instance, source=sources[kind])
    rows = rows_of(made.batch(0))
    if kind == "delta":
        write_deltalake(tmp_path / "rows", rows.assign(at=pd.to_datetime(rows["at"]).astype("datetime64[us, UTC]")))
    else:
        with closing(sqlite3.connect(tmp_path / "rows.db")) as database:
            rows.to_sql("rows", database, index=False)
    asked = tick(made, "new_batches").run_requests
    assert [(request.job_name, request.partition_key) for request in asked] == [("tiny__watch", made.batch(0).key)]
    ran = next(made.driver().until_idle())
    assert (ran.job, ran.batch, ran.success) == ("watch", made.batch(0).key, True)
    assert made.metadata("validated")["dagster/row_count"] == len(rows)


def test_missing_batches_of_other_locations_are_passed_over(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrain_assets.orchestration.launching.PAGE", 3)
    state, due = installation.stores.state, {"due": "2024-01-03T00:00:00+00:00"}
    for number in range(4):
        state.append_outbox("missing", "elsewhere", batch=str(number), payload=due, now=datetime.now(UTC))
    state.append_outbox("missing", "tiny", batch=installation.batch(1).key, payload=due, now=datetime.now(UTC))
    first = tick(installation, "batch_missing")
    assert first.asset_events == []
    assert len(tick(installation, "batch_missing", first.cursor).asset_events) == 1


@pytest.mark.parametrize(
    ("sensor", "status", "outcome"),
    [
        ("run_failed", dg.DagsterRunStatus.FAILURE, "failed"),
        ("run_canceled", dg.DagsterRunStatus.CANCELED, "interrupted"),
    ],
)
def test_a_run_that_died_is_written_into_the_ledger_and_freed(
    installation: Installation, sensor: str, status: dg.DagsterRunStatus, outcome: str
) -> None:
    from datetime import timedelta

    installation.drop(0)
    batch = installation.batch(0).key
    job = installation.definitions.resolve_job_def("tiny__watch")
    tick(installation, sensor)
    run = installation.instance.create_run_for_job(job, tags={"dagster/partition": batch})
    installation.stores.state.acquire_lease("tiny", run.run_id, ttl=timedelta(hours=1), now=datetime.now(UTC))
    if status is dg.DagsterRunStatus.FAILURE:
        installation.instance.report_run_failed(run, "killed")
    else:
        installation.instance.report_run_canceled(run)

    event = next(
        entry.dagster_event
        for entry in installation.instance.all_logs(run.run_id)
        if entry.dagster_event is not None
        and entry.dagster_event.is_job_event
        and entry.dagster_event.event_type_value in ("PIPELINE_FAILURE", "PIPELINE_CANCELED")
    )
    definition = installation.definitions.get_repository_def().get_sensor_def(sensor)
    ended = installation.instance.get_run_by_id(run.run_id)
    assert ended is not None
    with dg.build_run_status_sensor_context(
        sensor_name=sensor,
        dagster_instance=installation.instance,
        dagster_run=ended,
        dagster_event=event,
        resources=installation.resources,
    ) as context:
        definition(context)
        definition(context)

    steps = installation.stores.state.steps("tiny")
    assert [(step.job, step.batch, step.outcome, step.run_id) for step in steps] == [
        ("watch", batch, outcome, run.run_id)
    ]
    assert installation.stores.state.lease_owner("tiny", now=datetime.now(UTC)) is None


def test_a_tick_with_a_thousand_models_and_nothing_new_asks_only_some(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long it takes is measured in `benchmarks/`; here, that the clock bounds it, not the number of models."""
    models = [
        DeclaredModel(ModelSpec.model_validate(declaration(name=f"m{number:04}")), tmp_path) for number in range(1000)
    ]
    [sensor] = [each for each in location_sensors(models) if each.name == "decisions_due"]
    asked: list[str] = []
    monkeypatch.setattr("retrain_assets.lifecycle.next_job", lambda _, model, **__: asked.append(model.name))
    monkeypatch.setattr("retrain_assets.orchestration.sensors.time.monotonic", lambda: len(asked) * 0.01)

    cursor = str(Cursor(after=0))
    resources = {"retrain_stores": StoresResource(home=str(tmp_path / "home"))}
    for tick_number in range(1, 101):
        with dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources) as context:
            result = sensor.evaluate_tick(context)
        assert result.run_requests == []
        assert len(asked) <= tick_number * 12
        cursor = result.cursor
    assert len(set(asked)) == 1000


ELSEWHERE = {"type": "files", "path": "elsewhere/{batch}.csv"}


def _unset_variable(folder: Path) -> tuple[dict[str, Any], Callable[[], object]]:
    declared = {"source": {"type": "files", "path": {"env": "SHOP_FOLDER"}}}
    return declared, lambda: os.environ.__setitem__("SHOP_FOLDER", str(folder / "shop/{batch}.csv"))


def _damaged_table(folder: Path) -> tuple[dict[str, Any], Callable[[], object]]:
    log = folder / "damaged" / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_text("{", encoding="utf-8")
    return {"source": {"type": "delta", "path": "damaged"}}, lambda: shutil.rmtree(log.parent)


def _no_python(folder: Path) -> tuple[dict[str, Any], Callable[[], object]]:
    module, text = folder / "broken_features.py", "def build(rows):\n    return rows\n"
    module.write_text(text, encoding="utf-8")
    importlib.import_module("broken_features")
    module.write_text("def build(rows:\n", encoding="utf-8")
    declared = {"source": ELSEWHERE, "features": {"transform": "broken_features:build"}}
    return declared, lambda: module.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (_unset_variable, "SHOP_FOLDER"),
        (_damaged_table, "cannot be opened"),
        (_no_python, "is no Python"),
    ],
)
def test_a_broken_source_is_told_and_stops_no_other_model(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Path], tuple[dict[str, Any], Callable[[], object]]],
    reason: str,
) -> None:
    monkeypatch.setenv("SHOP_FOLDER", "")
    monkeypatch.delenv("SHOP_FOLDER")
    monkeypatch.syspath_prepend(tmp_path)
    changes, mend = fault(tmp_path)
    broken = declaration(name="broken", **changes)
    models = {
        name: DeclaredModel(ModelSpec.model_validate(declared), tmp_path)
        for name, declared in {"broken": broken, "tiny": declaration()}.items()
    }
    resource = StoresResource(home=str(tmp_path / "home"))
    repository = dg.Definitions(
        assets=[asset for model in models.values() for asset in model_assets(model)],
        sensors=location_sensors(list(models.values())),
        resources={STORES_KEY: resource, MLFLOW_KEY: MlflowRun()},
    ).get_repository_def()

    def ask(cursor: str | None) -> Any:
        with dg.build_sensor_context(
            instance=instance, cursor=cursor, repository_def=repository, resources={STORES_KEY: resource}
        ) as context:
            return repository.get_sensor_def("new_batches").evaluate_tick(context)

    result = ask(None)
    assert "The source of broken cannot be looked at: " in result.skip_message
    assert reason in result.skip_message
    make_installation(tmp_path, instance).drop(0)
    result = ask(result.cursor)
    assert [request.tags["retrain_assets/model"] for request in result.run_requests] == ["tiny"]
    ask(result.cursor)

    state = resource.open().state
    assert len(state.outbox(model="broken", kinds=["source_failed"])) == 1  # once, not at every tick
    mend()
    ask(result.cursor)
    assert source_failure(state, "broken") is None
