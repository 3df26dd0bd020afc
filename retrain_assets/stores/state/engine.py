"""The connection to the state database, with transactions that one after the other may write."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from retrain_assets.errors import StoreError

Version = tuple[int, int]
"""What a connection says of the state of the database, after the number of that connection: only these compare."""

_BUSY_SECONDS = 60
_OF_STATEMENTS = (
    exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError,
    sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.NotSupportedError,
)  # fmt: skip
_WRITES = "retrain_assets_writes"
_LOOKS = "retrain_assets_looks"
# Any number, as long as it is ours: advisory locks are one name space in a PostgreSQL database.
_ADVISORY_LOCK = 0x7265747261696E


class Database:
    """One engine; connects at first use.

    Writing transactions follow one another: SQLite allows no other way, and on PostgreSQL an advisory lock is held
    from the first statement to the commit. So the ids of the outbox become visible in their order, and a reader that
    has seen id n will never find a smaller one later, which a sequence alone does not promise.

    Args:
        url: An SQLAlchemy URL. A bare `postgresql://` means psycopg2.
    """

    def __init__(self, url: str) -> None:
        made = sa.make_url(with_driver(url))
        self.engine = _engine(made)
        self._is_file = self.is_sqlite and isinstance(self.engine.pool, sa.QueuePool)
        self._lock = threading.Lock()
        self._watching: sa.PoolProxiedConnection | None = None
        self._opened = 0

    @property
    def is_sqlite(self) -> bool:
        """The database is a file."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Generator[sa.Connection, None, None]:
        """A transaction that sees one state of the database."""
        with self._translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def looking(self) -> Generator[sa.Connection, None, None]:
        """For a single statement that reads, which sees one state without a transaction around it."""
        with self._translated(), self.engine.connect().execution_options(**{_LOOKS: self.is_sqlite}) as connection:
            yield connection

    def close(self) -> None:
        """Closes all connections; the next use opens new ones."""
        with self._lock:
            if self._watching is not None:
                self._watching.close()
            self._watching = None
            self.engine.dispose()

    def version(self) -> Version | None:
        """Stays the same until something is committed, by whomever; None where only a query can tell.

        Nothing is ever written through the connection that is asked: it does not see its own commits
        (https://www.sqlite.org/pragma.html#pragma_data_version).
        """
        if not self._is_file:
            return None
        with self._translated(), self._lock:
            [(number,)] = self._watched("PRAGMA data_version")
            return self._opened, number

    def may_have_grown(self, table: str, last: int, model: str | None = None) -> bool:
        """Whether rows behind `last` (of a model) may be there, by a look that SQLAlchemy has no part in.

        Only a file is looked into; a server is asked for the rows themselves.
        """
        if not self.is_sqlite:
            return True
        where, values = ("id > ?", (last,)) if model is None else ("model = ? AND id > ?", (model, last))
        query = f"SELECT 1 FROM {table} WHERE {where} LIMIT 1"  # noqa: S608 - names of our own tables
        with self._translated():
            if self._is_file:
                with self._lock:  # to take a connection from the pool and give it back takes longer than to ask it
                    return bool(self._watched(query, values))
            with closing(self.engine.raw_connection()) as connection:
                return connection.cursor().execute(query, values).fetchone() is not None

    def _watched(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        """What the connection says through which nothing is written; the caller holds the lock.

        All rows are fetched: a statement that is not at its end would go on seeing the state of its beginning.
        """
        if self._watching is None:
            self._watching, self._opened = self.engine.raw_connection(), self._opened + 1
        return self._watching.cursor().execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Generator[sa.Connection, None, None]:
        """A transaction that no other writer overlaps; an exception rolls it back."""
        opened = self.engine.connect
        with self._translated(), opened().execution_options(**{_WRITES: True}) as connection, connection.begin():
            if not self.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            yield connection

    @contextmanager
    def _translated(self) -> Generator[None]:
        """A database that is out of reach or damaged, as a sentence; what it says against a statement is ours to see.

        Raises:
            StoreError: it cannot be asked.
        """
        try:
            yield
        except (exc.DBAPIError, sqlite3.Error) as error:
            if isinstance(error, _OF_STATEMENTS):
                raise
            said = str(error.orig if isinstance(error, exc.DBAPIError) else error).strip()
            where = self.engine.url.render_as_string(hide_password=True)
            raise StoreError(f"the state database cannot be used: {said} ({where})") from error


def with_driver(url: str) -> str:
    """The URL with psycopg2 where it names no driver of PostgreSQL: SQLAlchemy's own choice changes by release."""
    for bare in ("postgresql://", "postgres://"):
        if url.startswith(bare):
            return "postgresql+psycopg2://" + url.removeprefix(bare)
    return url


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED")
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    # The driver's own BEGIN comes late and takes no write lock: two could read, then both want to write.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
    _log_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _log_ahead(connection: Any) -> None:
    """Of processes that open a new file together SQLite lets one, and refuses the others without any wait."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _begin(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(_LOOKS, False):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES, False) else "BEGIN")
