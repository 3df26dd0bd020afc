"""`retrain_decision`: gathering what is known as of a batch, and deciding."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pandas as pd

from retrain_assets.data.small_tables import table_of_rows
from retrain_assets.data.windows import Batch
from retrain_assets.drift.conclusion import drifted_inputs
from retrain_assets.lifecycle.champions import champion
from retrain_assets.lifecycle.facts import as_they_ended, episode_of, gather_facts, requests
from retrain_assets.lifecycle.holding import tell
from retrain_assets.lifecycle.ledger import record_step
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.reconciling import glance
from retrain_assets.lifecycle.records import Decided
from retrain_assets.lifecycle.sharing import decide_within, give_back
from retrain_assets.lifecycle.standing import was_deduced
from retrain_assets.lifecycle.training_window import plan_window
from retrain_assets.lifecycle.watch import read_drift
from retrain_assets.policy.decision import Decision, TriggerState
from retrain_assets.policy.holds import open_hold
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import Stores


def decide(stores: Stores, model: DeclaredModel, batch: Batch, *, cause: str, now: datetime, run_id: str) -> Decided:
    """Evaluates every trigger as of the batch and records the verdict; the same run decides once.

    A decision to retrain acknowledges the drift episode that it saw, whatever the gate says later. A run that was
    stopped between recording its decision and writing the table leaves the rest to the next one. Where the registry
    shows another champion than the log it is put right, once all is recorded.
    """
    earlier = stores.state.decisions(model.name)
    again = next((made for made in earlier if made.batch == batch.key and made.state.get("run_id") == run_id), None)
    again = again or _unwritten(stores, model, batch, earlier)
    if again is not None:
        return _kept(stores, model, batch, again, run_id=run_id, now=now)
    decided, earlier = earlier, as_they_ended(stores, model, earlier)
    window = plan_window(stores, model, batch, as_of=batch.as_of)
    # What comes in from here on is for the next decision.
    mark = stores.state.last_outbox_id()
    news = requests(stores, model, earlier, until=mark)
    context = gather_facts(stores, model, batch, window, earlier, news, cause=cause, now=now, until=mark)
    decision = decide_within(stores, model, context, earlier, now=now)
    decision = replace(
        decision,
        state={
            **decision.state,
            "run_id": run_id,
            "outbox_id": mark,
            "drifted": [] if context.drift is None else drifted_inputs(context.drift.ranked),
            "data_hash": window.data_hash,
            "training_end": window.training_end.isoformat() if window.training_end else None,
        },
    )
    rejected = decision.state.get("hold_answer") == "rejected"
    if context.episode is not None and (decision.verdict == "retrain" or rejected):
        seen = context.episode.acknowledged(batch.key, window.labelled_until)
        # The first labels of what a person called broken are no reason to learn from it.
        stores.state.save_episode(replace(seen, acknowledged_early=False) if rejected else seen)
    tell(stores, decision, now=now)
    recorded = _record(stores, model, batch, decision, run_id=run_id, now=now)
    if not decision.retrospective:  # which takes the place of none
        give_back(stores, model, (made for made, end in zip(decided, earlier, strict=True) if made != end), now=now)
    return recorded


def _unwritten(stores: Stores, model: DeclaredModel, batch: Batch, made: list[Decision]) -> Decision | None:
    steps = stores.state.steps(model.name, batch.key)
    written = {step.detail["attempt"] for step in steps if step.job == "decide" and step.outcome == "done"}
    own = [decision for decision in made if decision.batch == batch.key and was_deduced(decision)]
    return next((decision for decision in own if decision.attempt not in written), None)


def decide_by_hand(stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime, run_id: str) -> Decision:
    """The record of a person who launched a training set by hand: the trigger `person`, and nothing else asked.

    Where a retrain of this batch or one before is held for a person, that is the answer. The drift episode of the batch
    is acknowledged, as by any decision to retrain.
    """
    every = stores.state.decisions(model.name)
    made, held = [decision for decision in every if decision.batch == batch.key], open_hold(every)
    answer = {"hold_answer": "resumed"} if held is not None and held.batch <= batch.key else {}
    reason = "a person materialized the training set by hand"
    decision = Decision(
        model=model.name,
        batch=batch.key,
        attempt=len(made) + 1,
        verdict="retrain",
        reason=reason,
        cause="person",
        triggers=(TriggerState(name="person", fired=True, reason=reason),),
        as_of=batch.as_of,
        decided_at=now,
        champion_version=_version(champion(stores, model, batch.end)),
        retrospective=False,
        state={"run_id": run_id, "outbox_id": stores.state.last_outbox_id(), "by_hand": True, **answer},
    )
    episode = episode_of(stores, model, read_drift(stores, model, batch))
    if episode is not None and episode.covers(batch.key):
        labelled_until = plan_window(stores, model, batch, as_of=batch.as_of).labelled_until
        stores.state.save_episode(episode.acknowledged(batch.key, labelled_until))
    _record(stores, model, batch, decision, run_id=run_id, now=now)
    return decision


def _record(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    decision: Decision,
    *,
    run_id: str,
    now: datetime,
) -> Decided:
    stores.state.record_decision(decision, run_id=run_id)
    return _kept(stores, model, batch, decision, run_id=run_id, now=now)


def _kept(
    stores: Stores, model: DeclaredModel, batch: Batch, decision: Decision, *, run_id: str, now: datetime
) -> Decided:
    made = [kept for kept in stores.state.decisions(model.name) if kept.batch == batch.key]
    commit = stores.tables.write(model.table("retrain_decision"), batch.key, decisions_frame(made), run_id=run_id)
    if not decision.state.get("by_hand"):
        record_step(
            stores, model, batch, "decide",
            outcome="done", cause=decision.cause, as_of=decision.as_of, now=now, run_id=run_id,
            detail={"attempt": decision.attempt, "verdict": decision.verdict},
        )  # fmt: skip
    glance(stores, model, now=now)
    return Decided(decision=decision, commit=commit)


_TYPES = {
    "attempt": "int64",
    "verdict": "object",
    "reason": "object",
    "cause": "object",
    "trigger": "object",
    "fired": "boolean",
    "applicable": "bool",
    "trigger_reason": "object",
    "retrospective": "bool",
    "champion_version": "Int64",
    "as_of": "datetime64[us, UTC]",
}


def decisions_frame(decisions: list[Decision]) -> pd.DataFrame:
    """One row for each trigger of each attempt."""
    rows = [
        (
            decision.attempt,
            decision.verdict,
            decision.reason,
            decision.cause,
            trigger.name,
            trigger.fired,
            trigger.applicable,
            trigger.reason,
            decision.retrospective,
            decision.champion_version,
            decision.as_of,
        )
        for decision in decisions
        for trigger in decision.triggers
    ]
    return table_of_rows(rows, _TYPES)


def _version(promotion: Promotion | None) -> int | None:
    return None if promotion is None else promotion.version
