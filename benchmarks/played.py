"""The demo in a process of its own, with the time of each part accounted for; prints JSON.

`python -m benchmarks.played HOME [WEEKS]`
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from benchmarks.accounting import Account, Category

if TYPE_CHECKING:
    from retrain_assets.home import Home

DAGSTER, CHECKS = "Dagster", "internal checks of stored tables"
LIFECYCLE, FIGURES, ONCE = "lifecycle", "figures", "once"
READING, ROWS, FITTING, SCORING = "reading sources", "reading rows of tables", "fitting", "scoring"
WORK = {
    "read_part": READING,
    "fit": FITTING,
    "estimate_by_errors": FITTING,
    "predict": SCORING,
    "permutation_importance": SCORING,
    "_drift_figure": FIGURES,
    "_figures": FIGURES,
}
DATA = frozenset({"validated", "labels", "predictions"})
"""Tables of rows that models are fitted on, score or are measured by; to read any other is work of the platform."""
CALLERS = ("retrain_assets.lifecycle.", "retrain_assets.training.model_hash")
"""The modules that call for the work: the lifecycle, and the hash of a model, which scores its golden rows."""
STORES = {
    "tables": "retrain_assets.stores.delta:DeltaTableStore",
    "state database": "retrain_assets.stores.state.store:SqlStateStore",
    "blobs": "retrain_assets.stores.blobs:FsspecBlobStore",
    "MLflow": "retrain_assets.stores.registry:MlflowRegistry",
}
IMPORTED = (
    "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "skops.io",
    "PIL.ImageDraw",
    "PIL.ImageFont",
    "sklearn.ensemble",
    "deltalake",
    "pandera.pandas",
    "pandera.backends.pandas.builtin_checks",
)
"""What a process imports once, when it first needs it; here before the batches, so that none of them pays for it."""


def main(home: str, weeks: int | None) -> None:
    """Plays, and accounts for the time between the first tick and the last run."""
    from retrain_assets.demo import run
    from retrain_assets.home import Home

    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # both as the command line does
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    account = Account(whole=frozenset({CHECKS}))
    play = run.play

    def accounted(*args: Any) -> Any:
        account.wrap(ONCE, prepare)(Home.at(Path(home)))
        with account.patched(targets()):
            return account.wrap(DAGSTER, play)(*args)

    run.play = accounted
    began, cpu = time.perf_counter(), time.process_time()
    code = run.main(Home.at(Path(home)), weeks=weeks, console=Console(file=sys.stderr, highlight=False))
    measured = {
        "code": code,
        "wall": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "seconds": account.seconds,
        "processor": account.processor,
        "calls": account.calls,
        "batches": batches(home),
    }
    json.dump(measured, sys.stdout)


def prepare(home: Home) -> None:
    """Imports, and makes MLflow's database with its tables, which an installation does once."""
    from retrain_assets.home import open_registry

    for module in IMPORTED:
        importlib.import_module(module)
    open_registry(home).alias("none", "champion")


def batches(home: str) -> int:
    """Batches that were watched, over all models."""
    summary = json.loads((Path(home) / "demo" / "summary.json").read_text())
    return sum(len(model["weeks"]) for model in summary["models"])


def targets() -> list[tuple[Any, str, Category]]:
    """What is wrapped: `(owner, attribute, category)`. A caller's own time is what none of those below it took."""
    from retrain_assets import lifecycle
    from retrain_assets.orchestration import assets, tables
    from retrain_assets.stores.sources.files import FileReader
    from retrain_assets.stores.sources.python import PythonReader

    steps = [name for name, value in vars(lifecycle).items() if inspect.isfunction(value)]
    modules = [module for name, module in sys.modules.items() if name.startswith(CALLERS)]
    adapters = [(pkgutil.resolve_name(path), category) for category, path in STORES.items()]
    found: list[tuple[Any, str, Category]] = [
        *((lifecycle, name, LIFECYCLE) for name in steps),
        *(
            (store, name, kind_of_reading if (category, name) == ("tables", "read") else category)
            for store, category in adapters
            for name in public_methods(store)
        ),
        *((module, "table_faults", CHECKS) for module in (assets, tables)),
        *((reader, "read", READING) for reader in (FileReader, PythonReader)),
        *((module, name, category) for module in modules for name, category in WORK.items() if hasattr(module, name)),
    ]
    missed = WORK.keys() - {name for _, name, _ in found}
    if missed:
        raise LookupError(
            f"no module of the lifecycle calls {', '.join(sorted(missed))}: benchmarks.played.WORK is out of date"
        )
    return found


def kind_of_reading(_store: object, table: str, *_: object, **__: object) -> str:
    """What `TableStore.read` is booked to: rows of data, or a table that the platform keeps for itself.

    >>> kind_of_reading(None, "flight_delay/labels"), kind_of_reading(None, "flight_delay/performance")
    ('reading rows of tables', 'tables')
    """
    return ROWS if table.rpartition("/")[2] in DATA else "tables"


def public_methods(owner: type) -> list[str]:
    """Methods that the class itself defines for others."""
    return [name for name, value in vars(owner).items() if inspect.isfunction(value) and not name.startswith("_")]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
