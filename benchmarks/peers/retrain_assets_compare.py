"""This package: `compare` with its defaults, against reference days where there are any; on streams of Arrow data."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers.task import Check, run
from retrain_assets.drift import compare, prepare


def read(path: str) -> pa.RecordBatchReader:
    """The rows of a file, half a million at a time."""
    file = pq.ParquetFile(path, pre_buffer=False)  # which would hold the whole file
    return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(batch_size=500_000))


def columns_of(rows: Any) -> list[str]:
    """Of a data frame, or of a reader."""
    return list(rows.columns) if isinstance(rows, pd.DataFrame) else rows.schema.names


def fit(reference: Any) -> Check:
    """The reference, profiled and cut into cells."""
    prepared = prepare(reference, batch="day" if "day" in columns_of(reference) else None)
    return lambda current: bool(compare(prepared, current).drifted)


if __name__ == "__main__":
    run(fit, read=read)
