"""Business events from files, or from rows of a database."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from retrain_assets.errors import StoreError
from retrain_assets.spec import EventsSpec, FilesSource
from retrain_assets.spec.base import EnvReference
from retrain_assets.stores.sources.files import FileReader

LONGEST = 500
"""Characters of an event's text; a file may hold anything."""
MOST_ROWS = 1000
"""That one look takes."""


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
        rows = _rows(spec.url, spec.query, root, since)
        yield from (event for event in rows if event.key not in known)


def _files(path: str | EnvReference, root: Path, known: Collection[str]) -> Iterator[BusinessEvent]:
    reader = FileReader(FilesSource(type="files", path=path), root=root)
    for name, file in reader.present():
        key = f"file:{name}:{file.size}:{file.stamp}"
        if key not in known:
            lines = reader.content(file)[: 4 * LONGEST].decode("utf-8", errors="replace").split("\n")
            yield BusinessEvent(key=key, text=f"{lines[0].strip()[:LONGEST] or 'an empty file'} ({name})")


def _rows(url: str | EnvReference, query: str, root: Path, since: datetime) -> list[BusinessEvent]:
    import sqlalchemy as sa
    from sqlalchemy import exc

    from retrain_assets.stores.sources.sql import database_url, told_without_password

    location = database_url(url, root, field="retrain.events.url")
    zoned = location.get_backend_name() != "sqlite"
    moment = since if zoned else since.replace(tzinfo=None)
    bound = sa.bindparam("since", moment, type_=sa.DateTime(timezone=zoned))
    engine = sa.create_engine(location, poolclass=sa.pool.NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            rows = connection.execute(sa.text(query).bindparams(bound)).mappings().fetchmany(MOST_ROWS)
    except exc.SQLAlchemyError as error:
        raise StoreError(told_without_password("the query of retrain.events failed", location, error)) from None
    if rows and not {"id", "text"} <= set(rows[0]):
        raise StoreError(
            f"retrain.events.query must select the columns id and text (got {', '.join(map(str, rows[0]))})"
        )
    if any(row["id"] is None for row in rows):
        raise StoreError("retrain.events.query must give every event an id (got a row without one)")
    return [BusinessEvent(key=f"row:{row['id']}", text=str(row["text"] or "")[:LONGEST]) for row in rows]
