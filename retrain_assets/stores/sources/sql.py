"""A SQL query as a source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import exc, pool

from retrain_assets.data.windows import Batch
from retrain_assets.errors import StoreError
from retrain_assets.spec import SqlSource
from retrain_assets.spec.base import Text
from retrain_assets.stores.protocols import RawFile
from retrain_assets.stores.sources.parquet import parquet_bytes
from retrain_assets.stores.sources.settings import resolve
from retrain_assets.stores.state.engine import with_driver

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_INNERMOST = re.compile(r"\([^()]*\)")
_ORDER_BY = re.compile(r"\border\s+by\b", re.IGNORECASE)


class SqlReader:
    """Runs the query with `:start` and `:end` bound, and keeps the result as Parquet.

    The rows are fetched in chunks from a cursor of the server and become Arrow chunk by chunk, so that the memory held
    is that of the result in columns. A batch is listed once its window has closed. Decimals become floats.

    A server owes no order of rows: without an `ORDER BY` of its own the result is sorted by all of its columns that
    have one, from left to right, so that the same rows are the same bytes. With one the server's order stays: then it
    must tell all rows apart, else a second read may look like a change.

    A SQLite database keeps times as text, with or without a time of day and fractions of a second, and compares them
    letter by letter: there a bound is the beginning of all of these, `YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS` in UTC. A
    text with `T` before the time of day is after each of the latter of its day: in batches that do not begin at
    midnight the query must compare `datetime(column)`.
    Elsewhere the bounds are times with the zone UTC, beside which PostgreSQL takes times without one for UTC, too.
    """

    def __init__(self, spec: SqlSource, *, root: Path, environ: Mapping[str, str] | None = None) -> None:
        self._spec = spec
        self._root = root
        self._environ = environ

    def listing(self, batches: Sequence[Batch]) -> dict[str, str]:
        return {batch.key: "closed" for batch in batches}

    def arriving(self, batches: Sequence[Batch]) -> frozenset[str]:  # noqa: ARG002 - as the protocol has it
        return frozenset()  # what is read is one state

    def read(self, batch: Batch) -> list[RawFile]:
        url = self._url()
        try:
            content = self._query(url, batch)
        except exc.SQLAlchemyError as error:
            raise StoreError(told_without_password(f"the query of batch {batch.key} failed", url, error)) from None
        return [] if content is None else [RawFile(name=f"{batch.key}.parquet", media_type="parquet", content=content)]

    def _url(self) -> sa.URL:
        return database_url(self._spec.url, self._root, environ=self._environ)

    def _query(self, url: sa.URL, batch: Batch) -> bytes | None:
        # No pool: a batch is one query, and a source must not keep connections of others' databases.
        engine = sa.create_engine(url, poolclass=pool.NullPool, hide_parameters=True)
        with engine.connect() as connection:
            if url.get_backend_name() == "postgresql":
                # Else the server's own zone tells which moments columns without one hold.
                connection.execute(sa.text("SET TIME ZONE 'UTC'"))
            query = _bound(self._spec.query, batch, as_text=url.get_backend_name() == "sqlite")
            result = connection.execution_options(stream_results=True).execute(query)
            columns = list(result.keys())
            chunks = [_chunk(columns, rows) for rows in result.partitions(self._spec.chunk_rows)]
        rows = [chunk for chunk in chunks if chunk.num_rows]
        if not rows:
            return None
        try:
            table = pa.concat_tables(rows, promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise StoreError(f"the query's columns must hold one type each ({error})") from error
        if not is_ordered(self._spec.query):
            table = _sorted(table)
        return parquet_bytes(table.to_batches(), table.schema)


def database_url(
    declared: Text, root: Path, *, environ: Mapping[str, str] | None = None, field: str = "source.url"
) -> sa.URL:
    """The URL as it is declared, with its driver; a SQLite file is relative to the declaration.

    Raises:
        StoreError: it is no URL of SQLAlchemy.
    """
    try:
        url = sa.make_url(with_driver(resolve(declared, environ)))
    except exc.ArgumentError:
        raise StoreError(f"{field} must be an SQLAlchemy URL such as postgresql://user@host/database") from None
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return url.set(database=str((root / url.database).absolute()))
    return url


def told_without_password(what: str, url: sa.URL, error: exc.SQLAlchemyError) -> str:
    """Why a query failed. The driver's message may repeat the password, the URL's own form does not."""
    reason = str(error.orig if isinstance(error, exc.DBAPIError) else error).strip()
    if url.password:
        reason = reason.replace(str(url.password), "***")
    return f"{what} at {url.render_as_string()}: {reason}"


def is_ordered(query: str) -> bool:
    """Whether the query itself orders its rows; an ORDER BY of a subquery, a window, a text or a comment does not.

    >>> is_ordered("SELECT x FROM t ORDER BY x"), is_ordered("SELECT row_number() OVER (ORDER BY x) FROM t")
    (True, False)
    """
    outer, found = _QUOTED.sub(" ", query), 1
    while found:
        outer, found = _INNERMOST.subn(" ", outer)
    return _ORDER_BY.search(outer) is not None


def _bound(query: str, batch: Batch, *, as_text: bool) -> sa.TextClause:
    """The query with the window's bounds for those of `:start` and `:end` that it names."""
    bounds = {"start": batch.start, "end": batch.end}
    text = sa.text(query)
    named = sorted(text.compile().params)
    unknown = [f":{name}" for name in named if name not in bounds]
    if unknown:
        raise StoreError(
            f"source.query may name the parameters :start and :end (got {', '.join(unknown)}); "
            "write a colon that begins no parameter as \\:"
        )
    if as_text:
        return text.bindparams(**{name: _beginning(bounds[name]) for name in named})
    kind = sa.DateTime(timezone=True)
    return text.bindparams(*(sa.bindparam(name, bounds[name], type_=kind) for name in named))


def _beginning(moment: datetime) -> str:
    """What every text of a moment begins with, and so none of them is before; but for `T` before a time of day."""
    return f"{moment:%Y-%m-%d}" if moment.time() == time.min else f"{moment:%Y-%m-%d %H:%M:%S}"


def _sorted(table: pa.Table) -> pa.Table:
    """The rows by all columns whose values have an order; missing ones last."""
    keys = [
        (column.name, "ascending")
        for column in table.schema
        if not (pa.types.is_nested(column.type) or pa.types.is_null(column.type))
    ]
    return table.sort_by(keys) if keys else table


def _chunk(columns: list[str], rows: Sequence[sa.Row[Any]]) -> pa.Table:
    arrays = [_array(column, [row[position] for row in rows]) for position, column in enumerate(columns)]
    return pa.Table.from_arrays(arrays, names=columns)


def _array(column: str, values: list[Any]) -> pa.Array:
    plain = [float(value) if isinstance(value, Decimal) else value for value in values]
    try:
        return pa.array(plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise StoreError(f"column '{column}' of the query must hold values of one type ({error})") from error
