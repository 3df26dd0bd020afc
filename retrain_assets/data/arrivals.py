"""How the data of a batch arrived: each delivery is a numbered revision with a name for what was unusual."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ArrivalKind = Literal["on_time", "late", "changed", "duplicate", "empty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPart:
    """One file or query result of a batch, as it was delivered."""

    name: str
    media_type: Literal["csv", "parquet"]
    content_hash: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One delivery of a batch.

    `revision` counts the deliveries with different content, from 1; a delivery with the content of an earlier one
    is a `duplicate` and keeps that one's revision. One without rows is `empty`, whatever came before it.
    `content_hash` is a hash over the parts.
    """

    model: str
    batch: str
    revision: int
    kind: ArrivalKind
    content_hash: str
    parts: tuple[RawPart, ...]
    arrived_at: datetime


def without_rows(arrivals: Iterable[Arrival]) -> set[tuple[str, int]]:
    """Batch and revision of the deliveries that hold no rows, also where one of them came again."""
    return {(arrival.batch, arrival.revision) for arrival in arrivals if arrival.kind == "empty"}
