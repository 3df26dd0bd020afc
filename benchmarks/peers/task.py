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


def run(fit: Callable[[pd.DataFrame], Check], *, read: Callable[[str], pd.DataFrame] = pd.read_parquet) -> None:
    """Does what the command line asks for; what the tool loads at its first use is loaded before any time is taken.

    `windows BEFORE AFTER`: from two Parquet files to the verdict. `day REFERENCE TODAY`: the check alone, after the
    reference has been read and fitted. `verdicts FOLDER`: of each `window_<stream>_*.parquet` against its
    `reference_<stream>.parquet`.

    Args:
        fit: takes rows with the column `day`, which is no data.
        read: a Parquet file, for a tool that takes other frames than those of pandas.
    """
    warnings.simplefilter("ignore")
    mode, *paths = sys.argv[1:]
    answer: dict[str, object] = {}
    if mode == "verdicts":
        answer["verdicts"] = _verdicts(Path(paths[0]), fit)
    else:
        _warm(fit, paths[1])
        began = time.perf_counter()
        check = fit(read(paths[0]))
        today = read(paths[1])
        if mode == "day":
            began = time.perf_counter()
        answer["drifted"] = bool(check(today))
        answer["seconds"] = time.perf_counter() - began
    answer["gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\n{json.dumps(answer)}")


def _warm(fit: Callable[[pd.DataFrame], Check], file: str) -> None:
    some = pd.read_parquet(file).head(2_000)
    fit(some.assign(day=[place % 10 for place in range(len(some))]))(some.head(500))


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
