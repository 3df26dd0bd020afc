"""Appending a new partition to a Delta table in a folder: one file of rows, one commit.

This is what an append by deltalake leaves behind too, without a query planned for it: a batch appends a few rows
to each of some ten tables. All else (creating, replacing, new columns, object stores, checkpoints) is deltalake's.
Source: the Delta Transaction Log Protocol, https://github.com/delta-io/delta/blob/master/PROTOCOL.md.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from retrain_assets.data.row_ids import ROW_ID
from retrain_assets.stores.frames import PARTITION, ROW

if TYPE_CHECKING:
    from deltalake import DeltaTable

_KNOWN_WRITER_VERSION = 2
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP})
_SEPARATORS = (",", ":")
_DISTINCT = frozenset({ROW, ROW_ID})
"""Columns whose values all differ: a dictionary of them takes time, and room."""


class NoHardLinksError(Exception):
    """The file system has none; nothing was committed."""


def can_append(handle: DeltaTable) -> bool:
    """Whether the table asks nothing of a writer that this module does not do, such as constraints."""
    return (
        handle.protocol().min_writer_version <= _KNOWN_WRITER_VERSION
        and "delta.invariants" not in handle.schema().to_json()
    )


def append_partition(
    folder: Path, partition: str, rows: pa.Table, *, version: int, metadata: Mapping[str, str], token: str
) -> None:
    """Commits the rows of a partition that is not there yet as `version` of the table.

    The file of the rows is seen by nobody before the commit names it, and the commit is there as a whole or not at all.
    Versions have no gap and each is given once, so that whoever commits the version after the newest that he has read
    knows that nothing came between.

    Args:
        folder: the table.
        partition: which has no rows yet.
        rows: with the names and types of the table, without the partition's column.
        version: the one after the newest that the caller knows.
        metadata: goes into the commit.
        token: unique to this write.

    Raises:
        FileExistsError: somebody else committed this version first.
        FileNotFoundError: the version before is not there: somebody put another table here, or none.
        NoHardLinksError: the file system cannot make a version that only one can have.
    """
    _log_file(folder, version - 1).stat()
    now = round(time.time() * 1000)
    info = {
        "timestamp": now,
        "operation": "WRITE",
        "operationParameters": {"mode": "Append", "partitionBy": json.dumps([PARTITION])},
        "engineInfo": "retrain-assets",
        **metadata,
    }
    # Two that append the same new partition both name it: deltalake refuses the later one.
    actions: list[dict[str, Any]] = [{"commitInfo": info}, {"txn": {"appId": partition, "version": 1}}]
    if not rows.num_rows:
        _commit(folder, version, actions, token)
        return
    # Escaped once for the file system, and once more as a URL, as the protocol wants it.
    name = f"{PARTITION}={quote(partition, safe='')}/part-00000-{token}-c000.snappy.parquet"
    file = folder / name
    try:
        size = _write(file, rows)
        added = {
            "path": quote(name, safe="/="),
            "partitionValues": {PARTITION: partition},
            "size": size,
            "modificationTime": now,
            "dataChange": True,
            "stats": json.dumps({"numRecords": rows.num_rows}, separators=_SEPARATORS),
        }
        _commit(folder, version, [*actions, {"add": added}], token)
    except (OSError, NoHardLinksError):
        file.unlink(missing_ok=True)
        raise


def commits_after(folder: Path, version: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The commits behind a version, each with its actions by name; of several of one name the last."""
    while True:
        version += 1
        try:
            text = _log_file(folder, version).read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        yield version, {name: action for line in text.split("\n") if line for name, action in json.loads(line).items()}


def _write(file: Path, rows: pa.Table) -> int:
    """Writes the rows at once, where Arrow would write each page by itself; gives the bytes."""
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    # Nobody asks the file which values it holds: it is read as a whole.
    repeating: Any = [name for name in rows.column_names if name not in _DISTINCT]  # the stubs know only all
    pq.write_table(rows, sink, compression="snappy", write_statistics=False, use_dictionary=repeating)
    content = sink.getvalue()
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return content.size


def _commit(folder: Path, version: int, actions: list[dict[str, Any]], token: str) -> None:
    staged = folder / "_delta_log" / f"_commit_{token}.json.tmp"
    lines = [json.dumps(action, separators=_SEPARATORS, ensure_ascii=False) for action in actions]
    staged.write_text("\n".join(lines), encoding="utf-8")
    try:
        os.link(staged, _log_file(folder, version))
    except OSError as error:
        if error.errno in _NO_HARD_LINKS:
            raise NoHardLinksError(str(error)) from error
        raise
    finally:
        staged.unlink()


def _log_file(folder: Path, version: int) -> Path:
    return folder / "_delta_log" / f"{version:020d}.json"
