"""What the lifecycle needs of a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from retrain_assets.data.windows import Batch


class Source(Protocol):
    """Delivers the original bytes of a batch."""

    def listing(self, batches: Sequence[Batch]) -> dict[str, str]:
        """For each batch key that has something to read, a cheap fingerprint.

        It is made of names, sizes and times; for a callable or a query it says only that the window has closed. No
        content is read, so that many batches are answered fast.
        """
        ...

    def arriving(self, batches: Sequence[Batch]) -> frozenset[str]:
        """Keys of batches that are there and may not be whole yet: neither listed nor missing."""
        ...

    def read(self, batch: Batch) -> list[RawFile]:
        """The files or query results of the batch; empty when there is nothing. Raises StoreError when out of reach."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """Original bytes with the name they had; a query result is written as Parquet bytes."""

    name: str
    media_type: Literal["csv", "parquet"]
    content: bytes
