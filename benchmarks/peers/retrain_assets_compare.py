"""This package: `compare` with its defaults, against reference days where there are any; on Arrow tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers.task import Check, run
from retrain_assets.drift import compare, prepare


def fit(reference: Any) -> Check:
    """The reference, profiled and cut into cells."""
    columns: list[str] = list(reference.columns) if isinstance(reference, pd.DataFrame) else reference.column_names
    batch = "day" if "day" in columns else None
    prepared = prepare(reference, batch=batch)

    def check(current: Any) -> bool:
        return bool(compare(prepared, current if batch is None else _dated(current), batch=batch).drifted)

    return check


def _dated(rows: Any) -> Any:
    if isinstance(rows, pd.DataFrame):
        return rows.assign(day=-1)
    return rows.append_column("day", pa.array([-1] * rows.num_rows))


if __name__ == "__main__":
    run(fit, read=pq.read_table)
