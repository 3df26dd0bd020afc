"""Versioned tables in Delta Lake: one commit for each partition that was replaced."""

from __future__ import annotations

import os
import re
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

import pandas as pd
import pyarrow as pa

from retrain_assets.data.hashing import table_hash
from retrain_assets.errors import NotStoredError, StoreError, without_password
from retrain_assets.stores.blobs import local_path
from retrain_assets.stores.delta_commit import Written
from retrain_assets.stores.delta_log import DeltaLog
from retrain_assets.stores.frames import PARTITION, frame_of, joined, kinds_of, table_of
from retrain_assets.stores.protocols import FreedFiles, TableCommit
from retrain_assets.stores.recently_used import RecentlyUsed
from retrain_assets.stores.renaming import rename_folder
from retrain_assets.stores.vacuuming import vacuum

_Reading = tuple[str, tuple[int, ...], tuple[str, ...], int]
"""A table, the versions of what is read of it, the columns, and how many columns of it have a type."""
_Partition = tuple[str, str, int, tuple[str, ...]]
"""A table, a partition, its version, and those of its columns that got a type later: what is read never changes."""

_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")
_LOOKED_AT = 100


class DeltaTableStore:
    """Delta tables below `root_url`, each in the folder of its name.

    A partition is replaced by an overwrite with a predicate, so that writers of different partitions do not disturb
    each other; where two meet, the later one is repeated on top of the other. The commit carries the partition, the
    content hash, the number of rows, the run and the columns: what is in a table is told from its log alone, which is
    read once in a process and then followed. Nothing is vacuumed but by `free`.

    A frame that is read has the columns of the partitions read, in the order of their first appearance, and `ra_batch`
    as the last; with `columns` it has exactly those. A column that a partition does not have is missing there. For
    types see `retrain_assets.stores.frames`.

    Args:
        root_url: A folder, or a URL that deltalake knows (`s3://`, `gs://`, `abfss://`).
        storage_options: Options of deltalake's object store.
        cache_bytes: Partitions that were read lately are kept in memory up to this size, those that were written
            lately up to an eighth of it, and what was read of many at once up to a sixteenth.
    """

    def __init__(
        self,
        root_url: str | os.PathLike[str],
        storage_options: Mapping[str, str] | None = None,
        *,
        cache_bytes: int = 256 * 2**20,
    ) -> None:
        folder = local_path(os.fspath(root_url))
        self._root = str(folder) if folder is not None else os.fspath(root_url).rstrip("/")
        self._is_local = folder is not None
        self._storage_options = dict(storage_options or {})
        self._tables: dict[str, DeltaLog] = {}
        self._rows_written = RecentlyUsed[_Partition, pa.Table](cache_bytes // 8, size_of=_table_bytes)
        self._frames_read = RecentlyUsed[_Partition, pd.DataFrame](cache_bytes, size_of=_frame_bytes)
        self._readings = RecentlyUsed[_Reading, pd.DataFrame](cache_bytes // 16, size_of=_frame_bytes)
        self._whole: dict[tuple[str, tuple[str, ...]], _Reading] = {}
        self._lock = threading.Lock()

    def write(self, table: str, partition: str, frame: pd.DataFrame, *, run_id: str | None = None) -> TableCommit:
        rows = table_of(frame, table=table, partition=partition)
        written = Written(
            commit=TableCommit(
                table=table,
                partition=partition,
                version=-1,
                content_hash=table_hash(rows),
                rows=rows.num_rows,
                run_id=run_id,
                changed=True,
            ),
            kinds=kinds_of(rows, frame),
            token=uuid.uuid4().hex,
        )
        log = self._table(table)
        with log.lock:
            commit, fitted = log.replace(written, rows)
        if commit.changed:
            self._rows_written.put((table, partition, commit.version, ()), fitted)
        return commit

    def read(
        self,
        table: str,
        partitions: Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        version: int | None = None,
    ) -> pd.DataFrame:
        log = self._table(table)
        with log.lock:
            known = log.newest(version)
            if not known:
                raise NotStoredError(_absent(table, self.uri(table), version))
            chosen = sorted(known) if partitions is None else list(dict.fromkeys(partitions))
            lacking = [partition for partition in chosen if partition not in known]
            if lacking:
                raise NotStoredError(f"{table} has no partition {', '.join(lacking)}{_as_of(version)}")
            wanted = [known[partition] for partition in chosen]
            names = _columns(table, wanted, columns, log.columns(version))
            reading = (table, tuple(w.commit.version for w in wanted), tuple(names), len(log.types(version)))
            frame = self._readings.get(reading)
            if frame is None:
                is_whole, load = partitions is None and version is None, columns is None
                frame = self._continued(log, wanted, reading, load=load) if is_whole else None
                if frame is None:
                    frame = self._joined(log, wanted, names, version, load=load)
                if not self._readings.put(reading, frame):
                    return frame
                if is_whole:
                    self._whole[table, reading[2]] = reading
        return frame.copy()

    def commits(self, table: str, *, version: int | None = None) -> dict[str, TableCommit]:
        log = self._table(table)
        with log.lock:
            return {partition: written.commit for partition, written in sorted(log.newest(version).items())}

    def free(self, table: str, *, keep: Sequence[int], dry_run: bool) -> FreedFiles:
        return vacuum(self._place(table), self._storage_options, keep=keep, dry_run=dry_run)

    def rename(self, before: str, name: str) -> None:
        rename_folder(self._place(before), self._place(name), is_local=self._is_local)
        with self._lock:
            self._tables = {
                table: log for table, log in self._tables.items() if table.partition("/")[0] not in (before, name)
            }
        # Another table may have either name from now on, and partitions of the same versions.
        for kept in (self._rows_written, self._frames_read, self._readings):
            kept.clear()

    def uri(self, table: str) -> str:
        return without_password(self._place(table))

    def _place(self, table: str) -> str:
        _check_name(table)
        return f"{self._root}/{table}"

    def _table(self, table: str) -> DeltaLog:
        with self._lock:
            if table not in self._tables:
                self._tables[table] = DeltaLog(
                    table, self._place(table), self._storage_options, is_local=self._is_local
                )
            return self._tables[table]

    def _continued(
        self, log: DeltaLog, wanted: Sequence[Written], reading: _Reading, *, load: bool
    ) -> pd.DataFrame | None:
        """The whole table from what was last read of it and the partitions behind the first that was written since.

        A version is of one partition, and what it holds never changes. None where nothing of that is at hand, or where
        the types of the two parts differ: then those of the whole are not known from either.
        """
        table, versions, names, types = reading
        before = self._whole.get((table, names))
        frame = None if before is None else self._readings.get(before)
        if before is None or frame is None or before[3] != types:
            return None
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before[1], versions, strict=False)))
        if not 0 < same < len(wanted):
            return None
        news = self._frames(log, wanted[same:], names, None, load=load)
        if news is None or not frame.dtypes.equals(news[0][list(names)].dtypes):
            return None
        return joined([frame.iloc[: sum(written.commit.rows for written in wanted[:same])], *news], names)

    def _joined(
        self, log: DeltaLog, wanted: Sequence[Written], names: Sequence[str], version: int | None, *, load: bool
    ) -> pd.DataFrame:
        frames = self._frames(log, wanted, names, version, load=load)
        if frames is not None:
            return joined(frames, names)
        rows = log.load(wanted, names, version) if not load else self._stored(log, wanted, version)
        return frame_of(rows, names, [written.kinds for written in wanted], log.types(version))

    def _stored(self, log: DeltaLog, wanted: Sequence[Written], version: int | None) -> list[tuple[str, pa.Table]]:
        missing = [((log.name, each.commit.partition, each.commit.version, ()), each) for each in wanted]
        return [(each.commit.partition, rows) for _, each, rows in self._rows(log, missing, version)]

    def _frames(
        self, log: DeltaLog, wanted: Sequence[Written], names: Sequence[str], version: int | None, *, load: bool
    ) -> list[pd.DataFrame] | None:
        """A frame of each partition, where all have the same columns and types; else None, or where one is not at hand.

        A column that held nothing but missing values when it was written may have a type by the next reading.
        """
        types = log.types(version)
        keys = [
            (
                log.name,
                written.commit.partition,
                written.commit.version,
                tuple(name for name, kind in written.kinds.items() if kind == "null" and name in types),
            )
            for written in wanted
        ]
        found = {key: frame for key in keys if (frame := self._frames_read.get(key)) is not None}
        missing = [(key, written) for key, written in zip(keys, wanted, strict=True) if key not in found]
        kinds = {frozenset(written.kinds) for written in wanted}
        is_known = len(kinds) == 1 and set(names) <= {*next(iter(kinds)), PARTITION}
        if (missing and not load) or not is_known:
            return None
        for key, written, rows in self._rows(log, missing, version):
            columns = [*written.kinds, PARTITION]
            frame = frame_of([(written.commit.partition, rows)], columns, [written.kinds], types).copy()
            self._frames_read.put(key, frame)
            found[key] = frame
        frames = [found[key] for key in keys]
        first = frames[0].dtypes
        return frames if all(frame.dtypes.equals(first) for frame in frames[1:]) else None

    def _rows(
        self, log: DeltaLog, missing: Sequence[tuple[_Partition, Written]], version: int | None
    ) -> Iterator[tuple[_Partition, Written, pa.Table]]:
        """The rows of each partition: as they were written, else from the files, in one look for all."""
        written_lately = {key: self._rows_written.get((*key[:3], ())) for key, _ in missing}
        from_files = [written for key, written in missing if written_lately[key] is None]
        read = dict(log.load(from_files, None, version)) if from_files else {}
        for key, written in missing:
            rows = written_lately[key]
            yield key, written, read[written.commit.partition] if rows is None else rows


def _table_bytes(rows: pa.Table) -> int:
    return rows.nbytes


def _frame_bytes(frame: pd.DataFrame) -> int:
    """About: a text takes some 80 bytes, which equal texts of a column share, and a pointer to them."""
    first = frame.iloc[:_LOOKED_AT].select_dtypes("object").to_numpy().T.tolist()
    own = sum(len({id(value) for value in values}) for values in first)
    return 9 * frame.size + 80 * own * len(frame) // max(1, min(_LOOKED_AT, len(frame)))


def _columns(table: str, wanted: Sequence[Written], columns: Sequence[str] | None, known: set[str]) -> list[str]:
    if columns is None:
        return [*dict.fromkeys(name for written in wanted for name in written.kinds), PARTITION]
    unknown = [name for name in columns if name not in known and name != PARTITION]
    if unknown:
        raise NotStoredError(f"{table} has no column {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    return list(columns)


def _check_name(table: str) -> None:
    if not _NAME.fullmatch(table):
        raise StoreError(f"a table must be named like 'model/asset' (got {table!r})")


def _absent(table: str, uri: str, version: int | None) -> str:
    return f"table {table} has nothing{_as_of(version)} ({uri})"


def _as_of(version: int | None) -> str:
    return "" if version is None else f" in version {version}"
