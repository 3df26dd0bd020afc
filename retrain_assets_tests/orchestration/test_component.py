"""The declaration as a component: in a project of one's own, with mistakes shown at their line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

import retrain_assets
from retrain_assets.data.windows import Calendar
from retrain_assets.errors import DeclarationError
from retrain_assets_tests.lifecycle.world import START, declaration, rows_of

PYPROJECT = '[tool.dg]\ndirectory_type = "project"\n\n[tool.dg.project]\nroot_module = "shop"\n'


class Project:
    """A third party's Dagster project with nothing of ours but the YAML."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "pyproject.toml").write_text(PYPROJECT)
        (root / "shop" / "defs").mkdir(parents=True)
        (root / "shop" / "__init__.py").touch()
        (root / "shop" / "defs" / "__init__.py").touch()

    def declare(self, name: str, text: str | None = None, **changes: Any) -> Path:
        """Writes `defs/<name>/defs.yaml`."""
        document = {"type": "retrain_assets.RetrainedModel", "attributes": declaration(name=name, **changes)}
        file = self.root / "shop" / "defs" / name / "defs.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(document, sort_keys=False) if text is None else text)
        return file

    def load(self) -> dg.Definitions:
        """As its own definitions.py would."""
        return dg.load_from_defs_folder(path_within_project=self.root / "shop")


def deliver(folder: Path, model: retrain_assets.ModelSpec) -> None:
    """The file of the first day; it looks as if it lay there for an hour."""
    folder.mkdir()
    data = folder / "2024-01-01.csv"
    rows_of(Calendar(model.batches).batch(f"{START:%Y-%m-%d}")).to_csv(data, index=False)
    hour_ago = data.stat().st_mtime - 3600
    os.utime(data, (hour_ago, hour_ago))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Project(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[name]


def test_the_same_yaml_in_a_project_of_ones_own_materializes(
    project: Project, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    file = project.declare("churn")
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(project.root / "home"))
    deliver(file.parent / "drop", retrain_assets.ModelSpec.model_validate(declaration()))

    result = (
        project.load().resolve_job_def("churn__watch").execute_in_process(instance=instance, partition_key="2024-01-01")
    )
    assert result.success
    made = {event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key}
    assert made == {"raw", "validated", "quarantine", "profile", "drift_report", "predictions"}
    assert all(check.passed for check in result.get_asset_check_evaluations())
    assert (project.root / "home" / "state.db").exists()


def test_several_models_share_one_set_of_sensors(project: Project) -> None:
    for name in ("returns", "churn", "fraud"):
        project.declare(name)
    repository = project.load().get_repository_def()

    assert sorted(sensor.name for sensor in repository.sensor_defs) == [
        "approvals_answered",
        "batch_missing",
        "decisions_due",
        "freshness_failed",
        "matured_labels",
        "new_batches",
        "retrains_decided",
        "run_canceled",
        "run_failed",
        "run_lost",
    ]
    assert [target.job_name for target in repository.get_sensor_def("new_batches").targets] == [
        "churn__watch",
        "fraud__watch",
        "returns__watch",
    ]
    jobs = {name.split("__")[1] for name in repository.job_names if name.startswith("churn__")}
    assert jobs == {"watch", "settle", "decide", "retrain", "rollback", "answer", "hold", "event", "promote"}


def test_the_jobs_run_in_process_whatever_the_project_runs_its_own_in(project: Project) -> None:
    project.declare("churn")
    own = dg.Definitions(executor=dg.multiprocess_executor)
    repository = dg.Definitions.merge(project.load(), own).get_repository_def()
    executors = {name: repository.get_job(name).executor_def for name in repository.job_names}
    assert executors.pop("__ASSET_JOB") is dg.multiprocess_executor
    assert len(executors) == 9
    assert set(executors.values()) == {dg.in_process_executor}


def test_several_models_in_one_file(project: Project) -> None:
    documents = [
        {"type": "retrain_assets.RetrainedModel", "attributes": declaration(name=name)} for name in ("one", "two")
    ]
    project.declare("both", yaml.safe_dump_all(documents))
    assert set(project.load().get_repository_def().job_names) >= {"one__watch", "two__retrain"}


def test_sensors_run_without_being_switched_on(project: Project) -> None:
    project.declare("churn")
    sensors = project.load().get_repository_def().sensor_defs
    assert sensors
    assert {sensor.default_status for sensor in sensors} == {dg.DefaultSensorStatus.RUNNING}


def causes(error: BaseException) -> str:
    """Everything that the error and what it came from say."""
    said: list[str] = []
    found: BaseException | None = error
    while found is not None:
        said.append(str(found))
        found = found.__cause__
    return "\n".join(said)


def test_an_unknown_key_is_refused_with_file_and_line(project: Project) -> None:
    file = project.declare("churn", freshnes={"champion": "30 days"})
    line = 1 + file.read_text().splitlines().index("  freshnes:")
    with pytest.raises(Exception, match="churn") as caught:
        project.load()
    assert f"attributes.freshnes at {file}:{line}" in causes(caught.value)
    assert "Extra inputs are not permitted" in causes(caught.value)


def test_a_template_is_refused_because_only_dagster_would_fill_it_in(project: Project) -> None:
    project.declare("churn", description="for {{ env.TEAM }}")
    with pytest.raises(Exception, match="churn") as caught:
        project.load()
    found: BaseException | None = caught.value
    while found is not None and not isinstance(found, DeclarationError):
        found = found.__cause__
    assert found is not None
    assert "attributes.description: must not be a template" in str(found)


def test_the_component_is_a_registered_plug_in() -> None:
    from importlib.metadata import entry_points

    [found] = [
        point for point in entry_points(group="dagster_dg_cli.registry_modules") if point.name == "retrain_assets"
    ]
    assert found.load().RetrainedModel is retrain_assets.RetrainedModel
    assert "RetrainedModel" in dir(found.load())


def test_a_folder_that_is_no_project_is_a_code_location_of_what_is_declared_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retrain_assets.orchestration import folder

    for name in ("fraud", "returns"):
        document = {"type": "retrain_assets.RetrainedModel", "attributes": declaration(name=name)}
        (tmp_path / name).mkdir()
        (tmp_path / name / "defs.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    made = folder.defs()
    keys = {key.path[0] for key in made.resolve_all_asset_keys()}
    assert keys == {"fraud", "returns"}
    assert made.resolve_job_def("fraud__rollback")


def test_a_project_may_call_it_from_python_beside_its_own_assets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    @dg.asset
    def opening_hours() -> None: ...

    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(tmp_path / "home"))
    spec = retrain_assets.ModelSpec.model_validate(declaration())
    definitions = dg.Definitions.merge(
        dg.Definitions(assets=[opening_hours]),
        retrain_assets.build_retraining_definitions(spec, root=tmp_path),
    )
    keys = definitions.resolve_all_asset_keys()
    assert dg.AssetKey("opening_hours") in keys
    assert dg.AssetKey(["tiny", "champion"]) in keys
    dg.Definitions.validate_loadable(definitions)
    deliver(tmp_path / "drop", spec)
    watched = definitions.resolve_job_def("tiny__watch").execute_in_process(
        instance=instance, partition_key="2024-01-01"
    )
    assert watched.success
    assert dg.AssetKey(["tiny", "predictions"]) in {
        event.asset_key for event in watched.get_asset_materialization_events()
    }
    assert (tmp_path / "home" / "state.db").exists()
