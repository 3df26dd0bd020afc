"""A home is one folder unless the environment sends a store elsewhere; preparing it never overwrites."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance

from retrain_assets.commands.options import Options
from retrain_assets.errors import RefusedError
from retrain_assets.home import Home, open_state, open_stores, refuse_copied
from retrain_assets.orchestration.resources import StoresResource
from retrain_assets_tests.tracking import copy_folder


def test_everything_lies_below_one_folder_by_default(tmp_path: Path):
    home = Home.at(tmp_path)
    assert home.state_url == f"sqlite:///{tmp_path}/state.db"
    assert home.tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"
    for place in (home.tables_url, home.blobs_url, home.artifacts_url):
        assert Path(place).parent == tmp_path
    for path in (home.dagster_home, home.drop, home.driver_lock):
        assert path.parent == tmp_path


def test_the_folder_comes_from_the_environment_or_is_a_hidden_one_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert Home.from_environment({}).folder == tmp_path / ".retrain_assets"
    assert Home.from_environment({"RETRAIN_ASSETS_HOME": "elsewhere"}).folder == tmp_path / "elsewhere"
    assert Home.from_environment({"RETRAIN_ASSETS_HOME": ""}).folder == tmp_path / ".retrain_assets"


@pytest.mark.parametrize(
    ("variable", "field", "url"),
    [
        ("RETRAIN_ASSETS_STATE_URL", "state_url", "postgresql+psycopg2://db/state"),
        ("RETRAIN_ASSETS_TABLES_URL", "tables_url", "s3://bucket/tables"),
        ("RETRAIN_ASSETS_BLOBS_URL", "blobs_url", "s3://bucket/blobs"),
        ("RETRAIN_ASSETS_TRACKING_URI", "tracking_uri", "http://mlflow:5000"),
        ("RETRAIN_ASSETS_ARTIFACTS_URL", "artifacts_url", "s3://bucket/models"),
    ],
)
def test_each_store_can_lie_elsewhere(tmp_path: Path, variable: str, field: str, url: str):
    home, plain = Home.at(tmp_path, environ={variable: url}), Home.at(tmp_path)
    assert getattr(home, field) == url
    others = set(Home.__dataclass_fields__) - {field}
    assert all(getattr(home, name) == getattr(plain, name) for name in others)


def test_preparing_makes_an_instance_that_dagster_reads(tmp_path: Path):
    home = Home.at(tmp_path / "new" / "home").prepare()
    with DagsterInstance.from_config(str(home.dagster_home)) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        assert instance.is_persistent
        assert instance.get_settings("freshness") == {"enabled": True}


def test_preparing_twice_keeps_what_a_person_changed(tmp_path: Path):
    settings = Home.at(tmp_path).prepare().dagster_home / "dagster.yaml"
    settings.write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    Home.at(tmp_path).prepare()
    assert yaml.safe_load(settings.read_text(encoding="utf-8")) == {"telemetry": {"enabled": False}}


def test_runs_of_one_model_are_limited_to_one(tmp_path: Path):
    settings = yaml.safe_load((Home.at(tmp_path).prepare().dagster_home / "dagster.yaml").read_text(encoding="utf-8"))
    [limit] = settings["concurrency"]["runs"]["tag_concurrency_limits"]
    assert limit == {"key": "retrain_assets/model", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}


def test_knows_whether_there_is_a_state_yet(tmp_path: Path):
    home = Home.at(tmp_path).prepare()
    assert not home.state_exists
    open_state(home).last_outbox_id()
    assert home.state_exists
    assert Home.at(tmp_path / "x", environ={"RETRAIN_ASSETS_STATE_URL": "postgresql+psycopg2://db/x"}).state_exists


def test_opening_the_stores_connects_to_nothing(tmp_path: Path):
    """They are opened by every process that loads the code location: each connects when it is used."""
    open_stores(Home.at(tmp_path / "home"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_copied_home_is_refused_before_it_writes_into_the_original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", "")  # which the command sets
    original = Home.at(tmp_path / "one").prepare()
    refuse_copied(original)
    copy_folder(original.folder, tmp_path / "two")
    copy = Home.at(tmp_path / "two")
    with pytest.raises(
        RefusedError, match=r"two was copied or moved: .* keeps Dagster's history in .*one/dagster\. Work in"
    ):
        refuse_copied(copy)
    with pytest.raises(RefusedError, match="was copied or moved"):
        Options(home=copy.folder, defs=(), debug=False).opened_home()
    with pytest.raises(RefusedError, match="was copied or moved"):
        StoresResource(home=str(copy.folder)).open()
    # Mounted elsewhere it may be, where the models are not kept in it.
    StoresResource(home=str(copy.folder), artifacts_url=str(tmp_path / "models")).open()
    # The same folder by another name, and settings that a person has taken over.
    (tmp_path / "link").symlink_to(original.folder)
    refuse_copied(Home.at(tmp_path / "link"))
    settings = copy.dagster_home / "dagster.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").partition("\n")[2], encoding="utf-8")
    refuse_copied(copy)
