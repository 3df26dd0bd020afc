"""The budget that models share: each decision tells in the outbox what it meant for it, for the others to read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.decide import decide as decide_by_policy
from retrain_assets.policy.decision import Decision
from retrain_assets.policy.shared_budget import Draw, SharedUse, Standing
from retrain_assets.stores.protocols import OutboxRow, Stores

DRAWN = "shared_budget"
"""Outbox kind: what a decision meant for the shared budget."""


def shared_use(
    stores: Stores, model: DeclaredModel, own: Iterable[Decision], *, attempt: str, before: int | None = None
) -> SharedUse:
    """What all other decisions meant for the shared budget, up to a row of the outbox; nothing without one.

    Of an attempt its newest row counts: one that came too late took its draw back. The attempt that asks does not count
    against itself, should it have been stopped after it drew; nor do those of the model's `own` decisions, as they
    ended, that came to no retrain.
    """
    shared = model.spec.retrain.shared_budget
    if shared is None:
        return SharedUse()
    lost = {attempt_of(each.batch, each.attempt) for each in own if each.verdict != "retrain"}
    newest: dict[tuple[str, str], OutboxRow] = {}
    for row in stores.state.outbox(kinds=[DRAWN], limit=1_000_000):
        decision = (row.model, str(row.payload["attempt"]))
        if row.model == model.name and (
            decision[1] == attempt or (decision[1] in lost and row.payload["standing"] == "retrain")
        ):
            continue
        if row.payload["name"] == shared.name and row.id < (before or row.id + 1):
            newest.pop(decision, None)
            newest[decision] = row
    return SharedUse(draws=tuple(_draw(row) for row in newest.values()))


def attempt_of(batch: str, attempt: int) -> str:
    """What tells the decisions of a model apart."""
    return f"{batch}/{attempt}"


def decide_within(
    stores: Stores, model: DeclaredModel, context: DecisionContext, own: Iterable[Decision], *, now: datetime
) -> Decision:
    """Decides, and draws on the shared budget in the same breath.

    The numbers of the outbox say who came first: of two models that took the last retrain at once, the later one finds
    the other's row before its own, decides again with it, and waits.
    """
    decision = decide_by_policy(context)
    if model.spec.retrain.shared_budget is None or context.champion is None or decision.retrospective:
        return decision
    drawn = _tell(stores, model, decision, now=now)
    if drawn is None or decision.verdict != "retrain":
        return decision
    attempt = attempt_of(decision.batch, decision.attempt)
    again = decide_by_policy(replace(context, shared=shared_use(stores, model, own, attempt=attempt, before=drawn)))
    if again.verdict != "retrain":
        _tell(stores, model, again, now=now)
    return again


def give_back(stores: Stores, model: DeclaredModel, lost: Iterable[Decision], *, now: datetime) -> None:
    """Tells that decisions to retrain took nothing of the shared budget after all: their retrains came to no end."""
    if model.spec.retrain.shared_budget is not None:
        for decision in lost:
            _tell(stores, model, replace(decision, verdict="wait"), now=now)


def _tell(stores: Stores, model: DeclaredModel, decision: Decision, *, now: datetime) -> int | None:
    """Appends what the decision means; its number, or None where that was told before."""
    shared, standing = model.spec.retrain.shared_budget, _standing(decision)
    payload = {
        "name": "" if shared is None else shared.name,
        "standing": standing,
        "as_of": decision.as_of.isoformat(),
        "priority": model.spec.retrain.priority,
        "attempt": attempt_of(decision.batch, decision.attempt),
    }
    key = f"{attempt_of(decision.batch, decision.attempt)}/{standing}"
    return stores.state.append_outbox(DRAWN, model.name, batch=decision.batch, payload=payload, key=key, now=now)


def _standing(decision: Decision) -> Standing:
    if decision.verdict == "retrain":
        return "retrain"
    bound = {limit["limit"] for limit in decision.state.get("bound_by", [])}
    # What something else binds too would not retrain if the budget had more.
    return "waits" if bound == {"shared_budget"} else "idle"


def _draw(row: OutboxRow) -> Draw:
    return Draw(
        model=row.model,
        as_of=datetime.fromisoformat(row.payload["as_of"]),
        priority=int(row.payload["priority"]),
        standing=row.payload["standing"],
    )
