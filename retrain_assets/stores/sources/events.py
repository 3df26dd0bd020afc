"""Business events from files, or from rows of a database."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from retrain_assets.errors import StoreError
from retrain_assets.spec import EventsSpec, FilesSource
from retrain_assets.spec.base import EnvReference
from retrain_assets.stores.sources.files import FileReader

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

LONGEST = 500
"""Characters of an event's text; a file may hold anything."""
MOST_ROWS = 1000
"""New ones that one look takes; the next look takes the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessEvent:
    """What happened; the same `key` is the same event."""

    key: str
    text: str


def new_events(spec: EventsSpec, *, root: Path, since: datetime, known: Collection[str]) -> Iterator[BusinessEvent]:
    """The events that are there and not known yet, in the order of their names or as the query gives them.

    Raises:
        StoreError: the source is out of reach, or a row has no id or text.
    """
    if spec.files is not None:
        yield from _files(spec.files, root, known)
    elif spec.url is not None and spec.query is not None:
        yield from _rows(spec.url, spec.query, root, since, known)


def _files(path: str | EnvReference, root: Path, known: Collection[str]) -> Iterator[BusinessEvent]:
    reader = FileReader(FilesSource(type="files", path=path), root=root)
    for name, file in reader.present():
        key = f"file:{name}:{file.size}:{file.stamp}"
        if key not in known:
            lines = reader.content(file)[: 4 * LONGEST].decode("utf-8", errors="replace").split("\n")
            yield BusinessEvent(key=key, text=f"{lines[0].strip()[:LONGEST] or 'an empty file'} ({name})")


def _rows(
    url: str | EnvReference, query: str, root: Path, since: datetime, known: Collection[str]
) -> list[BusinessEvent]:
    import sqlalchemy as sa
    from sqlalchemy import exc

    from retrain_assets.stores.sources.sql import database_url, told_without_password

    location = database_url(url, root, field="retrain.events.url")
    zoned = location.get_backend_name() != "sqlite"
    moment = since if zoned else since.replace(tzinfo=None)
    bound = sa.bindparam("since", moment, type_=sa.DateTime(timezone=zoned))
    engine = sa.create_engine(location, poolclass=sa.pool.NullPool, hide_parameters=True)
    try:
        with engine.connect().execution_options(stream_results=True) as connection:
            rows = connection.execute(sa.text(query).bindparams(bound)).mappings()
            new = (event for event in map(_event, rows) if event.key not in known)
            return list(islice(new, MOST_ROWS))
    except exc.SQLAlchemyError as error:
        raise StoreError(told_without_password("the query of retrain.events failed", location, error)) from None


def _said(text: object) -> str:
    return "" if text is None else str(text).strip()[:LONGEST]


def _event(row: RowMapping) -> BusinessEvent:
    if not {"id", "text"} <= set(row):
        raise StoreError(f"retrain.events.query must select the columns id and text (got {', '.join(map(str, row))})")
    if row["id"] is None:
        raise StoreError("retrain.events.query must give every event an id (got a row without one)")
    return BusinessEvent(key=f"row:{row['id']}", text=_said(row["text"]) or f"an empty text (row {row['id']})")
