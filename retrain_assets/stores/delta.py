"""Versioned tables in Delta Lake: one commit for each partition that was replaced."""

from __future__ import annotations

import json
import os
import random
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from retrain_assets.data.hashing import table_hash
from retrain_assets.errors import IntegrityError, NotStoredError, StoreError, cause_without_password, without_password
from retrain_assets.stores.blobs import local_path
from retrain_assets.stores.frames import PARTITION, ROW, fit, frame_of, joined, kinds_of, table_of
from retrain_assets.stores.protocols import FreedFiles, TableCommit
from retrain_assets.stores.recently_used import RecentlyUsed
from retrain_assets.stores.vacuuming import freed_before, vacuum

if TYPE_CHECKING:
    from deltalake import DeltaTable

_Reading = tuple[str, tuple[int, ...], tuple[str, ...], int]
"""A table, the versions of what is read of it, the columns, and how many columns of it have a type."""
_Partition = tuple[str, str, int, tuple[str, ...]]
"""A table, a partition, its version, and those of its columns that got a type later: what is read never changes."""

_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")
_ATTEMPTS = 20
_LOOKED_AT = 100
_CHECKPOINT_INTERVAL = 10
_CONFIGURATION = {
    # The history is the record of what was known when: a checkpoint must not drop the log behind it.
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
    "delta.checkpointInterval": str(_CHECKPOINT_INTERVAL),
    # Files are chosen by partition alone.
    "delta.dataSkippingNumIndexedCols": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """One commit as the log tells it; `kinds` are the columns with their types, `token` is unique to the write."""

    commit: TableCommit
    kinds: Mapping[str, str]
    token: str


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
        self._tables: dict[str, _Table] = {}
        self._rows_written = RecentlyUsed[_Partition, pa.Table](cache_bytes // 8, size_of=_table_bytes)
        self._frames_read = RecentlyUsed[_Partition, pd.DataFrame](cache_bytes, size_of=_frame_bytes)
        self._readings = RecentlyUsed[_Reading, pd.DataFrame](cache_bytes // 16, size_of=_frame_bytes)
        self._lock = threading.Lock()

    def write(self, table: str, partition: str, frame: pd.DataFrame, *, run_id: str | None = None) -> TableCommit:
        rows = table_of(frame, table=table, partition=partition)
        written = _Written(
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
                frame = self._joined(log, wanted, names, version, load=columns is None)
                if not self._readings.put(reading, frame):
                    return frame
        return frame.copy()

    def commits(self, table: str, *, version: int | None = None) -> dict[str, TableCommit]:
        log = self._table(table)
        with log.lock:
            return {partition: written.commit for partition, written in sorted(log.newest(version).items())}

    def free(self, table: str, *, keep: Sequence[int], dry_run: bool) -> FreedFiles:
        return vacuum(self._place(table), self._storage_options, keep=keep, dry_run=dry_run)

    def uri(self, table: str) -> str:
        return without_password(self._place(table))

    def _place(self, table: str) -> str:
        _check_name(table)
        return f"{self._root}/{table}"

    def _table(self, table: str) -> _Table:
        with self._lock:
            if table not in self._tables:
                self._tables[table] = _Table(table, self._place(table), self._storage_options, is_local=self._is_local)
            return self._tables[table]

    def _joined(
        self, log: _Table, wanted: Sequence[_Written], names: Sequence[str], version: int | None, *, load: bool
    ) -> pd.DataFrame:
        frames = self._frames(log, wanted, names, version, load=load)
        if frames is not None:
            return joined(frames, names)
        rows = log.load(wanted, names, version)
        return frame_of(rows, names, [written.kinds for written in wanted], log.types(version))

    def _frames(
        self, log: _Table, wanted: Sequence[_Written], names: Sequence[str], version: int | None, *, load: bool
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
        self, log: _Table, missing: Sequence[tuple[_Partition, _Written]], version: int | None
    ) -> Iterator[tuple[_Partition, _Written, pa.Table]]:
        """The rows of each partition: as they were written, else from the files, in one look for all."""
        written_lately = {key: self._rows_written.get((*key[:3], ())) for key, _ in missing}
        from_files = [written for key, written in missing if written_lately[key] is None]
        read = dict(log.load(from_files, None, version)) if from_files else {}
        for key, written in missing:
            rows = written_lately[key]
            yield key, written, read[written.commit.partition] if rows is None else rows


class _Table:
    """One table: its handle, and the index of its commits. The caller holds the lock."""

    def __init__(self, name: str, uri: str, storage_options: dict[str, str], *, is_local: bool) -> None:
        self.name = name
        self.lock = threading.RLock()
        self._uri = uri
        self._storage_options = storage_options
        self._is_local = is_local
        self._handle: DeltaTable | None = None
        self._opened_at = -1
        self._indexed = -1
        self._log: list[_Written] = []

    def newest(self, version: int | None) -> dict[str, _Written]:
        """The newest commit of each partition up to a version."""
        self._refresh()
        return {written.commit.partition: written for written in self._until(version)}

    def columns(self, version: int | None) -> set[str]:
        """Every column that any commit up to a version had."""
        return {name for written in self._until(version) for name in written.kinds}

    def types(self, version: int | None) -> dict[str, pa.DataType]:
        """The stored types. They never change, so that the newest schema serves every version."""
        known = self.columns(version)
        return {field.name: _large(field.type) for field in self._schema() if field.name in known}

    def replace(self, written: _Written, rows: pa.Table) -> tuple[TableCommit, pa.Table]:
        """Commits the rows of one partition, unless they are there already."""
        from deltalake.exceptions import CommitFailedError

        wish = written.commit
        for attempt in range(_ATTEMPTS):
            present = self.newest(None).get(wish.partition)
            if present is not None and present.commit.content_hash == wish.content_hash:
                return replace(present.commit, changed=False), rows
            fitted = fit(rows, self._schema(), name=self.name)
            try:
                self._commit(written, fitted, replaces=present is not None)
            except CommitFailedError:
                # Another writer was first; what it did is seen at the next attempt.
                time.sleep(random.uniform(0, 0.02 * (attempt + 1)))  # noqa: S311 - spreads writers, protects nothing
                continue
            return self._followed(written), fitted
        raise StoreError(f"{self._uri} is written by too many at once: {_ATTEMPTS} attempts failed. Try again later.")

    def _followed(self, written: _Written) -> TableCommit:
        """The commit as it is in the log after a write: the next one, unless others came between."""
        if self._handle is not None and self._handle.version() == self._indexed + 1:
            self._indexed += 1
            self._log.append(replace(written, commit=replace(written.commit, version=self._indexed)))
        else:
            self._refresh()
        return next(entry.commit for entry in reversed(self._log) if entry.token == written.token)

    def load(
        self, wanted: Sequence[_Written], names: Sequence[str] | None, version: int | None
    ) -> list[tuple[str, pa.Table]]:
        """Reads the rows of partitions, in the order in which they were written."""
        import pyarrow.dataset as ds

        if not wanted:
            return []
        handle = self._handle_for(wanted, version)
        by_partition = {written.commit.partition: written for written in wanted}
        dataset = handle.to_pyarrow_dataset(file_pruning_predicate=[(PARTITION, "in", sorted(by_partition))])
        files: dict[str, list[pa.Table]] = {partition: [] for partition in by_partition}
        for fragment in dataset.get_fragments():
            partition = ds.get_partition_keys(fragment.partition_expression)[PARTITION]
            of_partition = by_partition[partition].kinds
            present = [
                name for name in dataset.schema.names if name in of_partition and (names is None or name in names)
            ]
            try:
                files[partition].append(fragment.to_table(schema=dataset.schema, columns=[*present, ROW]))
            except FileNotFoundError as error:
                raise NotStoredError(freed_before(self.name, partition, version)) from error
        return [
            (partition, self._joined(written.commit, files[partition])) for partition, written in by_partition.items()
        ]

    def _joined(self, commit: TableCommit, files: list[pa.Table]) -> pa.Table:
        rows = files[0] if len(files) == 1 else pa.concat_tables(files).sort_by(ROW) if files else pa.table({})
        if rows.num_rows != commit.rows:
            raise IntegrityError(
                f"partition {commit.partition} of {self._uri} must have {commit.rows} rows in version {commit.version} "
                f"(got {rows.num_rows}): its files were changed by somebody else."
            )
        return rows

    def _until(self, version: int | None) -> list[_Written]:
        if version is None:
            return self._log
        return [written for written in self._log if written.commit.version <= version]

    def _handle_for(self, wanted: Sequence[_Written], version: int | None) -> DeltaTable:
        newest = {written.commit.partition: written for written in self._log}
        if self._handle is not None and all(newest[w.commit.partition] is w for w in wanted):
            return self._handle
        return self._open(version)

    def _schema(self) -> pa.Schema:
        return pa.schema([]) if self._handle is None else pa.schema(self._handle.schema().to_arrow())

    def _open(self, version: int | None = None) -> DeltaTable:
        from deltalake import DeltaTable

        try:
            return DeltaTable(self._uri, version=version, storage_options=self._storage_options or None)
        except OSError as error:
            raise StoreError(f"{self._uri} cannot be opened: {error}") from cause_without_password(error)

    def _refresh(self) -> None:
        """Follows the log to its end; an absent table stays absent.

        A handle grows with every version that it follows, and slower (from 10 to 90 ms a write after 1,000), so that it
        is opened anew from each checkpoint.
        """
        from deltalake.exceptions import TableNotFoundError

        if self._handle is not None and self._handle.version() - self._opened_at < _CHECKPOINT_INTERVAL:
            if self._may_have_news(self._handle.version()):
                self._handle.update_incremental()
        else:
            if self._is_local and not Path(self._uri, "_delta_log").is_dir():
                return
            try:
                self._handle = self._open()
            except TableNotFoundError:
                return
            self._opened_at = self._handle.version()
        news = self._handle.version() - self._indexed
        if news > 0:
            entries = self._handle.history(news)
            self._log.extend(_entry(self.name, raw) for raw in reversed(entries) if "ra.partition" in raw)
            self._indexed = self._handle.version()

    def _may_have_news(self, version: int) -> bool:
        """Commits have numbers without a gap: a look for the next file tells in a folder; an object store is asked."""
        return not self._is_local or Path(self._uri, "_delta_log", f"{version + 1:020d}.json").exists()

    def _commit(self, written: _Written, fitted: pa.Table, *, replaces: bool) -> None:
        """Overwrites a partition; one that is not there yet is appended, which plans and scans nothing.

        Appends do not disturb each other in Delta Lake. So each names its partition as an application transaction: of
        two that write the same new partition, the later one fails and is repeated on top of the other.
        """
        from deltalake import CommitProperties, PostCommitHookProperties, Transaction, write_deltalake

        commit = written.commit
        physical = fitted.append_column(PARTITION, pa.array([commit.partition] * commit.rows, pa.string()))
        if self._handle is None:
            self._create(physical.schema)
        known = set(self._schema().names)
        quoted = commit.partition.replace("'", "''")
        how: dict[str, Any] = (
            {"mode": "overwrite", "predicate": f"{PARTITION} = '{quoted}'"} if replaces else {"mode": "append"}
        )
        write_deltalake(
            self._handle or self._open(),
            physical,
            **how,
            schema_mode=None if known == set(physical.column_names) else "merge",
            target_file_size=2**40,
            commit_properties=CommitProperties(
                custom_metadata=_metadata(written),
                app_transactions=None if replaces else [Transaction(commit.partition, version=1)],
            ),
            post_commithook_properties=PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False),
        )

    def _create(self, schema: pa.Schema) -> None:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            DeltaTable.create(
                self._uri,
                schema,
                partition_by=[PARTITION],
                configuration=_CONFIGURATION,
                storage_options=self._storage_options or None,
            )
        except DeltaError:
            # Two may create at once; the one that lost goes on with the table of the other.
            self._refresh()
            if self._handle is None:
                raise
        self._refresh()


def _table_bytes(rows: pa.Table) -> int:
    return rows.nbytes


def _frame_bytes(frame: pd.DataFrame) -> int:
    """About: a text takes some 80 bytes, which equal texts of a column share, and a pointer to them."""
    first = frame.iloc[:_LOOKED_AT].select_dtypes("object").to_numpy().T.tolist()
    own = sum(len({id(value) for value in values}) for values in first)
    return 9 * frame.size + 80 * own * len(frame) // max(1, min(_LOOKED_AT, len(frame)))


def _metadata(written: _Written) -> dict[str, str]:
    commit = written.commit
    metadata = {
        "ra.partition": commit.partition,
        "ra.content_hash": commit.content_hash,
        "ra.rows": str(commit.rows),
        "ra.columns": json.dumps(dict(written.kinds)),
        "ra.token": written.token,
    }
    return metadata | ({} if commit.run_id is None else {"ra.run_id": commit.run_id})


def _entry(table: str, raw: Mapping[str, Any]) -> _Written:
    return _Written(
        commit=TableCommit(
            table=table,
            partition=raw["ra.partition"],
            version=raw["version"],
            content_hash=raw["ra.content_hash"],
            rows=int(raw["ra.rows"]),
            run_id=raw.get("ra.run_id"),
            changed=True,
        ),
        kinds=json.loads(raw["ra.columns"]),
        token=raw["ra.token"],
    )


def _columns(table: str, wanted: Sequence[_Written], columns: Sequence[str] | None, known: set[str]) -> list[str]:
    if columns is None:
        return [*dict.fromkeys(name for written in wanted for name in written.kinds), PARTITION]
    unknown = [name for name in columns if name not in known and name != PARTITION]
    if unknown:
        raise NotStoredError(f"{table} has no column {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    return list(columns)


def _large(kind: pa.DataType) -> pa.DataType:
    """Texts of many partitions together may pass the 2 GiB that a small offset reaches."""
    return pa.large_string() if pa.types.is_string(kind) else kind


def _check_name(table: str) -> None:
    if not _NAME.fullmatch(table):
        raise StoreError(f"a table must be named like 'model/asset' (got {table!r})")


def _absent(table: str, uri: str, version: int | None) -> str:
    return f"table {table} has nothing{_as_of(version)} ({uri})"


def _as_of(version: int | None) -> str:
    return "" if version is None else f" in version {version}"
