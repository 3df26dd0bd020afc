"""Windows that all tools judge, as files, and the rates of their verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers.environments import Peer
from benchmarks.peers.task import verdicts_of
from benchmarks.rates import Rate, rate_of
from benchmarks.streams import DRIFTS, RARE, STABLE, Drift, day_frame, levels

DAYS, WINDOWS, COLUMNS, ROWS = 30, 5, 20, 500
STREAMS = (*STABLE, RARE)
_RARE_SHARE = 0.002
STABLE_KIND = "stable"
"""Of windows without a drift."""


def journal_of(folder: Path, peer: Peer) -> Path:
    """Where a tool writes what it says of the windows of a folder."""
    return folder / f"{peer.module}.jsonl"


def key_of(stream: str) -> str:
    """Of a stream in names of files, before its seeds."""
    return str(STREAMS.index(stream))


def kind_of(drift: str) -> str:
    """Of a planted drift in names of files."""
    return str(list(DRIFTS).index(drift))


def write_seed(folder: Path, stream: str, seed: int, drifts: Sequence[str]) -> None:
    """The windows of one reference, stable ones and some with each drift; those of an earlier run are the same."""
    rng = np.random.default_rng([seed, len(stream)])
    days = levels(stream, DAYS + WINDOWS, COLUMNS, rng)
    kinds = {STABLE_KIND: Drift()} | {kind_of(drift): DRIFTS[drift] for drift in drifts}
    rare = _RARE_SHARE if stream == RARE else 0.0
    write_windows(folder, f"{key_of(stream)}-{seed}", days, ROWS, kinds, rng, rare=rare)


def write_windows(
    folder: Path,
    key: str,
    days: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    rows: int,
    kinds: Mapping[str, Drift],
    rng: np.random.Generator,
    *,
    rare: float = 0.0,
) -> None:
    """A reference of all but the last days, and these as windows, of each kind one.

    Args:
        folder: of the files.
        key: of the stream and its seed.
        days: levels, shape (days, columns).
        rows: of a day.
        kinds: planted drifts by their names in files.
        rng: of the rows.
        rare: share of rows with a rare category.
    """
    if (folder / f"written_{key}").exists():
        return
    reference = [day_frame(level, rows, rng, rare=rare) for level in days[:-WINDOWS]]
    together = pd.concat([day.assign(day=place) for place, day in enumerate(reference)])
    together.to_parquet(folder / f"reference_{key}.parquet", index=False)
    for kind, drift in kinds.items():
        for window, level in enumerate(days[-WINDOWS:]):
            judged = day_frame(level, rows, rng, drift, rare=rare)
            judged.to_parquet(folder / f"window_{key}_{kind}_{window}.parquet", index=False)
    (folder / f"written_{key}").touch()


def rates(folder: Path, peers: Sequence[Peer], cells: Sequence[str], kind: str) -> dict[str, Rate]:
    """By tool, over the seeds of some cells whose windows it has judged."""
    found: dict[str, Rate] = {}
    for peer in peers:
        by_seed: dict[str, list[bool]] = {}
        for window, drifted in verdicts_of(journal_of(folder, peer)).items():
            key, of, _ = window.split("_")
            if key.rpartition("-")[0] in cells and of == kind:
                by_seed.setdefault(key, []).append(drifted)
        if by_seed:
            found[peer.name] = rate_of(list(by_seed.values()))
    return found
