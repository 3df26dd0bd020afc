"""Append-only tables, followed: what was read once is not read again."""

from __future__ import annotations

import heapq
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from retrain_assets.stores.state.engine import Database, Version
from retrain_assets.stores.state.records import Row
from retrain_assets.stores.state.schema import MODEL_MOVES


@dataclass(slots=True)
class _Read:
    """Records by their key, in the order of recording, up to the row `last`: all there were at a database's version."""

    last: int = 0
    version: Version | None = None
    records: dict[tuple[object, ...], Any] = field(default_factory=dict[tuple[object, ...], Any])
    kinds: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])


class Ledgers:
    """The records of a model in tables whose rows are only ever added, or replaced by a row with a higher id.

    Writers follow one another and ids grow (see `Database`): whoever has seen a row has seen all before it, so that
    only rows behind the last one are asked for, and none where nothing was committed meanwhile. Ledgers are read many
    times for every batch, and grow for years.
    A model that is renamed, by this process or another, takes its rows along: then all is read anew.

    Args:
        database: where the tables are.
        limit: So many records are kept; of more, those of the ledgers that were not asked for longest leave.
    """

    def __init__(self, database: Database, limit: int = 200_000) -> None:
        self._database = database
        self._limit = limit
        self._kept = 0
        self._moves = 0
        self._version: Version | None = None
        self._read: OrderedDict[tuple[str, str], _Read] = OrderedDict()
        self._whole: dict[str, tuple[int, list[Any]]] = {}
        self._lock = threading.Lock()

    def follow(
        self,
        table: sa.Table,
        model: str,
        record_of: Callable[[Row], Any],
        key: Sequence[str] = ("id",),
    ) -> list[Any]:
        """All records of a model, in order; a later row replaces the one with its key.

        Args:
            table: has the columns `id` and `model`.
            model: whose records are wanted.
            record_of: makes a record of a row.
            key: columns that no two records share.
        """
        with self._lock:
            return list(self._followed(table, model, record_of, key).records.values())

    def follow_kinds(
        self, table: sa.Table, model: str, record_of: Callable[[Row], Any], kinds: Collection[str]
    ) -> list[Any]:
        """Those of some kinds, of a table with the column `kind` whose rows are never replaced; see `follow`.

        Of a history of years a few kinds are asked for again and again: no record of another one is looked at.
        """
        with self._lock:
            of_kinds = self._followed(table, model, record_of, ("id",)).kinds
            parts = [of_kinds.get(kind, []) for kind in set(kinds)]
            return list(parts[0]) if len(parts) == 1 else list(heapq.merge(*parts, key=attrgetter("id")))

    def _followed(self, table: sa.Table, model: str, record_of: Callable[[Row], Any], key: Sequence[str]) -> _Read:
        version = self._database.version()
        self._forget_moved(version)
        read = self._read.setdefault((table.name, model), _Read())
        self._read.move_to_end((table.name, model))
        if _is_unchanged(read.version, version):
            return read
        if not self._database.may_have_grown(table.name, read.last, model):
            read.version = version
            return read
        before, has_kinds = len(read.records), "kind" in table.c and tuple(key) == ("id",)
        with self._database.looking() as connection:
            for row in connection.execute(_news(table), {"model": model, "last": read.last}).mappings():
                place = tuple(row[name] for name in key)
                read.records.pop(place, None)
                read.records[place] = record = record_of(row)
                if has_kinds:
                    read.kinds.setdefault(row["kind"], []).append(record)
                read.last = row["id"]
        read.version = version
        self._kept += len(read.records) - before
        while self._kept > self._limit and len(self._read) > 1:
            self._kept -= len(self._read.popitem(last=False)[1].records)
        return read

    def whole(self, table: sa.Table, record_of: Callable[[Row], Any]) -> list[Any]:
        """All records of a small table, in order; read anew when it has grown, as its older rows may have changed."""
        with self._lock:
            last, records = self._whole.get(table.name, (-1, []))
            if self._database.may_have_grown(table.name, last):
                with self._database.looking() as connection:
                    rows = connection.execute(_all(table)).mappings().all()
                records = [record_of(row) for row in rows]
                self._whole[table.name] = (max((row["id"] for row in rows), default=0), records)
            return list(records)

    def _forget_moved(self, version: Version | None) -> None:
        """Before rows are read: those of a move that comes in between are forgotten at the next look."""
        if _is_unchanged(self._version, version):
            return
        if not self._database.may_have_grown(MODEL_MOVES.name, self._moves):
            self._version = version
            return
        with self._database.looking() as connection:
            newest = connection.execute(_LAST_MOVE).scalar() or 0
        if newest != self._moves:
            self._moves, self._kept = newest, 0
            self._read.clear()
        self._version = version


def _is_unchanged(seen: Version | None, version: Version | None) -> bool:
    return version is not None and seen == version


_LAST_MOVE = sa.select(sa.func.max(MODEL_MOVES.c.id))


@lru_cache
def _all(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).order_by(table.c.id)


@lru_cache
def _news(table: sa.Table) -> sa.Select[Any]:
    """Asked many times for every batch: putting the query together takes longer than the database."""
    of_model = table.c.model == sa.bindparam("model")
    return sa.select(table).where(of_model, table.c.id > sa.bindparam("last")).order_by(table.c.id)
