"""Seconds and memory of this package and its peers on the same files, each in a fresh process."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers.environments import OURS, PEERS, Answer, ask
from benchmarks.streams import day_frame, levels

DAYS, COLUMNS = 30, 20


def speed(files: list[Path], *, day_rows: int, limit: float) -> str:
    """A table: two windows from Parquet to the verdict, and a day against thirty days that were read and fitted.

    Args:
        files: Parquet files of the two windows.
        day_rows: rows of a day.
        limit: seconds after which a run is ended.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rng = np.random.default_rng(9)
        days = levels("mild days", DAYS + 1, COLUMNS, rng)
        reference = [day_frame(level, day_rows, rng).assign(day=place) for place, level in enumerate(days[:DAYS])]
        pd.concat(reference).to_parquet(folder / "reference.parquet", index=False)
        day_frame(days[DAYS], day_rows, rng).to_parquet(folder / "today.parquet", index=False)
        del reference
        rows: list[str] = []
        ours: tuple[Answer, Answer] | None = None
        for peer in (OURS, *PEERS):
            windows = ask(peer, ["windows", *files], limit=limit)
            day = ask(peer, ["day", folder / "reference.parquet", folder / "today.parquet"], limit=limit)
            ours = ours or (windows, day)
            memory = f"{windows.gib:.2f} GiB" if windows.failure is None else ""
            rows.append(f"| {peer.name} | {_cell(windows, ours[0])} | {memory} | {_cell(day, ours[1])} |")
    head = (
        f"| | two windows of the size above, from Parquet to the verdict | peak memory | a day of {day_rows:,} rows "
        f"against {DAYS} such days, already fitted |"
    )
    return "\n".join([head, "|---|---|---|---|", *rows])


def _cell(answer: Answer, ours: Answer) -> str:
    if answer.failure is not None:
        return answer.failure
    times = f" ({answer.seconds / ours.seconds:.3g}x)" if ours.seconds and answer is not ours else ""
    return f"{answer.seconds:.3g} s{times}"
