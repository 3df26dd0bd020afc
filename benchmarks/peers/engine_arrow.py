"""This package: Arrow reads, NumPy sorts blocks and counts the bins of the bits."""

from __future__ import annotations

import pyarrow.parquet as pq

from benchmarks.peers.engine_task import run
from retrain_assets.data.arrow_profiling import profile_arrow


def summarize(path: str) -> int:
    """The profile, which is finer than the bins of the others where few values allow it."""
    profile = profile_arrow([pq.read_table(path)])[""]
    return sum(len(column.bins) + len(column.categories) for column in profile.columns)


if __name__ == "__main__":
    run(summarize)
