"""The hash chain in the state database: each entry is written in the transaction of the record that it tells of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from retrain_assets.promotion.audit import AuditEntry, Head, next_entry, record_hash
from retrain_assets.stores.state.records import Row
from retrain_assets.stores.state.rows import insert
from retrain_assets.stores.state.schema import ANSWERS, APPROVALS, AUDIT, DECISIONS, MODEL_MOVES, PROMOTIONS, STAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Chained:
    """A table whose rows the chain tells of.

    Args:
        kind: the name of its rows in the chain.
        table: the table.
        hashed: the columns that an entry vouches for. A column that is added later must stay out, or every entry
            that was written before would be found broken.
        said: columns of the summary.
        time: column with the time of the row.
    """

    kind: str
    table: sa.Table
    hashed: tuple[str, ...]
    said: tuple[str, ...]
    time: str


CHAINED: tuple[Chained, ...] = (
    Chained(
        kind="decision",
        table=DECISIONS,
        hashed=(
            "id", "model", "batch", "attempt", "verdict", "reason", "cause", "triggers", "as_of", "decided_at",
            "champion_version", "retrospective", "state",
        ),
        said=("batch", "attempt", "verdict", "cause"),
        time="decided_at",
    ),
    Chained(
        kind="promotion",
        table=PROMOTIONS,
        hashed=(
            "id", "model", "version", "action", "previous_id", "batch", "attempt", "as_of", "training_end", "actor",
            "reason", "promoted_at", "evidence",
        ),
        said=("version", "action", "batch", "actor"),
        time="promoted_at",
    ),
    Chained(
        kind="stage",
        table=STAGES,
        hashed=("id", "model", "version", "stage", "previous", "actor", "reason", "moved_at"),
        said=("version", "stage", "previous", "actor"),
        time="moved_at",
    ),
    Chained(
        kind="approval",
        table=APPROVALS,
        hashed=(
            "id", "model", "version", "model_hash", "artifact_hash", "batch", "attempt", "champion_version", "reason",
            "requested_at", "expires_at", "evidence",
        ),
        said=("version", "batch", "attempt"),
        time="requested_at",
    ),
    Chained(
        kind="answer",
        table=ANSWERS,
        hashed=("id", "approval_id", "model", "version", "verdict", "person", "proof", "reason", "answered_at"),
        said=("version", "verdict", "person"),
        time="answered_at",
    ),
    Chained(
        kind="model",
        table=MODEL_MOVES,
        hashed=("id", "model", "action", "previous", "actor", "reason", "moved_at"),
        said=("action", "previous", "actor"),
        time="moved_at",
    ),
)  # fmt: skip
BY_TABLE: Mapping[str, Chained] = {chained.table.name: chained for chained in CHAINED}


def insert_chained(connection: sa.Connection, table: sa.Table, values: Row) -> int:
    """Inserts a row and the entry that tells of it; returns the row's id."""
    number = insert(connection, table, values)
    chained = BY_TABLE[table.name]
    # As it is stored, not as it was given: what is verified later is what the database gives back.
    stored = connection.execute(sa.select(table).where(table.c.id == number)).mappings().one()
    _append(connection, chained, stored, _head(connection, stored["model"]))
    return number


def begin(connection: sa.Connection) -> None:
    """Tells the chain of all that was recorded before there was one, model by model in the order of its time."""
    rows = [
        (row[chained.time], chained.kind, row["id"], chained, row)
        for chained in CHAINED
        for row in connection.execute(sa.select(chained.table)).mappings()
    ]
    heads: dict[str, Head] = {}
    for *_, chained, row in sorted(rows, key=lambda each: each[:3]):
        model = row["model"]
        heads[model] = _append(connection, chained, row, heads.get(model), recorded_before_the_chain=True)


def entries(connection: sa.Connection, model: str) -> list[AuditEntry]:
    """The chain of a model in its order: an entry keeps the name that the model had when it was written."""
    of_model = AUDIT.c.model.in_(_names_of(connection, model))
    query = sa.select(AUDIT).where(of_model).order_by(AUDIT.c.sequence, AUDIT.c.id)
    return [
        AuditEntry(**{name: row[name] for name in AuditEntry.__slots__}) for row in connection.execute(query).mappings()
    ]


def hashes(connection: sa.Connection, model: str, told: Sequence[AuditEntry]) -> dict[str, dict[int, str]]:
    """The hashes of all rows of a model that the chain must tell of, as they are stored now.

    A renaming writes the new name into every row. Each is hashed under the name by which its entry tells of it, so
    that the chain stays whole: a row that was given to another model is still found.
    """
    names = {(entry.kind, entry.record_id): entry.model for entry in told}
    return {
        chained.kind: {
            row["id"]: record_hash(_hashed(chained, row) | {"model": names.get((chained.kind, row["id"]), model)})
            for row in connection.execute(sa.select(chained.table).where(chained.table.c.model == model)).mappings()
        }
        for chained in CHAINED
    }


def _names_of(connection: sa.Connection, model: str) -> list[str]:
    """The names that a model had, and the one that it has."""
    renamed = sa.select(MODEL_MOVES.c.previous).where(MODEL_MOVES.c.model == model, MODEL_MOVES.c.action == "rename")
    return sorted({model, *connection.execute(renamed).scalars()})


def _append(connection: sa.Connection, chained: Chained, row: Row, head: Head | None, **further: Any) -> Head:
    entry = next_entry(
        head,
        model=row["model"],
        kind=chained.kind,
        record_id=row["id"],
        values=_hashed(chained, row),
        summary={name: row[name] for name in chained.said} | further,
        now=_time(row[chained.time]),
    )
    connection.execute(AUDIT.insert().values({name: getattr(entry, name) for name in AuditEntry.__slots__}))
    return Head(sequence=entry.sequence, entry_hash=entry.entry_hash)


def _head(connection: sa.Connection, model: str) -> Head | None:
    newest = (
        sa.select(AUDIT.c.sequence, AUDIT.c.entry_hash)
        .where(AUDIT.c.model.in_(_names_of(connection, model)))
        .order_by(AUDIT.c.sequence.desc())
        .limit(1)
    )
    found = connection.execute(newest).first()
    return None if found is None else Head(sequence=found.sequence, entry_hash=found.entry_hash)


def _hashed(chained: Chained, row: Row) -> dict[str, Any]:
    return {name: row[name] for name in chained.hashed}


def _time(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"a time was expected (got {value!r})")
    return value
