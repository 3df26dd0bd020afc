"""A third party's Dagster project in a folder: three declared models, and files that are dropped for them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from retrain_assets.data.windows import Batch
from retrain_assets.home import Home
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.orchestration.by_hand import run_batch
from retrain_assets.spec import ModelSpec
from retrain_assets_tests.lifecycle.world import declaration, rows_of

SETTLED_SECONDS = 1.1  # a younger file may still be being written
FAST_DAEMON = {"FRESHNESS_DAEMON_INTERVAL_SECONDS": "5"}

MODELS: dict[str, dict[str, Any]] = {
    "fraud": {
        "description": "Which payment is fraud? Retrained when the inputs drift, and for nothing else.",
        "retrain": {"when": "drift"},
    },
    "returns": {
        "description": "Which parcel comes back? Retrained when its champion is no longer fresh, and for nothing else.",
        "freshness": {"champion": "60 seconds"},
        "retrain": {"when": "freshness"},
    },
    "refunds": {
        "description": "Which refund is asked for in vain? The first run that looks at its rows hangs, and is killed.",
        "schema": "shop.refunds:Refunds",
    },
}

HANGING_SCHEMA = '''\
"""The rows of refunds; whoever checks them first hangs, as a process does whose machine is out of memory."""

import os
import time
from pathlib import Path

import pandera.pandas as pa

HUNG = Path(os.environ["RETRAIN_ASSETS_HOME"]) / "hung"


class Refunds(pa.DataFrameModel):
    id: int
    at: object
    x: float
    z: float = pa.Field(nullable=True)
    kind: str

    @pa.check("x")
    def is_looked_at(cls, values):
        if len(values) and not HUNG.exists():
            HUNG.with_suffix(".part").write_text(str(os.getpid()))
            HUNG.with_suffix(".part").rename(HUNG)
            time.sleep(3600)
        return values.notna()
'''

DEFINITIONS = '''\
"""The code location of a shop, with an asset of its own beside its models."""

from pathlib import Path

import dagster as dg


@dg.asset(description="Something that this project made before it had models.")
def opening_hours() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"hours": 10})


@dg.definitions
def defs() -> dg.Definitions:
    models = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(models, dg.Definitions(assets=[opening_hours], executor=dg.in_process_executor))
'''
PYPROJECT = """\
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "shop"
code_location_name = "shop"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopProject:
    """The project and its home."""

    folder: Path
    home: Home

    @classmethod
    def build(cls, folder: Path) -> ShopProject:
        """Writes the project, and prepares the home of its installation with a quick queue and a quick watchman."""
        _write(folder / "pyproject.toml", PYPROJECT)
        _write(folder / "workspace.yaml", _workspace())
        _write(folder / "shop" / "__init__.py", "")
        _write(folder / "shop" / "definitions.py", DEFINITIONS)
        _write(folder / "shop" / "refunds.py", HANGING_SCHEMA)
        for name, changes in MODELS.items():
            document = {"type": "retrain_assets.RetrainedModel", "attributes": attributes(name, **changes)}
            _write(folder / "shop" / "defs" / name / "defs.yaml", yaml.safe_dump(document, sort_keys=False))
        project = cls(folder=folder, home=Home.at(folder / "home").prepare())
        settings = project.home.dagster_home / "dagster.yaml"
        declared = yaml.safe_load(settings.read_text())
        queue = {"run_queue": {"dequeue_interval_seconds": 1}}
        watchman = {"run_monitoring": {**declared["run_monitoring"], "poll_interval_seconds": 5}}
        settings.write_text(yaml.safe_dump({**declared, **queue, **watchman}))
        return project

    @property
    def environ(self) -> dict[str, str]:
        """Where everything is, for the processes of `dagster dev`."""
        return {
            "DAGSTER_HOME": str(self.home.dagster_home),
            "RETRAIN_ASSETS_HOME": str(self.home.folder),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(self.folder), os.environ.get("PYTHONPATH")])),
            **FAST_DAEMON,
        }

    @property
    def hung(self) -> Path:
        """Where the run that hangs writes the number of its process."""
        return self.home.folder / "hung"

    def batch(self, model: str, key: str) -> Batch:
        """The batch of a key."""
        return self._declared(model).calendar.batch(key)

    def live(self, model: str, keys: Sequence[str]) -> None:
        """Runs batches of a model in this process, up to the last, before any daemon is there."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environ.items():
                patch.setenv(name, value)
            for key in keys:
                self.drop(model, key)
            time.sleep(SETTLED_SECONDS)
            with dg.DagsterInstance.from_config(str(self.home.dagster_home)) as instance:
                assert all(ran.success for ran in run_batch(instance, self._declared(model), keys[-1]))

    def _declared(self, model: str) -> DeclaredModel:
        spec = ModelSpec.model_validate(attributes(model, **MODELS[model]))
        return DeclaredModel(spec, self.folder / "shop" / "defs" / model)

    def drop(self, model: str, key: str, **kwargs: Any) -> None:
        """Delivers the file of a batch, as a careful writer does: whole, by a rename."""
        frame = rows_of(self.batch(model, key), **kwargs)
        path = self.home.drop / model / f"{key}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".csv.part")
        frame.to_csv(temporary, index=False)
        temporary.rename(path)


def attributes(name: str, **changes: Any) -> dict[str, Any]:
    """The declaration of a model of the shop."""
    return declaration(
        name=name,
        owners=["team:shop"],
        batches={"every": "day", "start": "2024-01-01", "end": "2024-02-01"},
        source={"type": "files", "path": f"{{home}}/drop/{name}/{{batch}}*.csv"},
        report_metrics=["brier", "roc_auc"],
        **changes,
    )


def _workspace() -> str:
    """The repository's own workspace, on the shop: `make ui` is a daemon on that file."""
    own = Path(__file__).parents[2].joinpath("workspace.yaml").read_text(encoding="utf-8")
    return own.replace("retrain_assets", "shop")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
