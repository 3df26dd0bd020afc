"""Statements that every writing method is made of; each runs in the transaction of its caller."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from retrain_assets.stores.state.records import Row
from retrain_assets.stores.state.schema import OUTBOX


def tell(
    connection: sa.Connection,
    kind: str,
    model: str,
    *,
    batch: str | None = None,
    payload: Mapping[str, Any] | None = None,
    key: str | None = None,
    now: datetime,
) -> int:
    """Appends the outbox row of a change, in the change's own transaction."""
    row = {"kind": kind, "model": model, "batch": batch, "payload": dict(payload or {}), "key": key, "recorded_at": now}
    return insert(connection, OUTBOX, row)


def insert(connection: sa.Connection, table: sa.Table, values: Row) -> int:
    """Inserts a row and returns its id."""
    return connection.execute(_insert(table), dict(values)).scalar_one()


def find(connection: sa.Connection, table: sa.Table, values: Row, *key: str) -> Row | None:
    """The row that agrees with the values in the columns of a key, none of which is null."""
    return connection.execute(_find(table, key), {name: values[name] for name in key}).mappings().first()


# Statements are put together once: for a row or two that takes longer than the database.
@lru_cache
def _insert(table: sa.Table) -> sa.Executable:
    return table.insert().returning(table.c.id)


@lru_cache
def _find(table: sa.Table, key: tuple[str, ...]) -> sa.Select[Any]:
    return sa.select(table).where(*(table.c[name] == sa.bindparam(name) for name in key))
