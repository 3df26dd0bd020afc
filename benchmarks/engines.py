"""Which engine makes profiles: the same kind of summary by Arrow with NumPy, by Polars and by DuckDB."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.drift import COLUMNS, write_window
from benchmarks.peers.environments import Peer, ask
from benchmarks.tables import Figure, Result

ENGINES = (
    Peer(name="Arrow and NumPy, this package's profile", module="engine_arrow", requirements=()),
    Peer(name="Polars 1.35.2", module="engine_polars", requirements=("polars==1.35.2",)),
    Peer(name="DuckDB 1.4.2", module="engine_duckdb", requirements=("duckdb==1.4.2",)),
)


def measure(rows: int, *, limit: float = 100) -> Result:
    """Seconds and peak memory of each engine on one file, in a process of its own.

    Args:
        rows: of the file.
        limit: seconds after which a run is ended.

    Raises:
        RuntimeError: an engine gave no answer.
    """
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        file = write_window(Path(folder) / "window.parquet", rows, 0)
        for engine in ENGINES:
            answer = ask(engine, [file], limit=limit)
            if answer.failure is not None:
                raise RuntimeError(f"{engine.name}: {answer.failure}")
            figures.append(Figure(what=engine.name, value=answer.seconds, unit="s"))
            figures.append(Figure(what=f"{engine.name}: peak memory", value=answer.gib, unit="GiB"))
    note = (
        f"From Parquet ({rows:,} rows x {COLUMNS} columns) to a mergeable summary of each column: counts by bin or "
        "category, moments, extremes, missing values. Polars and DuckDB count logarithmic bins of 1 %, with all their "
        "threads. Medians of 3 in one process each, after a first round."
    )
    return Result(name="engines", figures=figures, notes=[note])
