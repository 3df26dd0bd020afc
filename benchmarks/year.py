"""The demo's year in a fresh home: wall time, memory, and who took the time of a batch."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.played import CHECKS, DAGSTER, FIGURES, FITTING, LIFECYCLE, ONCE, READING, ROWS, SCORING, STORES
from benchmarks.tables import Figure, Result

OURS = (LIFECYCLE, *STORES, FIGURES)
THEIRS = (READING, ROWS, FITTING, SCORING)
NOTE = (
    "One play in a fresh home. Each part has its exclusive time; what a process imports once (MLflow, scikit-learn, "
    "skops, pandera) and MLflow's database, made once with its tables, are a line of their own and part of "
    "the whole. Fitting holds the models of errors by which a regression's loss is estimated before its labels come, "
    "scoring the golden rows of a model's hash. Rows of tables are those that models are fitted on, score or are "
    "measured by (validated, labels, predictions); reading any other table is in tables. Figures are the pictures "
    "drawn for people; computing is processor time, the rest is waiting, for the disk and for other processes of the "
    "machine; Dagster is all that is not accounted for elsewhere, sensors, event log and the checks of stored tables, "
    "with what they read, among it."
)


def measure(weeks: int | None) -> Result:
    """One play from nothing; the first run joins the tables of the flights too."""
    with tempfile.TemporaryDirectory() as folder:
        played = _play(Path(folder) / "home", weeks)
    batches = played["batches"]

    def each(what: str, *categories: str, target: float | None = None) -> Figure:
        wall, processor = (sum(played[kind].get(name, 0.0) for name in categories) for kind in ("seconds", "processor"))
        return Figure(
            what=f"{what} ({processor / batches:.3f} s computing)", value=wall / batches, unit="s", target=target
        )

    year = weeks is None
    return Result(
        name="year",
        figures=[
            Figure(
                what=f"the whole command, {batches} batches of two models",
                value=played["wall"], unit="s", target=300 if year else None,
            ),
            Figure(what="processor time of it", value=played["cpu"], unit="s"),
            Figure(
                what="&nbsp;&nbsp;imports and an empty MLflow database, once",
                value=played["processor"][ONCE], unit="s",
            ),
            Figure(what="peak memory", value=played["peak_mib"] / 1024, unit="GiB", target=2.0),
            each("lifecycle and stores, a batch", *OURS, target=0.3),
            *(each(f"&nbsp;&nbsp;{category}", category) for category in OURS),
            each("Dagster, a batch", DAGSTER, CHECKS, target=2.5),
            each(f"&nbsp;&nbsp;{CHECKS}", CHECKS),
            each("reading data, fitting and scoring, a batch", *THEIRS),
            *(each(f"&nbsp;&nbsp;{category}", category) for category in THEIRS),
        ],
        notes=[NOTE],
    )  # fmt: skip


def _play(home: Path, weeks: int | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.played", str(home), *([] if weeks is None else [str(weeks)])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    played: dict[str, Any] = json.loads(done.stdout)
    if played["code"] != 0:
        raise RuntimeError(f"the demo ended with {played['code']}")
    return played
