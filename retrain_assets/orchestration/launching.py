"""What a launching sensor does in a tick, without Dagster: which models changed, and whose next job is of its kind.

The agenda is told from the ledger, so a cursor only saves work: a lost one is looked up again, and asks nothing twice,
because the run key of a job is a function of its cause.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.lifecycle.records import NextJob
    from retrain_assets.stores.protocols import Stores

PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a sensor stands.

    Args:
        after: the newest outbox row that was read.
        again: models to ask again: another run holds them, or time ran out.
        sweep: position of the slow round through all models, which finds what only the clock makes due.
        poll: position of the round through the sources.
    """

    after: int
    again: tuple[str, ...] = ()
    sweep: int = 0
    poll: int = 0

    @classmethod
    def parse(cls, text: str | None) -> Cursor | None:
        """A stored cursor; None for a first tick."""
        if not text:
            return None
        stored = json.loads(text)
        return cls(again=tuple(stored.pop("again")), **stored)

    def __str__(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """What a tick found."""

    jobs: tuple[NextJob, ...]
    cursor: Cursor
    asked: int
    held: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def reason(self) -> str:
        """Why nothing is launched, as a sentence."""
        if self.held:
            said = "; ".join(f"run {owner} is working on {model}" for model, owner in sorted(self.held.items()))
            return f"Waiting: {said}."
        return f"Nothing to do: {self.asked} models asked, no outbox row after {self.cursor.after}."


def due_jobs(
    stores: Stores,
    models: Mapping[str, DeclaredModel],
    job: str,
    cursor: Cursor | None,
    *,
    now: datetime,
    clock: Callable[[], float],
    budget_seconds: float = 0.5,
) -> Agenda:
    """Asks the models that changed, then some more in turn, for their next job; keeps those of one kind.

    At least one model is asked beyond those that changed, however small the budget.
    """
    from retrain_assets.lifecycle import next_job

    deadline = clock() + budget_seconds
    changed, after = _changed(stores, models, cursor)
    sweep = cursor.sweep if cursor is not None else 0
    order = list(models)
    turn = [order[(sweep + step) % len(order)] for step in range(len(order))]
    jobs: list[NextJob] = []
    held: dict[str, str] = {}
    asked: set[str] = set()
    late: list[str] = []
    for position, name in enumerate([*changed, *turn]):
        swept = position - len(changed)
        if clock() >= deadline and swept != 0:
            if swept > 0:
                break
            late.append(name)
            continue
        sweep += swept >= 0
        if name in asked:
            continue
        asked.add(name)
        owner = stores.state.lease_owner(name, now=now)
        if owner is not None:
            held[name] = owner
            continue
        due = next_job(stores, models[name], now=now)
        if due is not None and due.job == job:
            jobs.append(due)
    return Agenda(
        jobs=tuple(jobs),
        cursor=Cursor(
            after=after,
            again=tuple(dict.fromkeys([*held, *late])),
            sweep=sweep % max(len(order), 1),
            poll=cursor.poll if cursor is not None else 0,
        ),
        asked=len(asked),
        held=held,
    )


def _changed(stores: Stores, models: Mapping[str, DeclaredModel], cursor: Cursor | None) -> tuple[Sequence[str], int]:
    """Models with outbox rows after the cursor, and the newest row."""
    if cursor is None:
        return list(models), stores.state.last_outbox_id()
    names = dict.fromkeys(cursor.again)
    after = cursor.after
    while rows := stores.state.outbox(after=after, limit=PAGE):
        names |= dict.fromkeys(row.model for row in rows)
        after = rows[-1].id
        if len(rows) < PAGE:
            break
    return [name for name in names if name in models], after
