"""Replay of a year of flights by week: with all models to fit, with the models kept, and what more policies cost."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.tables import Figure, Result
from retrain_assets.replay.names import MIXTURE
from retrain_assets.replay.policies import ALL_POLICIES

_KNOWN_LATER = ("dep_time", "dep_delay", "arr_time", "air_time", "arr_delay")
FIRST_WEEK = pd.Timestamp("2013-01-01", tz="UTC")
POLICIES = (*ALL_POLICIES, "every:6", "performance_decay | drift")
ONE = ("default",)
HUNDRED = tuple(
    dict.fromkeys(
        [
            *POLICIES,
            *(f"{name}{MIXTURE}" for name in POLICIES if not name.endswith(MIXTURE)),
            *(f"every:{step}" for step in range(2, 40)),
            *(f"cusum:{limit / 10:g}" for limit in range(1, 40)),
        ]
    )
)[:100]
"""The twenty, each as a mixture, and calendars and charts of many settings."""
_ROOT = Path(__file__).parents[1]
_COMMAND = "from retrain_assets.cli import main; main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replayed:
    """What a command took, in seconds of the clock and of processors, and what it answered."""

    seconds: float
    processors: float
    told: dict[str, object]


def measure(rows: int | None = None) -> Result:
    """The same command twice in one fresh cache: the second one finds every model; then with fewer and more policies.

    Args:
        rows: at most so many flights, drawn with a seed; all by default.
    """
    with tempfile.TemporaryDirectory() as folder:
        count = _flights(Path(folder), rows)
        fitted = _replay(Path(folder), POLICIES)
        kept = _replay(Path(folder), POLICIES)
        one, hundred = (_replay(Path(folder), names) for names in (ONE, HUNDRED))
    if fitted.told != kept.told:
        raise RuntimeError("two replays of the same file answered differently")
    fits = fitted.processors - kept.processors
    return Result(
        name="replay",
        figures=[
            Figure(what="with every model fitted, once for each history", value=fitted.seconds, unit="s"),
            Figure(what="the same command with the models kept", value=kept.seconds, unit="s", target=180),
            Figure(what="processor time of that, one policy", value=one.processors, unit="s"),
            Figure(what=f"the same, {len(POLICIES)} policies", value=kept.processors, unit="s"),
            Figure(what=f"the same, {len(HUNDRED)} policies", value=hundred.processors, unit="s"),
            Figure(
                what=f"{len(HUNDRED)} policies relative to one, models kept",
                value=hundred.processors / one.processors,
                unit="times",
            ),
            Figure(
                what=f"{len(HUNDRED)} policies relative to one, models fitted",
                value=(fits + hundred.processors) / (fits + one.processors),
                unit="times",
            ),
        ],
        notes=[
            (
                f"`retrain-assets replay --data flights.parquet --target delayed --batch week` of {count:,} flights in "
                f"52 weeks under {len(POLICIES)} policies ({', '.join(POLICIES)}) and the oracle, in a process of its "
                "own; both gave the same JSON."
            ),
            (
                f"One policy is `{ONE[0]}`; {len(HUNDRED)} are the {len(POLICIES)}, each of them as a mixture, "
                "and calendars and CUSUM charts of other settings. Each command starts Python, reads the file and "
                "compares with calendars and the oracle, whatever it is asked."
            ),
        ],
    )


def _flights(folder: Path, most: int | None) -> int:
    """The demo's flights as a bare file; those that never arrived have no label."""
    from retrain_assets.demo.data import flight_cache

    flights = pd.read_parquet(flight_cache()).dropna(subset="delayed")
    week = (flights["time_hour"] - FIRST_WEEK) // pd.Timedelta(weeks=1)
    texts = flights.select_dtypes(["object", "string"]).columns
    bare = flights.assign(week=week, delayed=flights["delayed"].astype(int)).drop(columns=["time_hour", *_KNOWN_LATER])
    bare = bare[bare["week"] < 52].astype(dict.fromkeys(texts, "category"))
    bare = bare if most is None else bare.sample(min(most, len(bare)), random_state=0).sort_index()
    bare.to_parquet(folder / "flights.parquet", index=False)
    return len(bare)


def _replay(folder: Path, policies: Sequence[str]) -> _Replayed:
    asked = ["replay", "--data", "flights.parquet", "--target", "delayed", "--batch", "week"]
    asked += ["--policies", ",".join(policies), "--json", "replay.json", "--cache", "cache"]
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    began, spent = time.perf_counter(), _processors()
    subprocess.run(
        [sys.executable, "-c", _COMMAND, "--home", "home", *asked],
        check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    seconds, processors = time.perf_counter() - began, _processors() - spent
    return _Replayed(seconds=seconds, processors=processors, told=json.loads((folder / "replay.json").read_text()))


def _processors() -> float:
    """Seconds of processors that ended children took, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
