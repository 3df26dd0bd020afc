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
    budget_seconds: float = 0.3,
    sweep_seconds: float = 0.1,
) -> Agenda:
    """Asks the models that changed, then some more in turn, for their next job; keeps those of one kind.

    Of those that changed, as many as the budget allows, the others at the next tick. Beyond them at least one, however
    small the budget.
    """
    changed, after = _changed(stores, models, cursor)
    round_ = _Round(stores=stores, models=models, job=job, now=now)
    begun = clock()
    late: list[str] = []
    for name in changed:
        if clock() - begun < budget_seconds:
            round_.ask(name)
        else:
            late.append(name)
    order = list(models)
    position = cursor.sweep if cursor is not None else 0
    begun = clock()
    for _ in order:
        round_.ask(order[position % len(order)])
        position += 1
        if clock() - begun >= sweep_seconds:
            break
    return Agenda(
        jobs=tuple(round_.jobs),
        cursor=Cursor(
            after=after,
            again=tuple(dict.fromkeys([*round_.held, *late])),
            sweep=position % max(len(order), 1),
            poll=cursor.poll if cursor is not None else 0,
        ),
        asked=len(round_.asked),
        held=round_.held,
    )


@dataclass(slots=True, kw_only=True)
class _Round:
    """One tick's questions; nobody is asked twice."""

    stores: Stores
    models: Mapping[str, DeclaredModel]
    job: str
    now: datetime
    asked: set[str] = field(default_factory=set[str])
    jobs: list[NextJob] = field(default_factory=list["NextJob"])
    held: dict[str, str] = field(default_factory=dict[str, str])

    def ask(self, name: str) -> None:
        from retrain_assets.lifecycle import next_job

        if name in self.asked:
            return
        self.asked.add(name)
        owner = self.stores.state.lease_owner(name, now=self.now)
        if owner is not None:
            self.held[name] = owner
            return
        due = next_job(self.stores, self.models[name], now=self.now)
        if due is not None and due.job == self.job:
            self.jobs.append(due)


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
