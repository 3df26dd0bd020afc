"""Seconds and memory of this package and its peers on the same files, each in a fresh process."""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers.environments import OURS, PEERS, Answer, ask
from benchmarks.streams import day_frame, levels

DAYS, COLUMNS = 30, 20


def speed(files: list[Path], *, day_rows: int, limit: float, runs: int = 1) -> str:
    """A table: two windows from Parquet to the verdict, and a day against thirty days that were read and fitted.

    Args:
        files: Parquet files of the two windows.
        day_rows: rows of a day.
        limit: seconds after which a run is ended.
        runs: of each tool, in turn with the others; the median is told.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rng = np.random.default_rng(9)
        days = levels("mild days", DAYS + 1, COLUMNS, rng)
        reference = [day_frame(level, day_rows, rng).assign(day=place) for place, level in enumerate(days[:DAYS])]
        pd.concat(reference).to_parquet(folder / "reference.parquet", index=False)
        day_frame(days[DAYS], day_rows, rng).to_parquet(folder / "today.parquet", index=False)
        del reference
        tools = (OURS, *PEERS)
        asked = (["windows", *files], ["day", folder / "reference.parquet", folder / "today.parquet"])
        answers: dict[tuple[int, int], list[Answer]] = {}
        for _ in range(runs):
            for key in product(range(len(tools)), range(len(asked))):
                before = answers.setdefault(key, [])
                if all(each.failure is None for each in before):  # what failed once fails again
                    before.append(ask(tools[key[0]], asked[key[1]], limit=limit))
        told = {key: _median(each) for key, each in answers.items()}
        rows: list[str] = []
        for place, peer in enumerate(tools):
            windows, day = told[place, 0], told[place, 1]
            memory = f"{windows.gib:.2f} GiB" if windows.failure is None else ""
            rows.append(f"| {peer.name} | {_cell(windows, told[0, 0])} | {memory} | {_cell(day, told[0, 1])} |")
    head = (
        f"| | two windows of the size above, from Parquet to the verdict | peak memory | a day of {day_rows:,} rows "
        f"against {DAYS} such days, already fitted |"
    )
    return "\n".join([head, "|---|---|---|---|", *rows])


def _median(answers: list[Answer]) -> Answer:
    """The answer of median time, or the failure."""
    failed = [each for each in answers if each.failure is not None]
    return failed[0] if failed else sorted(answers, key=lambda each: each.seconds)[len(answers) // 2]


def _cell(answer: Answer, ours: Answer) -> str:
    if answer.failure is not None:
        return answer.failure
    times = f" ({answer.seconds / ours.seconds:.3g}x)" if ours.seconds and answer is not ours else ""
    return f"{answer.seconds:.3g} s{times}"
