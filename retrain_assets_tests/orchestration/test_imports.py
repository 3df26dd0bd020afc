"""What importing costs: a code location is imported by every run, every daemon and every command."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("mlflow", "dagster_mlflow", "sklearn", "matplotlib", "deltalake", "scipy")


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh process has after some code."""
    printed = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()[-1]
    return {name.split(".")[0] for name in json.loads(printed)}


def test_building_the_code_location_loads_nothing_that_only_runs_need() -> None:
    loaded = loaded_by("import retrain_assets.definitions as d\nd.defs.load_fn().get_repository_def().get_all_jobs()")
    assert "dagster" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_package_itself_loads_no_dagster() -> None:
    assert loaded_by("import retrain_assets").isdisjoint({"dagster", *HEAVY})


def test_the_instances_storage_loads_no_model() -> None:
    assert loaded_by("import retrain_assets.orchestration.storage").isdisjoint({"pandas", *HEAVY})
