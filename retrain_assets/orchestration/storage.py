"""Storage of the Dagster instance in two SQLite files, for an installation of one machine.

Dagster's own SQLite storage opens a file for each run, and an engine with a connection for each event; a batch writes
a hundred events. These keep one engine and its connections, and let SQLite write ahead without waiting for the disk at
each event: a killed process loses nothing, a power failure at most the newest events, never the consistency.
An instance on PostgreSQL needs none of this.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log.schema import AssetKeyTable
from dagster._core.storage.event_log.sqlite.consolidated_sqlite_event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine

BUSY_SECONDS = 30


class EventLog(ConsolidatedSqliteEventLogStorage):
    """The events of all runs in one file, as on PostgreSQL."""

    @cached_property
    def _engine(self) -> Engine:
        return pooled_engine(self._conn_string)

    @cached_property
    def _present(self) -> set[str]:
        """Tables, and columns of the asset keys, that were found: neither is ever taken away."""
        return set()

    @contextmanager
    def _connect(self) -> Generator[Connection]:
        with self._engine.begin() as connection:
            yield connection

    def has_table(self, table_name: str) -> bool:
        """Dagster asks at every event, each time over a new engine."""
        if table_name not in self._present and super().has_table(table_name):
            self._present.add(table_name)
        return table_name in self._present

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        column = f"{AssetKeyTable.name}.{column_name}"
        if column not in self._present and super()._has_asset_key_col_on_connection(conn, column_name):
            self._present.add(column)
        return column in self._present

    def dispose(self) -> None:
        """Closes the connections."""
        super().dispose()
        self._engine.dispose()


class Runs(SqliteRunStorage):
    """The runs in one file."""

    @cached_property
    def _engine(self) -> Engine:
        return pooled_engine(self._conn_string)

    @contextmanager
    def connect(self) -> Generator[Connection]:
        """A transaction."""
        with self._engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Closes the connections."""
        super().dispose()
        self._engine.dispose()


class InstallationStorage(DagsterSqliteStorage):
    """All storage of an instance below one folder: `storage: {custom: ...}` in its `dagster.yaml`."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._run_storage = Runs.from_local(str(Path(base_dir) / "history"))
        self._event_log_storage = EventLog(str(Path(base_dir) / "history"))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> InstallationStorage:
        """From the instance's settings."""
        return cls.from_local(config_value["base_dir"], inst_data)


def pooled_engine(url: str) -> Engine:
    """An engine whose connections stay open and need no wait for the disk at each commit."""
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine
