"""MLflow's empty database, made once by each process: a copy takes no time, its migrations a second."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from retrain_assets.stores.registry import MlflowRegistry


def put_empty_database(path: Path) -> None:
    """Puts an empty database there, unless there is one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_empty_database())


@cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        MlflowRegistry(f"sqlite:///{path}").alias("nothing", "champion")
        with closing(sqlite3.connect(path)) as database:
            return database.serialize()
