"""What is known as of a batch, gathered for its decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from retrain_assets.data.windows import Batch
from retrain_assets.drift.episodes import Episode
from retrain_assets.drift.report import DriftReport
from retrain_assets.lifecycle.champions import champion, registered
from retrain_assets.lifecycle.charting import champion_chart
from retrain_assets.lifecycle.estimating import unlabelled_estimates
from retrain_assets.lifecycle.first_losses import first_losses
from retrain_assets.lifecycle.history import holdout_of, losses_in, performance_table, served_losses, told_since
from retrain_assets.lifecycle.holding import largest_drift, rejected_until, said_to
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.outgrown import unscored
from retrain_assets.lifecycle.records import TrainingSet
from retrain_assets.lifecycle.sharing import attempt_of, shared_use
from retrain_assets.lifecycle.slicing import slice_history
from retrain_assets.lifecycle.spending import spent
from retrain_assets.lifecycle.standing import decided_by, newest_valid, was_deduced
from retrain_assets.lifecycle.training_window import TrainingWindow, stored_training_sets
from retrain_assets.lifecycle.watch import read_drift
from retrain_assets.performance.decay import BatchLoss
from retrain_assets.performance.loss_chart import ChartReading
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.decision import Decision
from retrain_assets.policy.due import due_since
from retrain_assets.policy.holds import open_hold
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import OutboxRow, Step, Stores
from retrain_assets.stores.source_failures import source_failure


def gather_facts(
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
    """Everything that a decision of the batch may look at, as of its end.

    `earlier` are the decisions before it, as they ended; `until` is the newest outbox row that it sees.
    """
    held = open_hold(earlier)
    current = champion(stores, model, batch.end)
    drift = read_drift(stores, model, batch)
    trained = _ended(stores, model, batch)
    last = trained[-1] if trained else None
    measured = performance_table(stores, model)
    losses = (
        ()
        if current is None
        else losses_in(measured, model, current.version, told_since(model, current), as_of=batch.as_of)
    )
    attempt = 1 + sum(decision.batch == batch.key for decision in earlier)
    return DecisionContext(
        spec=model.spec,
        batch=batch,
        attempt=attempt,
        cause=cause,
        now=now,
        champion=current,
        drift=drift,
        episode=_unanswered(episode_of(stores, model, drift), earlier),
        losses=losses,
        served=served_losses(measured, model, as_of=batch.as_of),
        firsts=first_losses(stores, model, current, trained, measured, as_of=batch.as_of),
        estimates=() if current is None else unlabelled_estimates(stores, model, current.version, batch=batch),
        holdout=None if current is None else holdout_of(current),
        new_labels=window.rows_after(None if current is None else current.training_end),
        labelled_rows=window.rows,
        judging=window.judging,
        trained_rows=None if last is None else last.rows,
        trained_until=None if last is None else last.training_end,
        labelled_until=window.labelled_until,
        retrains=_retrains(stores, model, trained),
        champion_training_hash=None if current is None else registered(stores, model, current.version).training_hash,
        current_training_hash=model.training_hash(),
        data_is_newer=None if last is None else _is_newer(stores, model, window, last),
        events=_texts(news, "event"),
        events_unseen=None
        if model.spec.retrain.events is None
        else source_failure(stores.state, model.name, of="events", until=until),
        persons=_texts(news, "person"),
        freshness_failed=_stale(stores, model),
        batch_refused=_refused(stores, model, batch),
        unscored=None if current is None else unscored(stores, model, batch, current.version),
        wanted_before=_wanted_before(earlier, batch),
        due_since=due_since(earlier, batch, lambda key: model.calendar.batch(key).start),
        newest_decided=_newest_decided(stores, model, earlier, now),
        largest_drift=largest_drift(stores, model, batch),
        open_hold=None if held is None else held.batch,
        resumed=() if held is None else said_to(stores, model, held, "resume", until=until),
        rejected=() if held is None else said_to(stores, model, held, "reject", until=until),
        slices=slice_history(stores, model, batch=batch) if model.spec.retrain.slices else (),
        chart=_chart(stores, model, current, losses, batch),
        rows_since_change=_rows_since_change(stores, model, drift, window),
        shared=shared_use(stores, model, earlier, attempt=attempt_of(batch.key, attempt)),
        spent=spent(stores, model, as_of=batch.as_of),
    )


def _chart(
    stores: Stores, model: DeclaredModel, current: Promotion | None, losses: Sequence[BatchLoss], batch: Batch
) -> ChartReading | None:
    """Of losses always, which is cheap; of rows only where a decision asks."""
    retrain = model.spec.retrain
    asked = retrain.chart.reads == "loss" or "loss_chart" in retrain.expression.names()
    return champion_chart(stores, model, current, losses, as_of=batch.as_of) if asked else None


def _newest_decided(stores: Stores, model: DeclaredModel, earlier: list[Decision], now: datetime) -> str | None:
    watched = {step.batch for step in stores.state.steps(model.name) if step.job == "watch"}
    return max(decided_by(earlier, watched, now), default=None)


def requests(stores: Stores, model: DeclaredModel, earlier: list[Decision], *, until: int) -> list[OutboxRow]:
    """Requests stay until a retrain or a person's rejection answers them: what a cooldown refused is not forgotten."""
    newest = newest_valid([decision for decision in earlier if decision.verdict == "retrain"])
    watermark = max(_seen_by(newest), rejected_until(stores, model, earlier))
    rows = stores.state.outbox(after=watermark, model=model.name, kinds=["event", "person"], limit=10_000)
    return [row for row in rows if row.id <= until]


def as_they_ended(stores: Stores, model: DeclaredModel, decisions: list[Decision]) -> list[Decision]:
    """The decisions; of those to retrain, one whose retrain came to no end stands as one that waited.

    It crashed as often as it may, another decision took its place before it could begin, or there were no rows yet to
    train on. What had asked for it was answered by nothing, and asks again at the next decision. One that was stopped
    after it had promoted has come to its end.
    """
    ended: dict[str, list[Step]] = defaultdict(list)
    for step in stores.state.steps(model.name):
        if step.job == "retrain" and step.outcome == "done":
            ended[step.batch].append(step)
    promoted = _promoted(stores, model)

    def came_to_an_end(made: Decision) -> bool:
        steps = ended[made.batch]
        told = any(step.detail.get("decision", made.attempt) == made.attempt for step in steps)
        return told or (made.batch, made.attempt) in promoted

    return [
        made
        if made.verdict != "retrain" or not was_deduced(made) or came_to_an_end(made)
        else replace(made, verdict="wait")
        for made in decisions
    ]


def _unanswered(episode: Episode | None, earlier: list[Decision]) -> Episode | None:
    """The episode, not acknowledged where the decision that did so came to nothing."""
    answered = {
        made.batch for made in earlier if made.verdict == "retrain" or made.state.get("hold_answer") == "rejected"
    }
    if episode is None or episode.acknowledged_batch is None or episode.acknowledged_batch in answered:
        return episode
    return replace(episode, acknowledged_batch=None, acknowledged_score=None, acknowledged_early=False)


def _seen_by(decision: Decision | None) -> int:
    """The newest outbox row that a decision saw."""
    return 0 if decision is None else int(decision.state.get("outbox_id", 0))


def _ended(stores: Stores, model: DeclaredModel, batch: Batch) -> list[TrainingSet]:
    """Trainings up to the batch that came to an evaluation: one that crashed was none, and may be tried on its data."""
    ended = {
        (step.batch, step.detail.get("decision"))
        for step in stores.state.steps(model.name)
        if step.job == "retrain" and step.outcome == "done"
    } | _promoted(stores, model)
    return [
        frozen
        for frozen in stored_training_sets(stores, model)
        if (frozen.batch, frozen.attempt) in ended and frozen.as_of <= batch.as_of
    ]


def _promoted(stores: Stores, model: DeclaredModel) -> set[tuple[str, int]]:
    """Batch and attempt of the retrains that changed the champion, which is written before their step is."""
    return {made.caused_by for made in stores.state.promotions(model.name)}


def _retrains(stores: Stores, model: DeclaredModel, trained: list[TrainingSet]) -> tuple[datetime, ...]:
    """What cooldown and budget count: not those that sought a first champion in vain."""
    log = stores.state.promotions(model.name)
    if not log:
        return ()
    # One that was promoted late is champion from later than it was trained for.
    named = (log[0].batch, log[0].attempt)
    since = next((made.as_of for made in trained if (made.batch, made.attempt) == named), log[0].as_of)
    return tuple(made.as_of for made in trained if since <= made.as_of)


def _is_newer(stores: Stores, model: DeclaredModel, window: TrainingWindow, last: TrainingSet) -> bool:
    """Whether a training would differ from the last attempt: by its labelled batches, or by what is declared now."""
    made = stores.state.model_versions(model.name)
    declared = {(version.batch, version.attempt): version.training_hash for version in made}
    return window.data_hash != last.data_hash or model.training_hash() != declared.get(
        (last.batch, last.attempt), model.training_hash()
    )


def _stale(stores: Stores, model: DeclaredModel) -> bool:
    """The policy failed since the last promotion: only a promotion ends that, not a decision that had to wait."""
    rows = stores.state.outbox(model=model.name, kinds=["freshness_failed", "promotion"], limit=1_000_000)
    # Neither a rollback nor a recall brings anything fresh.
    rows = [row for row in rows if row.payload.get("action") not in ("rollback", "recall")]
    return bool(rows) and rows[-1].kind == "freshness_failed"


def _texts(news: list[OutboxRow], kind: str) -> tuple[str, ...]:
    return tuple(str(row.payload.get("text", "")) for row in news if row.kind == kind)


def episode_of(stores: Stores, model: DeclaredModel, drift: DriftReport | None) -> Episode | None:
    """The newest drift episode against the champion of a report."""
    if drift is None or drift.champion_version is None:
        return None
    mine = [e for e in stores.state.episodes(model.name) if e.champion_version == drift.champion_version]
    return mine[-1] if mine else None


def _rows_since_change(
    stores: Stores, model: DeclaredModel, drift: DriftReport | None, window: TrainingWindow
) -> int | None:
    episode = episode_of(stores, model, drift)
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
