"""A Delta table as a source."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from retrain_assets.data.windows import Batch
from retrain_assets.errors import StoreError, cause_without_password
from retrain_assets.spec import DeltaSource
from retrain_assets.stores.protocols import RawFile
from retrain_assets.stores.sources.parquet import parquet_bytes
from retrain_assets.stores.sources.settings import located, resolve, resolve_all

if TYPE_CHECKING:
    from deltalake import DeltaTable


class DeltaReader:
    """The rows of a Delta table whose event time lies in the batch's window, as Parquet.

    The fingerprint of a batch is made of the files whose statistics of the event time reach into its window, so that a
    commit concerns the batches it touched and no other. A file without statistics reaches everywhere. Rows are sorted
    by event time; equal times keep the order of the table's files.
    """

    def __init__(
        self, spec: DeltaSource, *, root: Path, event_time: str, environ: Mapping[str, str] | None = None
    ) -> None:
        self._spec = spec
        self._root = root
        self._event_time = event_time
        self._environ = environ

    def listing(self, batches: Sequence[Batch]) -> dict[str, str]:
        from deltalake.exceptions import TableNotFoundError

        try:
            files = _Files.of(self._table(), self._event_time)
        except TableNotFoundError:
            return {}
        prints = {batch.key: files.fingerprint(batch) for batch in batches}
        return {key: fingerprint for key, fingerprint in prints.items() if fingerprint is not None}

    def arriving(self, batches: Sequence[Batch]) -> frozenset[str]:  # noqa: ARG002 - as the protocol has it
        return frozenset()  # what is read is one state

    def read(self, batch: Batch) -> list[RawFile]:
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            table = self._table()
        except TableNotFoundError:
            return []
        try:
            rows = self._window(table, batch)
        except (DeltaError, pa.ArrowException, OSError) as error:
            raise StoreError(
                f"{table.table_uri} cannot be read for batch {batch.key}: {error}"
            ) from cause_without_password(error)
        if not rows.num_rows:
            return []
        content = parquet_bytes(rows.to_batches(), rows.schema)
        return [RawFile(name=f"{batch.key}.parquet", media_type="parquet", content=content)]

    def _window(self, table: DeltaTable, batch: Batch) -> pa.Table:
        import pyarrow.compute as pc

        dataset = table.to_pyarrow_dataset()
        if self._event_time not in dataset.schema.names:
            raise StoreError(
                f"{table.table_uri} must have the event_time column '{self._event_time}' "
                f"(got {', '.join(dataset.schema.names)})"
            )
        kind = dataset.schema.field(self._event_time).type
        column = pc.field(self._event_time)
        inside = (column >= _bound(batch.start, kind)) & (column < _bound(batch.end, kind))
        return dataset.to_table(filter=inside).sort_by(self._event_time)

    def _table(self) -> DeltaTable:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        uri = located(resolve(self._spec.path, self._environ), self._root, self._environ)
        options = resolve_all(self._spec.storage_options, self._environ)
        try:
            return DeltaTable(uri, storage_options=options or None)
        except TableNotFoundError:
            raise
        except (OSError, DeltaError) as error:
            reason = str(error).partition("\n")[0]  # behind it deltalake may print a stack of its own
            raise StoreError(f"{uri} cannot be opened: {reason}") from cause_without_password(error)


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one version with the first and last event time of each, as far as its statistics tell."""

    paths: list[str]
    first: list[datetime | None]
    last: list[datetime | None]

    @classmethod
    def of(cls, table: DeltaTable, event_time: str) -> _Files:
        actions = pa.table(table.get_add_actions(flatten=True))
        paths: list[str] = actions["path"].to_pylist()
        unknown: list[datetime | None] = [None] * len(paths)
        bounds = (
            [_instant(value) for value in actions[name].to_pylist()] if name in actions.column_names else unknown
            for name in (f"min.{event_time}", f"max.{event_time}")
        )
        return cls(paths, *bounds)

    def fingerprint(self, batch: Batch) -> str | None:
        """A hash over the files that reach into the window; None when none does."""
        reaching = [
            path
            for path, first, last in zip(self.paths, self.first, self.last, strict=True)
            if (first is None or first < batch.end) and (last is None or last >= batch.start)
        ]
        return hashlib.sha256("\0".join(sorted(reaching)).encode()).hexdigest()[:16] if reaching else None


def _instant(value: datetime | date | None) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    return None if value is None else datetime(value.year, value.month, value.day, tzinfo=UTC)


def _bound(moment: datetime, kind: pa.DataType) -> pa.Scalar:
    """The moment in the column's own type; a time without a zone is taken as UTC."""
    if pa.types.is_date(kind):
        return pa.scalar(moment.astimezone(UTC).date(), kind)
    if not pa.types.is_timestamp(kind):
        raise StoreError(f"the event_time column must be a timestamp or a date (got {kind})")
    utc = moment.astimezone(UTC)
    return pa.scalar(utc if kind.tz is not None else utc.replace(tzinfo=None), kind)
