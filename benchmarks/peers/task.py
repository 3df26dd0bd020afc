"""What every peer is asked for, in its own process: seconds and peak memory, or verdicts; the answer is JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd

Check = Callable[[pd.DataFrame], bool]
"""Has a window drifted from the reference that the check was fitted on?"""


def run(fit: Callable[[pd.DataFrame], Check]) -> None:
    """Does what the command line asks for.

    `windows BEFORE AFTER`: from two Parquet files to the verdict. `day REFERENCE TODAY`: the check alone, after the
    reference has been read and fitted. `verdicts FOLDER`: of each `window_<stream>_*.parquet` against its
    `reference_<stream>.parquet`.

    Args:
        fit: takes rows with the column `day`, which is no data.
    """
    warnings.simplefilter("ignore")
    mode, *paths = sys.argv[1:]
    answer: dict[str, object] = {}
    if mode == "verdicts":
        answer["verdicts"] = _verdicts(Path(paths[0]), fit)
    else:
        began = time.perf_counter()
        check = fit(pd.read_parquet(paths[0]))
        today = pd.read_parquet(paths[1]) if mode == "windows" else None
        if today is None:
            today, began = pd.read_parquet(paths[1]), time.perf_counter()
        answer["drifted"] = bool(check(today))
        answer["seconds"] = time.perf_counter() - began
    answer["gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\n{json.dumps(answer)}")


def _verdicts(folder: Path, fit: Callable[[pd.DataFrame], Check]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for reference in sorted(folder.glob("reference_*.parquet")):
        check = fit(pd.read_parquet(reference))
        stream = reference.stem.removeprefix("reference_")
        for window in sorted(folder.glob(f"window_{stream}_*.parquet")):
            found[window.stem.removeprefix("window_")] = bool(check(pd.read_parquet(window)))
    return found


def data(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the day."""
    return frame.drop(columns="day", errors="ignore")
