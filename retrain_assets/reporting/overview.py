"""Where each model stands: told from its declaration and the state database alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from retrain_assets.data.windows import Calendar
from retrain_assets.policy.cron import Cron
from retrain_assets.policy.holds import open_hold
from retrain_assets.promotion.approvals import Hold
from retrain_assets.promotion.log import Promotion
from retrain_assets.promotion.model_moves import ModelMove, out_of_service
from retrain_assets.reporting.adopted import blind_triggers
from retrain_assets.reporting.failing import FailingJob, failing_jobs
from retrain_assets.reporting.unmade import unmade
from retrain_assets.reporting.waiting import WaitingPromotion, read_holds, waiting_promotions
from retrain_assets.spec import ModelSpec, format_duration
from retrain_assets.spec.expressions import age_limit
from retrain_assets.stores.causes import CAUSES, asking, newest_valid
from retrain_assets.stores.contradictions import contradicted
from retrain_assets.stores.source_failures import source_failure
from retrain_assets.stores.tries import DecidedRetrain, decided_retrain, failures_in_a_row, rest_after

if TYPE_CHECKING:
    from retrain_assets.policy.decision import Decision
    from retrain_assets.stores.protocols import OutboxRow, StateStore, Step

Light = Literal["green", "red", "unknown", "not applicable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A trigger that time alone will fire, and when; `clock` is batch time or wall time."""

    trigger: str
    at: datetime
    clock: Literal["batch", "wall"]


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
    `came_back` who took it back for which champion, and why, where it is one of before; `blind_triggers` which declared
    triggers cannot judge it because it was adopted; `away` tells why nothing runs
    under this name any more, `last_retrain` what became of the newest candidate, and why, `lapsed` the same where it
    was held for approval and the platform ended that, `held` since when a retrain is held for a person,
    `failing` which other jobs failed and when they are tried again, `due_now` which job nothing but a free run keeps
    from beginning, `missing` the batches that are due and not there,
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
    retrain_waits: str | None
    failing: tuple[FailingJob, ...]
    due_now: str | None
    next_due: Due | None
    next_batch: str | None
    next_batch_closes: datetime | None
    approvals: tuple[WaitingPromotion, ...]
    contradicted: str | None
    unmade: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What the state database holds of one model; nothing before its first run."""

    steps: Sequence[Step] = ()
    decisions: Sequence[Decision] = ()
    promotions: Sequence[Promotion] = ()
    working: str | None = None
    source_failure: str | None = None
    missing: tuple[str, ...] = ()
    deliveries: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    label_deliveries: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    moves: Sequence[ModelMove] = ()
    holds: Sequence[Hold] = ()
    asked: Sequence[OutboxRow] = ()
    contradicted: str | None = None
    unmade: tuple[str, ...] = ()

    @classmethod
    def read(cls, state: StateStore, spec: ModelSpec, *, now: datetime) -> Records:
        """All records of the model, as they are now."""
        model, log = spec.name, state.promotions(spec.name)
        seen = state.outbox(model=model, kinds=["batch_seen", "labels_seen"], limit=1_000_000)
        decisions = state.decisions(model)
        return cls(
            steps=state.steps(model),
            decisions=decisions,
            promotions=log,
            working=state.lease_owner(model, now=now),
            source_failure=source_failure(state, model),
            missing=_missing(state.outbox(model=model, kinds=["missing", "ingested"], limit=1_000_000), now),
            deliveries={row.batch or "": row.recorded_at for row in seen if row.kind == "batch_seen"},
            label_deliveries={row.batch or "": row.recorded_at for row in seen if row.kind == "labels_seen"},
            moves=[move for move in state.model_moves() if model in (move.model, move.previous)],
            holds=read_holds(state, spec, log),
            asked=asking(state.outbox(model=model, kinds=[*CAUSES], limit=1_000_000), newest_valid(decisions)),
            contradicted=contradicted(state, model),
            unmade=unmade(state, model),
        )


def _missing(rows: Sequence[OutboxRow], now: datetime) -> tuple[str, ...]:
    """The batches that were due and have no rows yet; what a clock told that has gone back since is not."""
    absent: set[str] = set()
    for row in rows:
        if row.kind == "missing":
            if row.recorded_at <= now:
                absent.add(row.batch or "")
        elif not row.payload.get("empty"):
            absent.discard(row.batch or "")
    return tuple(sorted(absent))


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
        health=_health(steps, champion),
        decision=decision.verdict if decision else None,
        decision_batch=decision.batch if decision else None,
        decision_reason=decision.reason if decision else None,
        last_retrain=_last_retrain(steps, records.holds, log),
        lapsed=None if away else _lapsed(steps, records.holds, log),
        held=None if away else _held(spec, records),
        working=records.working,
        source_failure=records.source_failure,
        missing=records.missing,
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


def _judged_last(steps: Sequence[Step]) -> Step | None:
    judged = (step for step in steps if step.job == "retrain" and step.outcome == "done" and "outcome" in step.detail)
    return next(reversed(list(judged)), None)


def _ended_hold(version: int, holds: Sequence[Hold]) -> Hold | None:
    return next((hold for hold in reversed(holds) if hold.request.version == version and not hold.open), None)


def _lapsed(steps: Sequence[Step], holds: Sequence[Hold], log: Sequence[Promotion]) -> str | None:
    """What persons were asked, and what nobody answered in time or no answer counts for any more."""
    last = _judged_last(steps)
    ended = None if last is None else _ended_hold(last.detail["version"], holds)
    return _last_retrain(steps, holds, log) if ended is not None and ended.state in ("void", "expired") else None


def _last_retrain(steps: Sequence[Step], holds: Sequence[Hold], log: Sequence[Promotion]) -> str | None:
    """The newest candidate that was judged; of one that was held or promoted, what became of it since."""
    last = _judged_last(steps)
    if last is None:
        return None
    version, outcome = last.detail["version"], last.detail["outcome"]
    ended_hold = _ended_hold(version, holds)
    if outcome == "held" and ended_hold is not None:
        answer = ended_hold.answers[-1]
        became = "promoted" if ended_hold.promoted else f"{ended_hold.state}: {answer.person}: {answer.reason}"
        return f"v{version} of {last.batch} was held for approval, and is {became}"
    if (
        outcome == "promoted"
        and log[-1:]
        and log[-1].version != version
        and any((before.version, after.action) == (version, "rollback") for before, after in pairwise(log))
    ):
        outcome = "promoted, and rolled back since"
    return f"v{version} of {last.batch} {outcome}: {last.detail['reason']}"


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
    """What comes before the next batch: a decided retrain, else the decision that something asks for."""
    if decision is None or (decided is not None and decided.rest is not None):
        return None
    if decided is not None:
        return f"retrain of {decision.batch}"
    tries = [step for step in records.steps if (step.job, step.batch) == ("decide", decision.batch)]
    resting = rest_after(failures_in_a_row(tries, records.deliveries.get(decision.batch), now), now) is not None
    if resting or not records.asked:
        return None
    return f"decision of {decision.batch} ({CAUSES[records.asked[-1].kind]})"


def next_due(spec: ModelSpec, champion: Promotion | None, reached: datetime) -> Due | None:
    """The first of the declared triggers that time alone will fire; None when only the data can.

    Args:
        spec: The declaration.
        champion: The promotion in force.
        reached: End of the newest batch that was watched: where batch time stands.
    """
    triggers = spec.retrain.expression.names()
    due: list[Due] = []
    ages = {name: spec.freshness.model_age if name == "model_age" else age_limit(name) for name in sorted(triggers)}
    if champion is not None:
        due += [
            Due(trigger=name, at=champion.training_end + limit, clock="batch")
            for name, limit in ages.items() if limit is not None
        ]  # fmt: skip
    if champion is not None and "freshness" in triggers and spec.freshness.champion is not None:
        due.append(Due(trigger="freshness", at=champion.promoted_at + spec.freshness.champion, clock="wall"))
    if "schedule" in triggers and spec.retrain.schedule is not None:
        at = Cron.parse(spec.retrain.schedule).next(reached)
        due += [Due(trigger="schedule", at=at, clock="batch")] if at is not None else []
    # Batch time and wall time are compared as they stand: live, they are the same.
    return min(due, key=lambda each: each.at, default=None)


def _drift(decision: Decision | None) -> Sign:
    found = [each for each in decision.triggers if each.name == "drift"] if decision else []
    if decision is None or not found:
        return Sign(light="unknown", reason="no decision has looked at it yet")
    trigger = found[0]
    if not trigger.applicable:
        return Sign(light="not applicable", reason=trigger.reason, batch=decision.batch)
    light: Light = "unknown" if trigger.fired is None else "red" if trigger.fired else "green"
    return Sign(light=light, reason=trigger.reason, batch=decision.batch)


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


def age(value: timedelta | None) -> str:
    """An age in the largest unit that gives two digits or fewer: `3 weeks`, `45 minutes`.

    >>> age(timedelta(days=23, hours=5))
    '23 days'
    """
    if value is None:
        return ""
    value = max(value, timedelta(0))
    for unit in (timedelta(weeks=1), timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)):
        whole = value // unit
        if whole >= (4 if unit.days == 7 else 2):
            return _plural(whole, unit)
    return f"{int(value.total_seconds())} seconds"


def _plural(number: int, unit: timedelta) -> str:
    name = format_duration(unit).removeprefix("1 ")
    return f"{number} {name}s"
