"""Every retrain is one MLflow run, and its status is true."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import DataError
from retrain_assets.orchestration.ended import note_ended_run
from retrain_assets.orchestration.mlflow_run import MLFLOW_RUN_TAG
from retrain_assets_tests.orchestration.installation import Installation, copied, make_installation


def tracked(installation: Installation) -> list[Any]:
    """All MLflow runs of the installation, the oldest first."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{installation.root / 'home' / 'mlflow.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(experiments, order_by=["attributes.start_time ASC"]))


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Day 1 is decided: its first retrain is due. Copy it, do not change it."""
    with dg.DagsterInstance.ephemeral() as instance:
        made = make_installation(tmp_path_factory.mktemp("decided"), instance)
        for day in range(2):
            made.drop(day)
        for ran in made.driver().until_idle():
            if (ran.job, ran.batch) == ("decide", made.batch(1).key):
                break
        yield made


@pytest.fixture
def ready(decided: Installation, tmp_path: Path, instance: dg.DagsterInstance) -> Installation:
    """A copy of it."""
    return copied(decided, tmp_path, instance)


def test_a_retrain_is_one_finished_run_with_links_both_ways(ready: Installation) -> None:
    import mlflow

    before = (mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI"))
    result = ready.run("retrain", 1)
    assert result.success
    [run] = tracked(ready)

    assert run.info.status == "FINISHED"
    assert run.info.run_name == f"tiny {ready.batch(1).key} attempt 1"
    assert run.data.tags["dagster_run_id"] == run.data.tags["dagster/run_id"] == result.run_id
    assert run.data.tags["dagster/run_url"] == f"http://127.0.0.1:3000/runs/{result.run_id}"
    assert run.data.tags["retrain_assets.outcome"] == "promoted"
    assert run.data.params["estimator"] == "sklearn.linear_model.LogisticRegression"
    assert 0 < run.data.metrics["candidate_log_loss"] < run.data.metrics["baseline_log_loss"]
    [trained_on] = run.inputs.dataset_inputs
    assert trained_on.dataset.name == "tiny/validated"
    registry = ready.stores.registry
    [version] = ready.stores.state.model_versions("tiny")
    files = Path(registry.run_link(version) or "")
    assert {path.name for path in files.glob("*.png")} == {"evaluation.png", "calibration.png", "importance.png"}
    assert (registry.alias("tiny", "challenger"), registry.alias("tiny", "champion")) == (None, 1)
    dagster_run = ready.instance.get_run_by_id(result.run_id)
    assert dagster_run is not None
    assert dagster_run.tags[MLFLOW_RUN_TAG] == run.info.run_id
    assert run.info.run_id in str(ready.metadata("candidate")["mlflow_run"])
    assert mlflow.active_run() is None
    assert (mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")) == before


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("train", DataError("no such column")),
        ("evaluate", RuntimeError("the disk is full")),
        ("promote", RuntimeError("the disk is full")),
    ],
)
def test_a_failed_step_ends_the_run_as_failed(
    ready: Installation, monkeypatch: pytest.MonkeyPatch, step: str, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(lifecycle, step, fail)
        assert not ready.run("retrain", 1).success
    monkeypatch.setattr("retrain_assets.stores.tries.RESTS", (timedelta(0),))
    assert [run.info.status for run in tracked(ready)] == ["FAILED"]
    assert ready.stores.state.promotions("tiny") == []

    # Again, by the sensors: another run of its own, which succeeds and leaves the failed one as it is.
    assert next((ran.job, ran.success) for ran in ready.driver().until_idle()) == ("retrain", True)
    assert [run.info.status for run in tracked(ready)] == ["FAILED", "FINISHED"]
    assert [promotion.version for promotion in ready.stores.state.promotions("tiny")] != []


def test_a_version_that_nobody_could_evaluate_has_its_card(
    ready: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(lifecycle, "evaluate", fail)
    assert not ready.run("retrain", 1).success
    [version] = ready.stores.state.model_versions("tiny")
    card = ready.metadata("candidate")["model_card"]
    assert card == ready.stores.registry.text(version.run_id, "model_card.md")
    assert "# tiny v1" in card


def test_a_retrain_whose_process_died_ends_as_its_job_does(ready: Installation) -> None:
    for attempt, (interrupted, status) in enumerate(((True, "KILLED"), (False, "FAILED")), start=1):
        tracking_run = ready.stores.registry.begin_run(model="tiny", name=f"try {attempt}", tags={})
        dead = ready.instance.create_run_for_job(
            ready.definitions.resolve_job_def("tiny__retrain"),
            tags={"dagster/partition": ready.batch(1).key, MLFLOW_RUN_TAG: tracking_run},
            status=dg.DagsterRunStatus.STARTED,
        )
        note_ended_run(ready.stores, ready.model, "retrain", dead, reason="killed", interrupted=interrupted)
        (run,) = [run for run in tracked(ready) if run.info.run_id == tracking_run]
        assert run.info.status == status


def test_a_retrain_that_somebody_stops_ends_as_killed(ready: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lifecycle, "train", stop)
    assert not ready.run("retrain", 1).success
    assert [run.info.status for run in tracked(ready)] == ["KILLED"]


def test_what_a_users_code_logs_reaches_the_run(ready: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    train = lifecycle.train

    def train_and_log(*args: Any, **kwargs: Any) -> Any:
        mlflow.log_metric("from_user_code", 1.0)
        return train(*args, **kwargs)

    monkeypatch.setattr(lifecycle, "train", train_and_log)
    assert ready.run("retrain", 1).success
    [run] = tracked(ready)
    assert run.data.metrics["from_user_code"] == 1.0


def test_a_candidate_by_hand_is_closed_too(ready: Installation) -> None:
    assert ready.materialize("training_set", day=1).success
    assert ready.materialize("candidate", day=1).success
    assert [run.info.status for run in tracked(ready)] == ["FINISHED"]
    assert ready.materialize("evaluation_report", day=1).success
    assert ready.stores.state.promotions("tiny") == [], "it is judged, and not yet promoted"
    assert ready.materialize("retrain_decision", day=1).success
    assert ready.stores.state.decisions("tiny")[-1].cause == "person"
