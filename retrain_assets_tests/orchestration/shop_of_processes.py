"""A code location whose runs have a process for each step, as Dagster has them where a project names no executor."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pandas as pd
import pandera.pandas as pa

from retrain_assets.home import Home, open_stores
from retrain_assets.orchestration import StoresResource, build_retraining_definitions
from retrain_assets.spec import ModelSpec
from retrain_assets_tests.lifecycle.world import declaration

ROOT = "SHOP_OF_PROCESSES"


class Rows(pa.DataFrameModel):
    """The rows of a day; where the file `slow` lies, whoever looks at them does so until `labels` has ended."""

    id: int
    at: object
    x: float
    z: float = pa.Field(nullable=True)
    kind: str

    @pa.check("x")
    def is_looked_at(cls, values: pd.Series) -> pd.Series:  # noqa: N805 - pandera passes the class
        root = Path(os.environ[ROOT])
        if len(values) and (root / "slow").exists():
            (root / "slow").unlink()
            (root / "holder").write_text(holder_after_labels(root))
        return values.notna()


def holder_after_labels(root: Path) -> str:
    """Who holds the model half a second after the step of `labels` has ended."""
    with dg.DagsterInstance.from_config(str(root / "home" / "dagster")) as instance:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            [run] = instance.get_runs(limit=1)
            if any(step.end_time for step in instance.get_run_step_stats(run.run_id, ["tiny__labels_and_performance"])):
                time.sleep(0.5)
                state = open_stores(Home.at(root / "home")).state
                return str(state.lease_owner("tiny", now=datetime.now(UTC)))
            time.sleep(0.1)
    return "labels did not end"


def spec() -> ModelSpec:
    """The model of the shop."""
    return ModelSpec.model_validate(declaration(schema=f"{__name__}:Rows"))


def job() -> dg.JobDefinition:
    """All assets, of which the UI's button launches some: its own job cannot be made anew in a process."""
    root = Path(os.environ[ROOT])
    stores = StoresResource(home=str(root / "home"))
    made = build_retraining_definitions(spec(), root=root, stores=stores)
    selected = dg.Definitions(jobs=[dg.define_asset_job("selected", dg.AssetSelection.all())])
    return dg.Definitions.merge(made, selected).resolve_job_def("selected")
