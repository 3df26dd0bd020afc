"""What the lifecycle needs of a store of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class FreedFiles:
    """Files that nobody needs any more, and their size."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCommit:
    """One atomic write of one partition; `version` is the table's, `content_hash` a function of the rows alone."""

    table: str
    partition: str
    version: int
    content_hash: str
    rows: int
    run_id: str | None
    changed: bool


class TableStore(Protocol):
    """Versioned tables, replaced partition by partition.

    A table is named `<model>/<asset>`. The partition is kept in a column of its own, `ra_batch`, which the store adds
    and a reader sees. The content hash ignores the version and the run: the same rows have the same hash.
    """

    def write(self, table: str, partition: str, frame: pd.DataFrame, *, run_id: str | None = None) -> TableCommit:
        """Replaces one partition in one atomic commit; an identical content is not committed again (`changed=False`).

        New columns are added to the table; a column whose type changed incompatibly raises StoreError.
        """
        ...

    def read(
        self,
        table: str,
        partitions: Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        version: int | None = None,
    ) -> pd.DataFrame:
        """Rows of the partitions (all by default) as of a version; a partition written with zero rows is empty.

        Raises:
            NotStoredError: the table or a partition is not there.
        """
        ...

    def commits(self, table: str, *, version: int | None = None) -> dict[str, TableCommit]:
        """The newest commit of each partition up to a version; empty when there is no table."""
        ...

    def free(self, table: str, *, keep: Sequence[int], dry_run: bool) -> FreedFiles:
        """Frees what neither the newest version nor one of `keep` reads; with `dry_run` only says how much that is."""
        ...

    def rename(self, before: str, name: str) -> None:
        """Gives all tables of a model another model's name; done before, or killed on the way, it may be done again.

        Raises:
            StoreError: tables of that name are there already.
        """
        ...

    def uri(self, table: str) -> str:
        """Where the table lies, for a person to read: without a password that its URL may have."""
        ...
