"""Where each model stands: told from its declaration and the state database alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from retrain_assets.data.windows import Calendar
from retrain_assets.policy.holds import open_hold
from retrain_assets.promotion.log import Promotion
from retrain_assets.promotion.model_moves import out_of_service
from retrain_assets.reporting.adopted import blind_triggers
from retrain_assets.reporting.due import Due, next_due
from retrain_assets.reporting.failing import FailingJob, failing_jobs
from retrain_assets.reporting.judged_otherwise import judged_otherwise
from retrain_assets.reporting.last_retrain import lapsed, last_retrain
from retrain_assets.reporting.records import Records
from retrain_assets.reporting.waiting import WaitingPromotion, waiting_promotions
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.causes import CAUSES, newest_valid
from retrain_assets.stores.tries import DecidedRetrain, decided_retrain, failures_in_a_row, rest_after

if TYPE_CHECKING:
    from retrain_assets.policy.decision import Decision
    from retrain_assets.stores.protocols import Step

Light = Literal["green", "red", "unknown", "not applicable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One verdict with its reason."""

    light: Light
    reason: str
    batch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOverview:
    """One line of `retrain-assets status`.

    `model_age` is batch time since the champion's training end, `champion_age` wall time since its promotion,
    `drifted_columns` which drifted in a table that has not,
    `came_back` who took it back for which champion, and why, where it is one of before; `blind_triggers` which declared
    triggers cannot judge it because it was adopted; `away` tells why nothing runs
    under this name any more, `last_retrain` what became of the newest candidate, and why, `lapsed` the same where it
    was held for approval and the platform ended that, `held` since when a retrain is held for a person,
    `failing` which other jobs failed and when they are tried again, `due_now` which job nothing but a free run keeps
    from beginning, `missing` the batches that are due and not there, `judged_otherwise` which were refused by another
    declaration,
    `contradicted` what the registry said against the record when it was last asked, `unmade` which rollback or recall
    of the platform did not come about.
    """

    model: str
    task: str
    metric: str
    state: Literal["not started", "bootstrapping", "serving", "retired", "renamed"]
    away: str | None
    champion: int | None
    champion_since: datetime | None
    champion_age: timedelta | None
    came_back: str | None
    blind_triggers: str | None
    model_age: timedelta | None
    promotions: int
    last_batch: str | None
    last_batch_outcome: str | None
    drift: Sign
    drifted_columns: str | None
    health: Sign
    decision: str | None
    decision_batch: str | None
    decision_reason: str | None
    last_retrain: str | None
    lapsed: str | None
    held: str | None
    working: str | None
    source_failure: str | None
    missing: tuple[str, ...]
    judged_otherwise: str | None
    retrain_waits: str | None
    failing: tuple[FailingJob, ...]
    due_now: str | None
    next_due: Due | None
    next_batch: str | None
    next_batch_closes: datetime | None
    approvals: tuple[WaitingPromotion, ...]
    contradicted: str | None
    unmade: tuple[str, ...]


def _state(
    name: str, records: Records, *, away: bool
) -> Literal["not started", "bootstrapping", "serving", "retired", "renamed"]:
    if away:
        return "retired" if any(move.model == name for move in records.moves) else "renamed"
    return "serving" if records.promotions else "bootstrapping" if records.steps else "not started"


def overview(spec: ModelSpec, records: Records, *, now: datetime) -> ModelOverview:
    """Where the model stands now."""
    steps, decisions, log = records.steps, records.decisions, records.promotions
    watches = [step for step in steps if step.job == "watch"]
    last = max(reversed(watches), key=lambda step: step.batch, default=None)  # of one batch: how it was watched last
    # A retrospective decision, of an older batch that came again, says nothing of where the model stands.
    decision = newest_valid(decisions)
    champion = log[-1] if log else None
    calendar = Calendar(spec.batches)
    seen = None if last is None else calendar.batch(last.batch)
    away = out_of_service(records.moves, spec.name)
    following = None if away else calendar.first if seen is None else calendar.next(seen)
    decided = _decided(spec, decision, records, now)
    return ModelOverview(
        model=spec.name,
        task=spec.task,
        metric=spec.metric,
        state=_state(spec.name, records, away=away is not None),
        away=away,
        champion=champion.version if champion else None,
        champion_since=champion.promoted_at if champion else None,
        champion_age=now - champion.promoted_at if champion else None,
        came_back=_came_back(log),
        blind_triggers=None if away else blind_triggers(spec, log),
        model_age=seen.end - champion.training_end if champion and seen else None,
        promotions=len(log),
        last_batch=last.batch if last else None,
        last_batch_outcome=last.outcome if last else None,
        drift=_drift(decision),
        drifted_columns=_drifted_columns(decision),
        health=_health(steps, champion),
        decision=decision.verdict if decision else None,
        decision_batch=decision.batch if decision else None,
        decision_reason=decision.reason if decision else None,
        last_retrain=last_retrain(steps, records.holds, log, now=now),
        lapsed=None if away else lapsed(steps, records.holds),
        held=None if away else _held(spec, records),
        working=records.working,
        source_failure=records.source_failure,
        missing=records.missing,
        judged_otherwise=None if away else judged_otherwise(spec, steps),
        retrain_waits=None if decided is None or decided.rest is None else decided.rest.reason,
        failing=() if away else _failing(records, now),
        due_now=None if away else _due_now(decision, decided, records, now),
        next_due=None if away else next_due(spec, champion, seen.end if seen else spec.batches.start),
        next_batch=following.key if following else None,
        next_batch_closes=following.end if following else None,
        approvals=waiting_promotions(spec, records.holds, now=now),
        contradicted=records.contradicted,
        unmade=records.unmade,
    )


def _came_back(log: Sequence[Promotion]) -> str | None:
    """How an earlier champion came to serve again; None of one that was promoted or adopted."""
    if len(log) < 2 or log[-1].action not in ("rollback", "recall"):
        return None
    return f"{log[-1].action} from v{log[-2].version} by {log[-1].actor}: {log[-1].reason}"


def _held(spec: ModelSpec, records: Records) -> str | None:
    """The hold that no person has answered: later decisions wait for other reasons, and it is open all the same."""
    began = open_hold(records.decisions)
    if began is None or any(row.kind in ("hold_resumed", "hold_rejected") for row in records.asked):
        return None
    return (
        f"a retrain is held for a person since {began.batch}: `retrain-assets hold {spec.name} --resume` or `--reject` "
        "answers"
    )


def _failing(records: Records, now: datetime) -> tuple[FailingJob, ...]:
    return failing_jobs(
        records.steps,
        records.decisions,
        delivered=records.deliveries,
        labels_delivered=records.label_deliveries,
        now=now,
    )


def _decided(spec: ModelSpec, decision: Decision | None, records: Records, now: datetime) -> DecidedRetrain | None:
    """The retrain that was decided and has not ended."""
    batch = None if decision is None else decision.batch
    steps = [step for step in records.steps if step.batch == batch and step.job == "retrain"]
    since = records.deliveries.get(batch or "")
    return decided_retrain(spec.retrain, decision, steps, since=since, now=now)


def _due_now(decision: Decision | None, decided: DecidedRetrain | None, records: Records, now: datetime) -> str | None:
    """What comes before the next batch: a decided retrain, a decision that something asks for, a batch that came anew.

    Where that is the batch to be decided, its watch comes before the decision.
    """
    if decided is not None:
        return None if decision is None or decided.rest is not None else f"retrain of {decision.batch}"
    newest = "" if decision is None else decision.batch
    failing = {each.batch for each in _failing(records, now) if each.job == "watch"}
    anew = [batch for batch in records.unread if batch not in failing]
    tries = [step for step in records.steps if (step.job, step.batch) == ("decide", newest)]
    resting = rest_after(failures_in_a_row(tries, records.deliveries.get(newest), now), now) is not None
    if records.asked and newest and not resting and newest not in anew:
        return f"decision of {newest} ({CAUSES[records.asked[-1].kind]})"
    first = newest if records.asked and newest in anew else min(anew, default=None)
    return None if first is None else f"watch of {first} (delivered anew)"


def _drift(decision: Decision | None) -> Sign:
    found = [each for each in decision.triggers if each.name == "drift"] if decision else []
    if decision is None or not found:
        return Sign(light="unknown", reason="no decision has looked at it yet")
    trigger = found[0]
    if not trigger.applicable:
        return Sign(light="not applicable", reason=trigger.reason, batch=decision.batch)
    light: Light = "unknown" if trigger.fired is None else "red" if trigger.fired else "green"
    return Sign(light=light, reason=trigger.reason, batch=decision.batch)


def _drifted_columns(decision: Decision | None) -> str | None:
    """What has drifted in a table that has not: one broken column asks for no retrain, and for a person's look."""
    names = [] if decision is None else [str(name) for name in decision.state.get("drifted", ())]
    sign = _drift(decision)
    if decision is None or not names or sign.light != "green":
        return None
    named = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    said = f"{len(names)} drifted ({named}), too few for drift by drift.columns_share"
    return f"columns of {decision.batch}: {said}; a source may be broken"


def _health(steps: Sequence[Step], champion: Promotion | None) -> Sign:
    settled = [step for step in steps if step.job == "settle" and step.outcome == "done"]
    if not settled:
        return Sign(light="unknown", reason="no labels have matured yet")
    last = settled[-1]
    if champion is not None and champion.action in ("rollback", "recall") and champion.promoted_at >= last.finished_at:
        # At the same moment: the settling itself went back, from the champion whose labels it had measured.
        said = f"v{champion.version} came back after batch {last.batch}, the newest with matured labels, was measured"
        return Sign(light="unknown", reason=said, batch=last.batch)
    health = last.detail.get("health")
    light: Light = "unknown" if health is None else "green" if health else "red"
    compared = "with its loss on holdout rows when it was promoted"
    reason = f"batch {last.batch} compared {compared}" if health is not None else f"batch {last.batch} cannot tell yet"
    return Sign(light=light, reason=str(last.detail.get("reason") or reason), batch=last.batch)
