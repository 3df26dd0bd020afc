"""DuckDB: a query for the moments of all columns, and one for the counts of each."""

from __future__ import annotations

import math

import duckdb

from benchmarks.peers.engine_task import ACCURACY, run


def summarize(path: str) -> int:
    """Counts by logarithmic bin or category, moments and extremes of each column."""
    rows = duckdb.read_parquet(path)
    columns = dict(zip(rows.columns, map(str, rows.types), strict=True))
    numbers = [name for name, kind in columns.items() if kind in ("DOUBLE", "BIGINT")]
    width = math.log((1 + ACCURACY) / (1 - ACCURACY))
    told = [f'min("{n}"), max("{n}"), avg("{n}"), var_samp("{n}")' for n in numbers]
    rows.aggregate(", ".join([*told, *(f'count("{name}")' for name in columns)])).fetchall()
    counted = 0
    for name in columns:
        bins = f'ceil(ln(greatest(abs("{name}"), 1e-30)) / {width}), sign("{name}")'
        key = bins if name in numbers else f'"{name}"'
        counted += len(rows.aggregate(f"{key}, count(*)", key).fetchall())
    return counted


if __name__ == "__main__":
    run(summarize)
