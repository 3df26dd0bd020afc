"""Seconds and memory of this package and its peers on the same files, each in a fresh process."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.journal import Journal
from benchmarks.peers.environments import OURS, PEERS, Answer, ask
from benchmarks.streams import day_frame, levels

DAYS, COLUMNS = 30, 20
LONG = 20.0
"""Seconds: what takes longer is not run again, because its ratio to ours is beyond doubt."""
TOOLS, WHAT = (OURS, *PEERS), ("windows", "day")
FLOOR = "floor"
"""In the journal: what reading and profiling takes."""


def speed(files: list[Path], *, day_rows: int, limit: float, floor: float, runs: int = 1, resume: bool = False) -> str:
    """A table: two windows from Parquet to the verdict, and a day against thirty days that were read and fitted.

    Args:
        files: Parquet files of the two windows.
        day_rows: rows of a day.
        limit: seconds after which a run is ended.
        floor: seconds that reading and profiling both windows takes, kept for the table of all tools.
        runs: of each tool, in turn with the others; the median is told. Of what takes longer than `LONG` one run.
        resume: whether the answers of a run that was stopped count.
    """
    with tempfile.TemporaryDirectory() as name:
        reference, today = _write_days(Path(name), day_rows)
        asked = {"windows": ["windows", *files], "day": ["day", reference, today]}
        journal = journal_of(day_rows, resume=resume)
        journal.write(FLOOR, asdict(Answer(seconds=floor)))
        for _, peer, what in product(range(runs), TOOLS, asked):
            task, before = f"{peer.name}: {what}", _answers(journal, peer.name, what)
            if len(before) < runs and all(each.failure is None and each.seconds < LONG for each in before):
                answer = ask(peer, asked[what], limit=limit)
                journal.write(task, asdict(answer))
                print(f"{task}: {_cell(answer)}", file=sys.stderr, flush=True)
    return _told(journal, day_rows)


def journal_of(day_rows: int, *, resume: bool) -> Journal:
    """What the tools took with days of so many rows."""
    return Journal(f"drift-peers-{day_rows}", resume=resume)


def _write_days(folder: Path, rows: int) -> tuple[Path, Path]:
    """Thirty days as one file, and the day after them."""
    rng = np.random.default_rng(9)
    days = levels("mild days", DAYS + 1, COLUMNS, rng)
    reference = [day_frame(level, rows, rng).assign(day=place) for place, level in enumerate(days[:DAYS])]
    pd.concat(reference).to_parquet(folder / "reference.parquet", index=False)
    day_frame(days[DAYS], rows, rng).to_parquet(folder / "today.parquet", index=False)
    return folder / "reference.parquet", folder / "today.parquet"


def _told(journal: Journal, day_rows: int) -> str:
    medians = {(peer.name, what): median_of(journal, peer.name, what) for peer in TOOLS for what in WHAT}
    head = (
        "| | two windows of the size above, from Parquet to the verdict | peak memory | "
        f"a day of {day_rows:,} rows against {DAYS} such days, already fitted |"
    )
    lines = [head, "|---|---|---|---|"]
    ours = [medians[OURS.name, what] for what in WHAT]
    for peer in TOOLS:
        windows, day = (medians[peer.name, what] for what in WHAT)
        memory = f"{windows.gib:.2f} GiB" if windows.failure is None else ""
        lines.append(f"| {peer.name} | {_cell(windows, ours[0])} | {memory} | {_cell(day, ours[1])} |")
    return "\n".join(lines)


def _answers(journal: Journal, name: str, what: str) -> list[Answer]:
    return [Answer(**each) for each in journal.known().get(f"{name}: {what}", [])]


def median_of(journal: Journal, name: str, what: str) -> Answer:
    """The answer of median time, or the failure."""
    answers = _answers(journal, name, what)
    failed = [each for each in answers if each.failure is not None]
    return failed[0] if failed else sorted(answers, key=lambda each: each.seconds)[len(answers) // 2]


def _cell(answer: Answer, ours: Answer | None = None) -> str:
    if answer.failure is not None:
        return answer.failure
    times = (
        f" ({answer.seconds / ours.seconds:.3g}x)" if ours is not None and ours.seconds and answer is not ours else ""
    )
    return f"{answer.seconds:.3g} s{times}"
