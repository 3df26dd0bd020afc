"""A small real installation in a folder, a stream that drifts, and the jobs without Dagster."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retrain_assets import lifecycle
from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.records import NextJob
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.blobs import FsspecBlobStore
from retrain_assets.stores.delta import DeltaTableStore
from retrain_assets.stores.protocols import Stores
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.stores.state import SqlStateStore
from retrain_assets_tests.tracking import put_empty_database, put_empty_state

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def declaration(**changes: Any) -> dict[str, Any]:
    """A small binary classification on daily files; top-level keys replaced by `changes`."""
    return {
        "name": "tiny",
        "batches": {"every": "day", "start": "2024-01-01", "end": "2024-03-01"},
        "source": {"type": "files", "path": "drop/{batch}*.csv"},
        "schema": {
            "id": {"type": "int"},
            "at": {"type": "datetime"},
            "x": {"type": "float", "min": -50, "max": 50},
            "z": {"type": "float", "nullable": True},
            "kind": {"type": "category", "values": ["a", "b"]},
        },
        "event_time": "at",
        "row_id": "id",
        "target": {"column": "y", "label_delay": "1 day"},
        "leak_columns": ["outcome_code"],
        "estimator": {"class": "sklearn.linear_model.LogisticRegression"},
        "metric": "log_loss",
        "window": {"min_rows": 200, "holdout_batches": 3},
        "retrain": {"when": "performance_decay | drift | event"},
        "promote": {"min_rows": 50},
        **changes,
    }


def rows_of(
    batch: Batch, *, rows: int = 400, flip: bool = False, shift: float = 0.0, seed: int | None = None
) -> pd.DataFrame:
    """One day: `y` depends on `x`, the other way round after a `flip`; `outcome_code` is the target in disguise."""
    rng = np.random.default_rng(int(batch.start.timestamp()) if seed is None else seed)
    x = rng.normal(shift, 1, rows)
    y = (rng.random(rows) < 1 / (1 + np.exp(-2.5 * x * (-1 if flip else 1)))).astype(int)
    seconds = np.sort(rng.integers(0, 86_400, rows))
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "at": [(batch.start + timedelta(seconds=int(s))).isoformat() for s in seconds],
            "x": x,
            "z": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "kind": rng.choice(["a", "b"], rows),
            "outcome_code": y * 10,
            "y": y,
        }
    )


def open_stores(root: Path) -> Stores:
    """Real stores in a folder."""
    put_empty_database(root / "mlflow.db")
    put_empty_state(root / "state.db")
    return Stores(
        blobs=FsspecBlobStore(str(root / "blobs")),
        tables=DeltaTableStore(str(root / "tables")),
        state=SqlStateStore(f"sqlite:///{root / 'state.db'}"),
        registry=MlflowRegistry(tracking_uri=f"sqlite:///{root / 'mlflow.db'}", artifacts_url=str(root / "artifacts")),
    )


@dataclass
class World:
    """One installation with one model; its runs are numbered."""

    root: Path
    stores: Stores
    model: DeclaredModel
    now: datetime = NOW
    ran: list[NextJob] = field(default_factory=list)
    _runs: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def batch(self, day: int) -> Batch:
        """The batch of a day, counted from 0."""
        return self.model.calendar.batch((START + timedelta(days=day)).strftime("%Y-%m-%d"))

    def drop(self, day: int, frame: pd.DataFrame | None = None, *, suffix: str = "", **kwargs: Any) -> Path:
        """Delivers the file of a day."""
        batch = self.batch(day)
        made = rows_of(batch, **kwargs) if frame is None else frame
        return self.put(day, made.to_csv(index=False).encode(), suffix=suffix)

    def put(self, day: int, content: bytes, *, suffix: str = "", folder: str = "drop") -> Path:
        """Delivers bytes, old enough not to be taken for a file that is still being written."""
        path = self.root / folder / f"{self.batch(day).key}{suffix}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        age = NOW.timestamp() - 3600 + next(self._runs)
        os.utime(path, (age, age))
        return path

    def poll(self) -> None:
        """Looks at the source once."""
        lifecycle.poll_source(self.stores, self.model, now=self.now)

    def play(self, limit: int = 1000) -> list[NextJob]:
        """Runs what the agenda asks for until it asks for nothing; returns the jobs of this call."""
        self.poll()
        done: list[NextJob] = []
        while (job := lifecycle.next_job(self.stores, self.model, now=self.now)) is not None and len(done) < limit:
            self.run(job)
            done.append(job)
        self.ran.extend(done)
        return done

    def run(self, job: NextJob, run_id: str | None = None) -> None:
        """One job, as the assets of its Dagster job would run it."""
        perform(self.stores, self.model, job, now=self.now, run_id=run_id or f"run-{next(self._runs)}")


def perform(stores: Stores, model: DeclaredModel, job: NextJob, *, now: datetime, run_id: str) -> None:
    """The lifecycle functions of a job in their order."""
    batch = model.calendar.batch(job.batch)
    common: dict[str, Any] = {"now": now, "run_id": run_id}
    with lifecycle.lease(stores, model, owner=run_id, now=now):
        if job.job == "watch":
            lifecycle.ingest(stores, model, batch, **common)
            if lifecycle.validate(stores, model, batch, **common).refused is None:
                lifecycle.profile(stores, model, batch, **common)
                lifecycle.detect(stores, model, batch, **common)
                lifecycle.score(stores, model, batch, **common)
        elif job.job == "settle":
            lifecycle.settle_labels(stores, model, batch, as_of=job.as_of, **common)
            lifecycle.measure(stores, model, batch, as_of=job.as_of, **common)
        elif job.job == "decide":
            lifecycle.decide(stores, model, batch, cause=job.cause, **common)
        elif lifecycle.freeze_training_set(stores, model, batch, **common).sufficient:
            lifecycle.train(stores, model, batch, **common)
            lifecycle.evaluate(stores, model, batch, **common)
            lifecycle.promote(stores, model, batch, **common)


def make_world(root: Path, **changes: Any) -> World:
    """A fresh installation in a folder."""
    spec = ModelSpec.model_validate(declaration(**changes))
    return World(root=root, stores=open_stores(root), model=DeclaredModel(spec=spec, root=root))
