"""How far a model has come, read from the ledger: it is the same after an interruption, and whoever ran the jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from retrain_assets.lifecycle import DeclaredModel, next_job

if TYPE_CHECKING:
    from retrain_assets.policy.decision import Decision
    from retrain_assets.stores.protocols import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The batches of a model that are to be played."""

    model: DeclaredModel
    batches: tuple[str, ...]

    def holds(self, batch: str) -> bool:
        """The batch is one of them, or lies before them."""
        return bool(self.batches) and batch <= self.batches[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a model stands: batches done of all, the newest one, what was decided for it, and who is champion.

    `watched` counts the batches that were looked at, `due` names the job that is next within the goal. The verdict has
    the causes beside it: `retrain: drift`, `unknown: performance decay`.
    """

    model: str
    done: int
    total: int
    watched: int
    batch: str | None
    verdict: str
    outcome: str
    champion: int | None
    due: str | None

    @property
    def decision(self) -> str:
        """The verdict without its causes."""
        return self.verdict.partition(":")[0]

    @property
    def finished(self) -> bool:
        """Every batch of the goal is done and no job of theirs is due."""
        return self.done >= self.total and self.due is None


def standing(stores: Stores, goal: Goal, *, now: datetime) -> Standing:
    """Reads where the model stands."""
    name = goal.model.name
    decisions = [made for made in stores.state.decisions(name) if goal.holds(made.batch)]
    due = next_job(stores, goal.model, now=now)
    retraining = due is not None and due.job == "retrain"
    done = {made.batch for made in decisions} - ({due.batch} if due is not None and retraining else set())
    promotions = stores.state.promotions(name)
    newest = decisions[-1] if decisions else None
    return Standing(
        model=name,
        done=len(done & set(goal.batches)),
        total=len(goal.batches),
        watched=len({step.batch for step in stores.state.steps(name) if step.job == "watch"}),
        batch=newest.batch if newest else None,
        verdict=verdict(newest) if newest else "",
        outcome=_outcome(stores, name, newest) if newest and not retraining else "",
        champion=promotions[-1].version if promotions else None,
        due=due.job if due is not None and goal.holds(due.batch) else None,
    )


def verdict(decision: Decision) -> str:
    """What was decided and by what, in a few words: `wait`, `retrain: drift`, `unknown: performance decay`."""
    causes = ", ".join(_causes(decision)).replace("_", " ")
    return f"{decision.verdict}: {causes}" if causes else decision.verdict


def _causes(decision: Decision) -> Sequence[str]:
    """The triggers that fired, those that nobody can tell yet, or the limits that bind a wish to retrain."""
    if decision.verdict == "retrain":
        return decision.fired or (decision.cause,)
    if decision.verdict == "unknown":
        return [trigger.name for trigger in decision.triggers if trigger.applicable and trigger.fired is None]
    return [limit["limit"] for limit in decision.state.get("bound_by", ())]


def _outcome(stores: Stores, model: str, decision: Decision) -> str:
    """What became of a decision to retrain: `v3 promoted`, `v4 rejected`, or why there is no version."""
    steps = [step for step in stores.state.steps(model, decision.batch) if step.job == "retrain"]
    if decision.verdict != "retrain" or not steps:
        return ""
    detail = steps[-1].detail
    if "version" not in detail:
        return f"{steps[-1].outcome}: {detail.get('reason', 'no reason given')}"
    return f"v{detail['version']} {detail['outcome']}"
