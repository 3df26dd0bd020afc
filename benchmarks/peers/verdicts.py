"""Verdicts of this package and its peers on the same streams, each by its defaults."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers.environments import OURS, PEERS, Answer, ask
from benchmarks.streams import DRIFTS, STABLE, Drift, day_frame, levels

DAYS, WINDOWS, COLUMNS, ROWS = 30, 5, 20, 500
PLANTED = (
    "0.1 sd in 1", "0.5 sd in 1", "0.5 sd in 3", "0.1 sd in all", "category +5 points", "correlation 0 to 0.2",
    "2 % missing", "1 % unseen category", "score only, 0.2 sd",
)  # fmt: skip


def side_by_side(streams: int, *, limit: float) -> str:
    """A table: the share of windows called drift, of stable streams and of planted drifts.

    Args:
        streams: seeded references of each cell, with `WINDOWS` windows each.
        limit: seconds that one tool may take for all of it.
    """
    cases = [(stream, "") for stream in STABLE] + [(stream, drift) for stream in STABLE[:2] for drift in PLANTED]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stream in STABLE:
            planted = [drift for of, drift in cases if of == stream]
            for seed in range(streams):
                _write(folder, stream, seed, planted)
        # Two at a time: nothing is timed, and most tools use a single processor.
        with ThreadPoolExecutor(2) as pool:
            asked = {peer.name: pool.submit(ask, peer, ["verdicts", folder], limit=limit) for peer in (OURS, *PEERS)}
            answers = {name: answer.result() for name, answer in asked.items()}
    lines = [f"| stream | {' | '.join(answers)} |", "|---" * (len(answers) + 1) + "|"]
    for stream, drift in cases:
        cells = [_share(answer, stream, drift) for answer in answers.values()]
        lines.append(f"| {stream}{f': {drift}' if drift else ', stable'} | {' | '.join(cells)} |")
    stopped = "; ".join(f"{name}: {answer.failure}" for name, answer in answers.items() if answer.failure)
    return "\n".join(lines) + (f"\n\nNot all windows were judged by {stopped}." if stopped else "")


def _write(folder: Path, stream: str, seed: int, planted: list[str]) -> None:
    rng = np.random.default_rng([seed, len(stream)])
    days = levels(stream, DAYS + WINDOWS, COLUMNS, rng)
    reference = [day_frame(level, ROWS, rng).assign(day=place) for place, level in enumerate(days[:DAYS])]
    key = f"{STABLE.index(stream)}-{seed}"
    pd.concat(reference).to_parquet(folder / f"reference_{key}.parquet", index=False)
    for drift in planted:
        for window, level in enumerate(days[DAYS:]):
            rows = day_frame(level, ROWS, rng, DRIFTS.get(drift, Drift()))
            place = f"{key}_{PLANTED.index(drift) if drift else 'stable'}_{window}"
            rows.to_parquet(folder / f"window_{place}.parquet", index=False)


def _share(answer: Answer, stream: str, drift: str) -> str:
    kind = str(PLANTED.index(drift)) if drift else "stable"
    found = [
        verdict
        for key, verdict in answer.verdicts.items()
        if key.startswith(f"{STABLE.index(stream)}-") and key.split("_")[1] == kind
    ]
    return f"{np.mean(found):.2f}" if found else answer.failure or "nothing"
