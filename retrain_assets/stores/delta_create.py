"""The making of a table in Delta Lake."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import pyarrow as pa

from retrain_assets.stores.frames import PARTITION

CHECKPOINT_INTERVAL = 50
_CONFIGURATION = {
    # The history is the record of what was known when: a checkpoint must not drop the log behind it.
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
    "delta.checkpointInterval": str(CHECKPOINT_INTERVAL),
    # Files are chosen by partition alone.
    "delta.dataSkippingNumIndexedCols": "0",
}


def create_table(uri: str, schema: pa.Schema, *, is_local: bool, storage_options: dict[str, str]) -> None:
    """Makes an empty table.

    Of two that begin a log at once in a folder deltalake lets both commit: there a whole log is put into place by one.

    Raises:
        OSError: in a folder somebody else was first, or it cannot be written.
        DeltaError: elsewhere somebody else was first, or it cannot be written.
    """
    if not is_local:
        _make(uri, schema, storage_options)
        return
    staged = Path(uri) / f"_staged_{uuid.uuid4().hex}"
    _make(str(staged), schema, storage_options)
    try:
        (staged / "_delta_log").rename(Path(uri) / "_delta_log")
    finally:
        shutil.rmtree(staged)


def _make(uri: str, schema: pa.Schema, storage_options: dict[str, str]) -> None:
    from deltalake import DeltaTable

    DeltaTable.create(
        uri,
        schema,
        partition_by=[PARTITION],
        configuration=_CONFIGURATION,
        storage_options=storage_options or None,
    )
