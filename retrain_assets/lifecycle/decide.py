"""`retrain_decision`: gathering what is known as of a batch, and deciding."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pandas as pd

from retrain_assets.data.windows import Batch
from retrain_assets.drift.episodes import Episode
from retrain_assets.drift.report import DriftReport
from retrain_assets.lifecycle.champions import champion, registered
from retrain_assets.lifecycle.estimating import unlabelled_estimates
from retrain_assets.lifecycle.history import champion_losses, holdout_of, served_losses
from retrain_assets.lifecycle.holding import largest_drift, open_hold, said_to, tell
from retrain_assets.lifecycle.ledger import record_step
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import Decided, TrainingSet
from retrain_assets.lifecycle.sharing import attempt_of, decide_within, shared_use
from retrain_assets.lifecycle.slicing import slice_history
from retrain_assets.lifecycle.spending import spent
from retrain_assets.lifecycle.standing import newest_valid, was_deduced
from retrain_assets.lifecycle.training_window import TrainingWindow, plan_window, stored_training_sets
from retrain_assets.lifecycle.watch import read_drift
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.decision import Decision, TriggerState
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import OutboxRow, Stores


def decide(stores: Stores, model: DeclaredModel, batch: Batch, *, cause: str, now: datetime, run_id: str) -> Decided:
    """Evaluates every trigger as of the batch and records the verdict; the same run decides once.

    A decision to retrain acknowledges the drift episode that it saw, whatever the gate says later. A run that was
    stopped between recording its decision and writing the table leaves the rest to the next one.
    """
    earlier = stores.state.decisions(model.name)
    again = next((made for made in earlier if made.batch == batch.key and made.state.get("run_id") == run_id), None)
    again = again or _unwritten(stores, model, batch, earlier)
    if again is not None:
        return _kept(stores, model, batch, again, run_id=run_id, now=now)
    window = plan_window(stores, model, batch, as_of=batch.as_of)
    # What comes in from here on is for the next decision.
    mark = stores.state.last_outbox_id()
    news = _news(stores, model, earlier, until=mark)
    context = _context(stores, model, batch, window, earlier, news, cause=cause, now=now, until=mark)
    decision = decide_within(stores, model, context, now=now)
    decision = replace(
        decision,
        state={
            **decision.state,
            "run_id": run_id,
            "outbox_id": mark,
            "data_hash": window.data_hash,
            "training_end": window.training_end.isoformat() if window.training_end else None,
        },
    )
    answered = decision.verdict == "retrain" or decision.state.get("hold_answer") == "rejected"
    if answered and context.episode is not None:
        stores.state.save_episode(context.episode.acknowledged(batch.key, window.labelled_until))
    tell(stores, decision, now=now)
    return _record(stores, model, batch, decision, run_id=run_id, now=now)


def _unwritten(stores: Stores, model: DeclaredModel, batch: Batch, made: list[Decision]) -> Decision | None:
    steps = stores.state.steps(model.name, batch.key)
    written = {step.detail["attempt"] for step in steps if step.job == "decide" and step.outcome == "done"}
    own = [decision for decision in made if decision.batch == batch.key and was_deduced(decision)]
    return next((decision for decision in own if decision.attempt not in written), None)


def decide_by_hand(stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime, run_id: str) -> Decision:
    """The record of a person who launched a training set by hand: the trigger `person`, and nothing else asked."""
    made = [decision for decision in stores.state.decisions(model.name) if decision.batch == batch.key]
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
        state={"run_id": run_id, "outbox_id": stores.state.last_outbox_id(), "by_hand": True},
    )
    _record(stores, model, batch, decision, run_id=run_id, now=now)
    return decision


def _context(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    window: TrainingWindow,
    earlier: list[Decision],
    news: list[OutboxRow],
    *,
    cause: str,
    now: datetime,
    until: int,
) -> DecisionContext:
    held = open_hold(earlier)
    current = champion(stores, model, batch.end)
    drift = read_drift(stores, model, batch)
    trained = _ended(stores, model)
    last = trained[-1] if trained else None
    attempt = 1 + sum(decision.batch == batch.key for decision in earlier)
    return DecisionContext(
        spec=model.spec,
        batch=batch,
        attempt=attempt,
        cause=cause,
        now=now,
        champion=current,
        drift=drift,
        episode=_episode(stores, model, drift),
        losses=() if current is None else champion_losses(stores, model, current, as_of=batch.as_of),
        served=served_losses(stores, model, as_of=batch.as_of),
        estimates=() if current is None else unlabelled_estimates(stores, model, current.version, batch=batch),
        holdout=None if current is None else holdout_of(current),
        new_labels=window.rows_after(None if current is None else current.training_end),
        labelled_rows=window.rows,
        trained_rows=None if last is None else last.rows,
        trained_until=None if last is None else last.training_end,
        labelled_until=window.labelled_until,
        retrains=_retrains(stores, model, trained, batch),
        champion_training_hash=None if current is None else registered(stores, model, current.version).training_hash,
        current_training_hash=model.training_hash(),
        data_is_newer=None if last is None else window.data_hash != last.data_hash,
        events=_texts(news, "event"),
        persons=_texts(news, "person"),
        freshness_failed=_stale(stores, model),
        batch_refused=_refused(stores, model, batch),
        wanted_before=_wanted_before(earlier, batch),
        newest_decided=max((decision.batch for decision in earlier), default=None),
        largest_drift=largest_drift(stores, model, batch),
        open_hold=None if held is None else held.batch,
        resumed=() if held is None else said_to(stores, model, held, "resume", until=until),
        rejected=() if held is None else said_to(stores, model, held, "reject", until=until),
        slices=slice_history(stores, model, batch=batch) if model.spec.retrain.slices else (),
        rows_since_change=_rows_since_change(stores, model, drift, window),
        shared=shared_use(stores, model, attempt=attempt_of(batch.key, attempt)),
        spent=spent(stores, model, as_of=batch.as_of),
    )


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
    return Decided(decision=decision, commit=commit)


def decisions_frame(decisions: list[Decision]) -> pd.DataFrame:
    """One row for each trigger of each attempt."""
    rows = [
        {
            "attempt": decision.attempt,
            "verdict": decision.verdict,
            "reason": decision.reason,
            "cause": decision.cause,
            "trigger": trigger.name,
            "fired": trigger.fired,
            "applicable": trigger.applicable,
            "trigger_reason": trigger.reason,
            "retrospective": decision.retrospective,
            "champion_version": decision.champion_version,
            "as_of": pd.Timestamp(decision.as_of),
        }
        for decision in decisions
        for trigger in decision.triggers
    ]
    return pd.DataFrame(rows).astype({"fired": "boolean", "champion_version": "Int64"})


def _news(stores: Stores, model: DeclaredModel, earlier: list[Decision], *, until: int) -> list[OutboxRow]:
    """Requests stay until a retrain answers them: one that a cooldown refused is not forgotten."""
    newest = newest_valid([decision for decision in earlier if decision.verdict == "retrain"])
    watermark = int(newest.state.get("outbox_id", 0)) if newest is not None else 0
    rows = stores.state.outbox(after=watermark, model=model.name, kinds=["event", "person"], limit=10_000)
    return [row for row in rows if row.id <= until]


def _ended(stores: Stores, model: DeclaredModel) -> list[TrainingSet]:
    """Trainings that came to an evaluation: one that crashed was none, and may be tried on the same data."""
    ended = {
        (step.batch, step.detail.get("decision"))
        for step in stores.state.steps(model.name)
        if step.job == "retrain" and step.outcome == "done"
    }
    return [frozen for frozen in stored_training_sets(stores, model) if (frozen.batch, frozen.attempt) in ended]


def _retrains(stores: Stores, model: DeclaredModel, trained: list[TrainingSet], batch: Batch) -> tuple[datetime, ...]:
    """What cooldown and budget count: trainings up to the batch, without those that sought a first champion in vain."""
    log = stores.state.promotions(model.name)
    return tuple(made.as_of for made in trained if log and log[0].as_of <= made.as_of <= batch.as_of)


def _stale(stores: Stores, model: DeclaredModel) -> bool:
    """The policy failed since the last promotion: only a promotion ends that, not a decision that had to wait."""
    rows = stores.state.outbox(model=model.name, kinds=["freshness_failed", "promotion"], limit=1_000_000)
    # Neither a rollback nor a recall brings anything fresh.
    rows = [row for row in rows if row.payload.get("action") not in ("rollback", "recall")]
    return bool(rows) and rows[-1].kind == "freshness_failed"


def _texts(news: list[OutboxRow], kind: str) -> tuple[str, ...]:
    return tuple(str(row.payload.get("text", "")) for row in news if row.kind == kind)


def _episode(stores: Stores, model: DeclaredModel, drift: DriftReport | None) -> Episode | None:
    if drift is None or drift.champion_version is None:
        return None
    mine = [e for e in stores.state.episodes(model.name) if e.champion_version == drift.champion_version]
    return mine[-1] if mine else None


def _rows_since_change(
    stores: Stores, model: DeclaredModel, drift: DriftReport | None, window: TrainingWindow
) -> int | None:
    episode = _episode(stores, model, drift)
    if episode is None or episode.closed_batch is not None:
        return None
    return window.rows_after(model.calendar.batch(episode.opened_batch).start)


def _refused(stores: Stores, model: DeclaredModel, batch: Batch) -> str | None:
    watches = [step for step in stores.state.steps(model.name, batch.key) if step.job == "watch"]
    if not watches:
        return "the batch is missing: it was due and never came"
    if watches[-1].outcome == "done":
        return None
    return str(watches[-1].detail.get("reason", "the watch run failed"))


def _wanted_before(earlier: list[Decision], batch: Batch) -> tuple[bool, ...]:
    """Of each earlier batch the latest decision counts; what came before a retrain is answered."""
    latest = {made.batch: made for made in earlier if not made.retrospective and made.batch < batch.key}
    wanted: list[bool] = []
    for key in sorted(latest):
        wanted = [] if latest[key].verdict == "retrain" else [*wanted, latest[key].state.get("wanted") is True]
    return tuple(wanted)


def _version(promotion: Promotion | None) -> int | None:
    return None if promotion is None else promotion.version
