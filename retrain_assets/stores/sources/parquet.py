"""Query results as bytes: the same rows give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq


def parquet_bytes(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> bytes:
    """A Parquet file of the rows, in their order.

    The bytes are a function of the rows, the schema and the version of pyarrow; how the rows were cut into batches does
    not count, and neither does the metadata that pandas leaves in a schema.
    """
    rows = pa.Table.from_batches(batches, schema).replace_schema_metadata(None).combine_chunks()
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd", row_group_size=2**20)
    return sink.getvalue()
