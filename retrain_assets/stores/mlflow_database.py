"""The database of MLflow, where it is no server: one SQLite file, or one that others keep."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlparse

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool

from retrain_assets.errors import StoreError, without_password
from retrain_assets.stores.mlflow_process import BRIEF_SECONDS

_SQLITE = "sqlite:///"
_DATABASES = ("postgresql", "mysql", "mssql")
_PATIENT_DRIVERS = ("psycopg2", "psycopg", "pymysql", "mysqldb", "mysqlconnector")
"""Those that know the argument `connect_timeout`, and wait for minutes without it."""


def database_file(uri: str) -> Path | None:
    """The file of a SQLite database; None for any other address."""
    return Path(uri.removeprefix(_SQLITE)).absolute() if uri.startswith(_SQLITE) else None


@contextmanager
def one_at_a_time(database: Path | None) -> Generator[None]:
    """One process at a time for the same SQLite file."""
    if database is None:
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(f"{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def begin_database(database: Path | None) -> None:
    """Makes a new SQLite file with a write-ahead log; one that is there stays as its owner made it.

    Who reads (MLflow's own UI) and who writes do not wait for each other, and a commit waits for the disk once.
    """
    if database is not None and not database.exists():
        # Where that fails (a full disk), MLflow fails next, and says so.
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")


def require_database(uri: str) -> None:
    """Connects to a database once: MLflow itself tries one that does not answer for 100 seconds.

    Raises:
        StoreError: as `engine_of`.
        SQLAlchemyError: it does not answer within `BRIEF_SECONDS`, or lets nobody in.
    """
    if urlparse(uri).scheme.partition("+")[0] not in _DATABASES:
        return  # a file, or what MLflow has plugins for
    with engine_of(uri).connect():
        pass


def engine_of(uri: str) -> Engine:
    """An engine that keeps no connection, and waits for `BRIEF_SECONDS` where its driver lets it.

    Raises:
        StoreError: the driver is not installed.
    """
    limit = {"connect_timeout": BRIEF_SECONDS} if make_url(uri).get_driver_name() in _PATIENT_DRIVERS else {}
    try:
        return create_engine(uri, poolclass=NullPool, connect_args=limit, hide_parameters=True)
    except ImportError as error:
        raise StoreError(
            f"the tracking database {without_password(uri)} needs the Python package {error.name}, which is not "
            "installed: install it, or name the driver that is, such as postgresql+psycopg2://"
        ) from error
