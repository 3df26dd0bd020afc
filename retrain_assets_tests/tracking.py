"""Empty databases, made once by each process: a copy takes no time, the migrations of MLflow a second."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.stores.state import SqlStateStore


def put_empty_database(path: Path) -> None:
    """Puts an empty database of MLflow there, unless there is one."""
    _put(path, _empty_database)


def put_empty_state(path: Path) -> None:
    """Puts an empty state database there, unless there is one."""
    _put(path, _empty_state)


def copy_folder(source: Path, target: Path, *left_out: str) -> None:
    """A copy, its databases page by page, as SQLite does it: whoever closes one meanwhile takes its log away."""
    files = ("*.db", "*.db-wal", "*.db-shm")
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*left_out, *files))
    for path in source.rglob("*.db"):
        copy = target / path.relative_to(source)
        if copy.parent.exists():
            with closing(sqlite3.connect(path)) as read, closing(sqlite3.connect(copy)) as written:
                read.backup(written)


def _put(path: Path, content: Callable[[], bytes]) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content())


@cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        MlflowRegistry(f"sqlite:///{path}").alias("nothing", "champion")
        _look_for_migrations_once()
        with closing(sqlite3.connect(path)) as database:
            return database.serialize()


def _look_for_migrations_once() -> None:
    """MLflow reads all its migration scripts whenever it opens a database, to know which is the newest."""
    from mlflow.store.db import utils

    utils._get_latest_schema_revision = cache(utils._get_latest_schema_revision)


@cache
def _empty_state() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        with closing(SqlStateStore(f"sqlite:///{path}")) as store:
            store.upgrade()
        with closing(sqlite3.connect(path)) as database:
            return database.serialize()
