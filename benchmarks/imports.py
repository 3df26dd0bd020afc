"""What it costs to load the code location and to ask for the status, each in fresh processes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.sensors import seed
from benchmarks.tables import Figure, Result
from retrain_assets.home import Home
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.orchestration.resources import StoresResource
from retrain_assets.spec.loading import load_declarations

HEAVY = ("mlflow", "sklearn.ensemble", "sklearn.linear_model", "matplotlib", "deltalake", "pandera.backends")
FORBIDDEN = ("mlflow", "sklearn.ensemble", "sklearn.linear_model", "matplotlib")

_LOAD = f"""
import json, sys, time
began = time.perf_counter()
import dagster
dagster_only = time.perf_counter() - began
from retrain_assets.definitions import defs
defs().get_repository_def()
print(json.dumps({{
    "seconds": time.perf_counter() - began,
    "dagster": dagster_only,
    "loaded": [name for name in {HEAVY!r} if name in sys.modules],
}}))
"""
_ROOT = Path(__file__).parents[1]
_STATUS = "from retrain_assets.cli import main; main()"


def measure(runs: int) -> Result:
    """Import of the code location, and `retrain-assets status`, medians over fresh processes."""
    with tempfile.TemporaryDirectory() as folder:
        loads = [json.loads(_run([sys.executable, "-c", _LOAD], folder)[1]) for _ in range(runs)]
        _seed(Path(folder))
        statuses = [_run([sys.executable, "-c", _STATUS, "--home", folder, "status"], folder)[0] for _ in range(runs)]
    loaded = sorted({name for load in loads for name in load["loaded"]})
    return Result(
        name="imports",
        figures=[
            Figure(what="code location loaded", value=_median(loads, "seconds"), unit="s", target=3.0),
            Figure(what="of it `import dagster`", value=_median(loads, "dagster"), unit="s"),
            Figure(
                what="mlflow, scikit-learn estimators or matplotlib loaded with it",
                value=len([name for name in loaded if name in FORBIDDEN]), unit="modules", target=0,
            ),
            Figure(what="`retrain-assets status`, process", value=statistics.median(statuses), unit="s", target=2.0),
        ],
        notes=[
            f"Medians of {runs} fresh processes each; the status is that of the demo's two models after some weeks."
        ],
    )  # fmt: skip


def _seed(folder: Path) -> None:
    """Some weeks of the demo's models in the ledgers, so that there is something to say."""
    Home.at(folder).prepare()
    files = sorted((_ROOT / "retrain_assets" / "defs").glob("*/defs.yaml"))
    models = [DeclaredModel(spec, file.parent) for file in files for spec in load_declarations(file.read_text())]
    seed(StoresResource(home=str(folder)), models)


def _run(command: list[str], home: str) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env={**os.environ, "RETRAIN_ASSETS_HOME": home},
    )
    return time.perf_counter() - began, done.stdout


def _median(loads: list[dict[str, float]], name: str) -> float:
    return statistics.median(load[name] for load in loads)
