"""A renaming, a retirement or a return, each in one transaction of its caller."""

from __future__ import annotations

import sqlalchemy as sa

from retrain_assets.errors import RefusedError
from retrain_assets.promotion.model_moves import ModelAction, ModelMove, is_retired, out_of_service
from retrain_assets.stores.state import records
from retrain_assets.stores.state.chain import insert_chained
from retrain_assets.stores.state.rows import tell
from retrain_assets.stores.state.schema import AUDIT, LEASES, METADATA, MODEL_MOVES

NAMED = tuple(table for table in METADATA.sorted_tables if table not in (AUDIT, LEASES))
"""Tables whose rows follow the model to its new name. An entry of the chain keeps the name of its time, and a lease
ends with the name that it holds."""


_TOLD: dict[ModelAction, str] = {
    "rename": "renamed", "retire": "model_retired", "return": "model_returned", "accept": "head_accepted",
}  # fmt: skip


def carry_out(connection: sa.Connection, move: ModelMove) -> None:
    """Keeps the move and tells of it; a renaming takes every row along."""
    if move.action == "rename":
        _rename(connection, move)
    elif move.action != "accept" and is_retired(_moves_of(connection, move.model), move.model) == (
        move.action == "retire"
    ):
        raise RefusedError(f"{move.model} is {'retired already' if move.action == 'retire' else 'not retired'}")
    insert_chained(connection, MODEL_MOVES, records.plain_values(move))
    kind = _TOLD[move.action]
    payload = {"previous": move.previous, "text": move.reason}
    tell(connection, kind, move.model, payload=payload, now=move.moved_at)


def _moves_of(connection: sa.Connection, name: str) -> list[ModelMove]:
    """The moves that concern a name, as one that a model has or had."""
    own = sa.or_(MODEL_MOVES.c.model == name, MODEL_MOVES.c.previous == name)
    rows = connection.execute(sa.select(MODEL_MOVES).where(own).order_by(MODEL_MOVES.c.id)).mappings()
    return [records.of_row(ModelMove, row) for row in rows]


def refuse_away(connection: sa.Connection, name: str) -> None:
    """Nobody becomes champion of a model that was retired, or under a name that it had."""
    away = out_of_service(_moves_of(connection, name), name)
    if away is not None:
        raise RefusedError(away)


def _rename(connection: sa.Connection, move: ModelMove) -> None:
    before = move.previous or ""
    require_free(connection, before, move.model)
    for table in NAMED:
        connection.execute(table.update().where(table.c.model == before).values(model=move.model))
    connection.execute(LEASES.delete().where(LEASES.c.model.in_([before, move.model])))


def require_free(connection: sa.Connection, before: str, name: str) -> None:
    """Refuses a new name under which another model has, or had, a history."""
    left = sa.select(MODEL_MOVES.c.model).where(MODEL_MOVES.c.previous == name, MODEL_MOVES.c.model != before)
    other = connection.execute(left).scalar()
    taken = [table.name for table in NAMED if _holds(connection, table, name)]
    if taken or other is not None:
        had = f"it is a name that {other} had" if other else f"{', '.join(taken)} hold rows of it"
        raise RefusedError(f"{before} cannot become {name}, which has a history of its own: {had}. Choose another name")


def _holds(connection: sa.Connection, table: sa.Table, model: str) -> bool:
    # A lease that was taken and given back is told of, and is no history.
    told = sa.select(table.c.id).where(table.c.model == model)
    if "kind" in table.c:
        told = told.where(table.c.kind != "lease")
    return connection.execute(told.limit(1)).first() is not None
