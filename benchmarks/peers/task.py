"""What every peer is asked for, in its own process: seconds and peak memory, or verdicts; the answer is JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

Check = Callable[[Any], bool]
"""Has a window drifted from the reference that the check was fitted on?"""


def run(fit: Callable[[Any], Check], *, read: Callable[[str], Any] = pd.read_parquet) -> None:
    """Does what the command line asks for; what the tool loads at its first use is loaded before any time is taken.

    `windows BEFORE AFTER`: from two Parquet files to the verdict. `day REFERENCE TODAY`: the check alone, after the
    reference has been read and fitted. `verdicts FOLDER JOURNAL`: of each `window_<stream>_<kind>_<number>.parquet`
    against its `reference_<stream>.parquet`, but of none that the journal already has.

    Args:
        fit: takes rows with the column `day`, which is no data.
        read: a Parquet file, for a tool that takes other frames than those of pandas.
    """
    warnings.simplefilter("ignore")
    mode, *paths = sys.argv[1:]
    answer: dict[str, object] = {}
    if mode == "verdicts":
        _tell_verdicts(Path(paths[0]), Path(paths[1]), fit)
    else:
        _warm(fit, read, paths[1])
        began = time.perf_counter()
        check = fit(read(paths[0]))
        today = read(paths[1])
        if mode == "day":
            began = time.perf_counter()
        answer["drifted"] = bool(check(today))
        answer["seconds"] = time.perf_counter() - began
    answer["gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\n{json.dumps(answer)}", flush=True)
    os._exit(0)  # what was asked for is said: threads that a library left behind must not fail it


def _warm(fit: Callable[[Any], Check], read: Callable[[str], Any], file: str) -> None:
    """A few rows go the same way, from Parquet to a verdict."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(pq.ParquetFile(file).iter_batches(batch_size=2_000)).to_pandas()
    with tempfile.TemporaryDirectory() as name:
        before, after = (str(Path(name) / f"{side}.parquet") for side in ("before", "after"))
        pq.write_table(pa.table(first.assign(day=[place % 10 for place in range(len(first))])), before)
        pq.write_table(pa.table(first.head(500)), after)
        fit(read(before))(read(after))


def _tell_verdicts(folder: Path, journal: Path, fit: Callable[[Any], Check]) -> None:
    """Each is written as soon as it is known; a run that is ended has judged the same share of every cell."""
    known = set(verdicts_of(journal))
    checks: dict[str, Check] = {}
    for path in in_turn(folder.glob("window_*.parquet")):
        window = path.stem.removeprefix("window_")
        stream = window.split("_")[0]
        if window in known:
            continue
        if stream not in checks:
            checks[stream] = fit(pd.read_parquet(folder / f"reference_{stream}.parquet"))
        drifted = bool(checks[stream](pd.read_parquet(path)))
        with journal.open("a", encoding="utf-8") as written:
            written.write(json.dumps({"window": window, "drifted": drifted}) + "\n")


def in_turn(windows: Iterable[Path]) -> list[Path]:
    """Cell by cell in turn, so that wherever the order is cut off as large a part of each cell stands before the cut.

    The windows of a cell come from one seed after the other.
    """
    cells: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(windows, key=lambda path: (path.stem.split("_")[3], path.stem)):
        _, stream, kind, _ = path.stem.split("_")
        cells.setdefault((stream.rpartition("-")[0], kind), []).append(path)
    placed = [
        ((place + 0.5) / len(paths), cell, path) for cell, paths in cells.items() for place, path in enumerate(paths)
    ]
    return [path for _, _, path in sorted(placed)]


def verdicts_of(journal: Path) -> dict[str, bool]:
    """What was said until the end, also where that came too soon."""
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    told = [json.loads(line) for line in lines if line.endswith("}")]
    return {each["window"]: each["drifted"] for each in told}


def data(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the day."""
    return frame.drop(columns="day", errors="ignore")
