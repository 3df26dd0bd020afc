"""An installation in a folder: the tiny model of the lifecycle's tests, declared to Dagster and driven in process."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from dagster._core.storage.event_log.in_memory import InMemoryEventLogStorage
from dagster._core.storage.runs.in_memory import InMemoryRunStorage

from retrain_assets.data.windows import Batch
from retrain_assets.home import Home
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.orchestration import StoresResource, build_retraining_definitions
from retrain_assets.orchestration.driver import Driver, Ran
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.protocols import Stores
from retrain_assets_tests.lifecycle.world import declaration, rows_of
from retrain_assets_tests.tracking import copy_folder, put_empty_database, put_empty_state


@dataclass
class Installation:
    """One model `tiny` with daily files in `files`, by default its folder `drop/`."""

    root: Path
    model: DeclaredModel
    instance: dg.DagsterInstance
    wait_seconds: float = 60.0
    files: Path | None = None

    @cached_property
    def definitions(self) -> dg.Definitions:
        """The code location."""
        stores = StoresResource(home=str(self.root / "home"), wait_seconds=self.wait_seconds)
        return build_retraining_definitions(self.model.spec, root=self.root, stores=stores)

    @cached_property
    def stores(self) -> Stores:
        """What the runs write."""
        resource = self.resources["retrain_stores"]
        assert isinstance(resource, StoresResource)
        return resource.open()

    @property
    def resources(self) -> dict[str, Any]:
        """What the code location binds."""
        return dict(self.definitions.resources or {})

    def driver(self) -> Driver:
        """A new process's driver: it knows no cursor."""
        return Driver(self.instance, self.definitions, {"tiny": self.model})

    def batch(self, day: int) -> Batch:
        """The batch of a day, counted from 0."""
        return list(self.model.calendar.until(self.model.calendar.first.end + (day * pd.Timedelta(days=1))))[day]

    def drop(self, day: int, frame: pd.DataFrame | None = None, **kwargs: Any) -> Path:
        """Delivers the file of a day; it looks as if it lay there for an hour."""
        path = (self.files or self.root / "drop") / f"{self.batch(day).key}.csv"
        path.parent.mkdir(exist_ok=True)
        (rows_of(self.batch(day), **kwargs) if frame is None else frame).to_csv(path, index=False)
        os.utime(path, (time.time() - 3600, time.time() - 3600 + day))
        return path

    def drive(self) -> list[Ran]:
        """All that the sensors ask for, by a new driver."""
        return list(self.driver().until_idle())

    def run(self, job: str, day: int) -> dg.ExecuteInProcessResult:
        """A job launched by hand."""
        return self.definitions.resolve_job_def(f"tiny__{job}").execute_in_process(
            instance=self.instance, partition_key=self.batch(day).key, raise_on_error=False
        )

    def materialize(self, *assets: str, day: int | None) -> dg.ExecuteInProcessResult:
        """Assets selected by hand, as the UI's button does."""
        return self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(["tiny", asset]) for asset in assets],
            partition_key=None if day is None else self.batch(day).key,
            raise_on_error=False,
        )

    def check(self, asset: str, name: str) -> dg.AssetCheckEvaluation:
        """The newest result of a check."""
        return self.checks(asset, name)[0]

    def checks(self, asset: str, name: str) -> list[dg.AssetCheckEvaluation]:
        """All results of a check, the newest first."""
        key = dg.AssetCheckKey(dg.AssetKey(["tiny", asset]), name)
        events = [
            record.event and record.event.dagster_event
            for record in self.instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
        ]
        return [
            event.asset_check_evaluation_data
            for event in events
            if event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ]

    def metadata(self, asset: str) -> dict[str, Any]:
        """Metadata of the newest materialization."""
        event = self.instance.get_latest_materialization_event(dg.AssetKey(["tiny", asset]))
        assert event is not None
        assert event.asset_materialization is not None
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def make_installation(root: Path, instance: dg.DagsterInstance, **changes: Any) -> Installation:
    """A fresh one."""
    home = Home.at(root / "home").prepare()
    put_empty_database(home.folder / "mlflow.db")
    put_empty_state(home.folder / "state.db")
    spec = ModelSpec.model_validate(declaration(**changes))
    return Installation(root=root, model=DeclaredModel(spec, root), instance=instance)


def copied(made: Installation, root: Path, instance: dg.DagsterInstance) -> Installation:
    """The same installation in another folder and another instance in memory, without playing it again.

    Its models stay where they are, and what was delivered too: from another folder it would be delivered once more.
    """
    copy_folder(made.root, root, "mlartifacts", "drop", "dagster")
    _copy_database(made.instance.run_storage, instance.run_storage)
    _copy_database(made.instance.event_log_storage, instance.event_log_storage)
    return Installation(root=root, model=DeclaredModel(made.model.spec, root), instance=instance)


def _copy_database(source: object, target: object) -> None:
    assert isinstance(source, InMemoryRunStorage | InMemoryEventLogStorage)
    assert isinstance(target, InMemoryRunStorage | InMemoryEventLogStorage)
    read, written = (storage._held_conn.connection.driver_connection for storage in (source, target))
    assert isinstance(read, sqlite3.Connection)
    assert isinstance(written, sqlite3.Connection)
    read.backup(written)
