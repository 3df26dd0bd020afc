"""Replay of a year of flights by week under twenty policies: with all models to fit, and with the models kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.tables import Figure, Result
from retrain_assets.replay.policies import ALL_POLICIES

_KNOWN_LATER = ("dep_time", "dep_delay", "arr_time", "air_time", "arr_delay")
FIRST_WEEK = pd.Timestamp("2013-01-01", tz="UTC")
POLICIES = (*ALL_POLICIES, "every:6", "performance_decay | drift")
_ROOT = Path(__file__).parents[1]
_COMMAND = "from retrain_assets.cli import main; main()"


def measure() -> Result:
    """Twice the same command in one fresh cache: the second one finds every model."""
    with tempfile.TemporaryDirectory() as folder:
        rows = _flights(Path(folder))
        fitted, told = _replay(Path(folder))
        kept, again = _replay(Path(folder))
    if told != again:
        raise RuntimeError("two replays of the same file answered differently")
    return Result(
        name="replay",
        figures=[
            Figure(what="with every model fitted, once for each history", value=fitted, unit="s"),
            Figure(what="the same command with the models kept", value=kept, unit="s", target=180),
        ],
        notes=[
            (
                f"`retrain-assets replay --data flights.parquet --target delayed --batch week` of {rows:,} flights in "
                f"52 weeks under {len(POLICIES)} policies ({', '.join(POLICIES)}) and the oracle, in a process of its "
                "own; both gave the same JSON."
            )
        ],
    )


def _flights(folder: Path) -> int:
    """The demo's flights as a bare file; those that never arrived have no label."""
    from retrain_assets.demo.data import flight_cache

    flights = pd.read_parquet(flight_cache()).dropna(subset="delayed")
    week = (flights["time_hour"] - FIRST_WEEK) // pd.Timedelta(weeks=1)
    texts = flights.select_dtypes(["object", "string"]).columns
    bare = flights.assign(week=week, delayed=flights["delayed"].astype(int)).drop(columns=["time_hour", *_KNOWN_LATER])
    bare = bare[bare["week"] < 52].astype(dict.fromkeys(texts, "category"))
    bare.to_parquet(folder / "flights.parquet", index=False)
    return len(bare)


def _replay(folder: Path) -> tuple[float, dict[str, object]]:
    asked = ["replay", "--data", "flights.parquet", "--target", "delayed", "--batch", "week"]
    asked += ["--policies", ",".join(POLICIES), "--json", "replay.json", "--cache", "cache"]
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", _COMMAND, "--home", "home", *asked],
        check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - began, json.loads((folder / "replay.json").read_text())
