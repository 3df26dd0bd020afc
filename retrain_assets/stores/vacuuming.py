"""Files of a Delta table that only freed versions read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from retrain_assets.errors import StoreError, cause_without_password
from retrain_assets.stores.protocols import FreedFiles

if TYPE_CHECKING:
    from deltalake import DeltaTable


def vacuum(uri: str, storage_options: Mapping[str, str], *, keep: Sequence[int], dry_run: bool) -> FreedFiles:
    """Frees the files that neither the newest version nor one of `keep` reads; the log of all versions stays.

    The table's own retention, which keeps any other vacuum from freeing anything, is passed over: the caller holds the
    model's lease, so that no run is writing, and knows what is pinned. Files that no version ever named are left alone.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        table = DeltaTable(uri, storage_options=dict(storage_options) or None)
    except TableNotFoundError:
        return FreedFiles(files=0, bytes=0)
    try:
        unneeded = _freed(table, keep, dry_run=True)
        sizes = _sizes(uri, storage_options, unneeded)
        if sizes and not dry_run:
            _freed(table, keep, dry_run=False)
    except DeltaError as error:
        raise StoreError(f"{uri} cannot be freed: {error}") from cause_without_password(error)
    return FreedFiles(files=len(sizes), bytes=sum(sizes))


def _freed(table: DeltaTable, keep: Sequence[int], *, dry_run: bool) -> list[str]:
    versions = sorted({version for version in keep if version <= table.version()})
    return table.vacuum(
        retention_hours=0, enforce_retention_duration=False, dry_run=dry_run, keep_versions=versions or None
    )


def _sizes(uri: str, storage_options: Mapping[str, str], files: Sequence[str]) -> list[int]:
    """The sizes of those that are there: the log tells of what was freed before as well."""
    import pyarrow.fs as pa_fs
    from deltalake.fs import DeltaStorageHandler

    if not files:
        return []
    found = pa_fs.PyFileSystem(DeltaStorageHandler(uri, dict(storage_options) or None)).get_file_info(list(files))
    return [each.size for each in found if each.type == pa_fs.FileType.File]


def freed_before(table: str, partition: str, version: int | None) -> str:
    """What to say where a file of a version is gone."""
    what = "its newest version" if version is None else f"version {version}"
    return (
        f"partition {partition} of {table} is gone in {what}: `retrain-assets gc` or somebody else freed it. "
        "What the newest version holds can be read; materialize the batch again where that is gone, too."
    )
