"""The log of one table in Delta Lake: its commits, followed; what they hold; and new ones."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from retrain_assets.errors import IntegrityError, NotStoredError, StoreError, cause_without_password
from retrain_assets.stores.delta_append import NoHardLinksError, append_partition, can_append, commits_after
from retrain_assets.stores.delta_commit import Written
from retrain_assets.stores.delta_create import CHECKPOINT_INTERVAL, create_table
from retrain_assets.stores.frames import PARTITION, ROW, fit
from retrain_assets.stores.protocols import TableCommit
from retrain_assets.stores.vacuuming import freed_before

if TYPE_CHECKING:
    from deltalake import DeltaTable

_ATTEMPTS = 20


class DeltaLog:
    """One table: its handle, and the index of its commits. The caller holds the lock."""

    def __init__(self, name: str, uri: str, storage_options: dict[str, str], *, is_local: bool) -> None:
        self.name = name
        self.lock = threading.RLock()
        self._uri = uri
        self._storage_options = storage_options
        self._is_local = is_local
        self._handle: DeltaTable | None = None
        self._schema_of: pa.Schema | None = None
        # Options of deltalake's file system, such as renaming for want of hard links, are for deltalake to follow.
        self._links = is_local and not storage_options
        self._appends = False
        self._opened_at = -1
        self._indexed = -1
        self._log: list[Written] = []

    def newest(self, version: int | None) -> dict[str, Written]:
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

    def replace(self, written: Written, rows: pa.Table) -> tuple[TableCommit, pa.Table]:
        """Commits the rows of one partition, unless they are there already."""
        from deltalake.exceptions import CommitFailedError

        wish = written.commit
        for attempt in range(_ATTEMPTS):
            present = self.newest(None).get(wish.partition)
            if present is not None and present.commit.content_hash == wish.content_hash:
                return replace(present.commit, changed=False), rows
            fitted = fit(rows, self._schema(), name=self.name)
            if self._handle is None:
                self._create(_physical(fitted, wish.partition).schema)
                continue  # somebody else may have made it, with other types or with this very partition
            try:
                self._commit(written, fitted, replaces=present is not None)
            except FileNotFoundError:
                self._forget()
                continue
            except (CommitFailedError, FileExistsError):
                # Another writer was first; what it did is seen at the next attempt.
                time.sleep(random.uniform(0, 0.02 * (attempt + 1)))  # noqa: S311 - spreads writers, protects nothing
                continue
            return next(entry.commit for entry in reversed(self._log) if entry.token == written.token), fitted
        raise StoreError(f"{self._uri} is written by too many at once: {_ATTEMPTS} attempts failed. Try again later.")

    def load(
        self, wanted: Sequence[Written], names: Sequence[str] | None, version: int | None
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

    def _until(self, version: int | None) -> list[Written]:
        if version is None:
            return self._log
        return [written for written in self._log if written.commit.version <= version]

    def _handle_for(self, wanted: Sequence[Written], version: int | None) -> DeltaTable:
        newest = {written.commit.partition: written for written in self._log}
        if self._handle is not None and all(newest[w.commit.partition] is w for w in wanted):
            return self._current()
        return self._open(version)

    def _schema(self) -> pa.Schema:
        if self._handle is None:
            return pa.schema([])
        if self._schema_of is None:
            handle = self._current()
            self._schema_of = pa.schema(handle.schema().to_arrow())
            self._appends = self._links and can_append(handle)
        return self._schema_of

    def _current(self) -> DeltaTable:
        """The handle, at no newer version than the index: what is read by it is what the index tells of.

        A handle grows with every version that it follows, and slower (from 10 to 90 ms a write after 1,000), so that it
        is opened anew from each checkpoint.
        """
        known = self._indexed if self._indexed >= 0 else None
        if self._handle is None or self._indexed - self._opened_at >= CHECKPOINT_INTERVAL:
            self._handle = self._open(known)
            self._opened_at = self._handle.version()
        elif self._handle.version() < self._indexed:
            self._handle.update_incremental()
            if self._handle.version() > self._indexed:  # others went on meanwhile
                self._handle = self._open(known)
        return self._handle

    def _forget(self) -> None:
        """Somebody put another table, or none, here: what is known of it is read anew."""
        self._handle, self._schema_of, self._opened_at, self._indexed = None, None, -1, -1
        self._log.clear()

    def _open(self, version: int | None = None) -> DeltaTable:
        from deltalake import DeltaTable

        try:
            return DeltaTable(self._uri, version=version, storage_options=self._storage_options or None)
        except OSError as error:
            raise StoreError(f"{self._uri} cannot be opened: {error}") from cause_without_password(error)

    def _refresh(self) -> None:
        """Follows the log to its end; an absent table stays absent."""
        from deltalake.exceptions import TableNotFoundError

        if self._handle is None:
            if self._is_local and not Path(self._uri, "_delta_log").is_dir():
                return
            try:
                self._current()
            except TableNotFoundError:
                return
        elif self._is_local:
            self._follow(Path(self._uri))
            return
        else:
            self._current().update_incremental()
        handle = self._current()
        news = handle.version() - self._indexed
        if news > 0:
            entries = handle.history(news)
            self._log.extend(filter(None, (Written.from_log(self.name, raw) for raw in reversed(entries))))
            self._indexed, self._schema_of = handle.version(), None

    def _follow(self, folder: Path) -> None:
        """In a folder a look for the file of the next commit tells whether there is one; it is read as it is."""
        for version, actions in commits_after(folder, self._indexed):
            written = Written.from_log(self.name, {**actions.get("commitInfo", {}), "version": version})
            if written is not None:
                self._log.append(written)
            if "metaData" in actions or "protocol" in actions:
                self._schema_of = None
            self._indexed = version

    def _commit(self, written: Written, fitted: pa.Table, *, replaces: bool) -> None:
        """Overwrites a partition; one that is not there yet is appended, which plans and scans nothing.

        Appends do not disturb each other in Delta Lake. So each names its partition as an application transaction: of
        two that write the same new partition, the later one fails and is repeated on top of the other.
        """
        if replaces or not self._appends or not set(self._schema().names).issuperset(fitted.column_names):
            self._overwrite(written, fitted, replaces=replaces)
            return
        version = self._indexed + 1
        try:
            append_partition(
                Path(self._uri),
                written.commit.partition,
                fitted,
                version=version,
                metadata=written.to_metadata(),
                token=written.token,
            )
        except NoHardLinksError:
            self._links = self._appends = False
            self._overwrite(written, fitted, replaces=False)
            return
        self._note(written, version)
        if (version + 1) % CHECKPOINT_INTERVAL == 0:
            self._current().create_checkpoint()

    def _overwrite(self, written: Written, fitted: pa.Table, *, replaces: bool) -> None:
        from deltalake import CommitProperties, PostCommitHookProperties, Transaction, write_deltalake

        partition = written.commit.partition
        physical = _physical(fitted, partition)
        quoted = partition.replace("'", "''")
        how: dict[str, Any] = (
            {"mode": "overwrite", "predicate": f"{PARTITION} = '{quoted}'"} if replaces else {"mode": "append"}
        )
        handle = self._current()
        write_deltalake(
            handle,
            physical,
            **how,
            schema_mode=None if set(self._schema().names) == set(physical.column_names) else "merge",
            target_file_size=2**40,
            commit_properties=CommitProperties(
                custom_metadata=written.to_metadata(),
                app_transactions=None if replaces else [Transaction(partition, version=1)],
            ),
            post_commithook_properties=PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False),
        )
        if handle.version() == self._indexed + 1:
            self._note(written, handle.version())
            self._schema_of = None
        else:  # others came between
            self._refresh()

    def _note(self, written: Written, version: int) -> None:
        """What this process committed as the version after the newest that it knew need not be read."""
        self._log.append(replace(written, commit=replace(written.commit, version=version)))
        self._indexed = version

    def _create(self, schema: pa.Schema) -> None:
        """Makes the table; of two that make it at once, the one that lost goes on with the table of the other."""
        from deltalake.exceptions import DeltaError

        try:
            create_table(self._uri, schema, is_local=self._is_local, storage_options=self._storage_options)
        except (OSError, DeltaError):
            self._refresh()
            if self._handle is None:
                raise
        self._refresh()


def _physical(rows: pa.Table, partition: str) -> pa.Table:
    """The rows as deltalake takes them, which wants the partition in a column."""
    return rows.append_column(PARTITION, pa.array([partition] * rows.num_rows, pa.string()))


def _large(kind: pa.DataType) -> pa.DataType:
    """Texts of many partitions together may pass the 2 GiB that a small offset reaches."""
    return pa.large_string() if pa.types.is_string(kind) else kind
