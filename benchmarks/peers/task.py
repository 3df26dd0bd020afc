"""What every peer is asked for, in its own process: seconds and peak memory, or verdicts; the answer is JSON."""

from __future__ import annotations

import json
import os
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
        _tell_verdicts(Path(paths[0]), fit)
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
    print(f"\n{json.dumps(answer)}", flush=True)
    os._exit(0)  # what was asked for is said: threads that a library left behind must not fail it


def _warm(fit: Callable[[pd.DataFrame], Check], file: str) -> None:
    some = pd.read_parquet(file).head(2_000)
    fit(some.assign(day=[place % 10 for place in range(len(some))]))(some.head(500))


def _tell_verdicts(folder: Path, fit: Callable[[pd.DataFrame], Check]) -> None:
    """Each as soon as it is known, one seed of every stream after the other: a run that is ended has said something."""
    streams = [path.stem.removeprefix("reference_") for path in folder.glob("reference_*.parquet")]
    for stream in sorted(streams, key=lambda stream: stream.split("-")[::-1]):
        check = fit(pd.read_parquet(folder / f"reference_{stream}.parquet"))
        for window in sorted(folder.glob(f"window_{stream}_*.parquet")):
            told = {"window": window.stem.removeprefix("window_"), "drifted": bool(check(pd.read_parquet(window)))}
            print(f"\n{json.dumps(told)}", flush=True)


def data(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the day."""
    return frame.drop(columns="day", errors="ignore")
