"""One batch of one model, run in this process because a person asked for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG, RUN_KEY_TAG

from retrain_assets.errors import DataError, LeaseHeldError, RefusedError
from retrain_assets.lifecycle import next_job, poll_sources, resting
from retrain_assets.lifecycle.ledger import held_by
from retrain_assets.lifecycle.standing import read_standing
from retrain_assets.orchestration import names
from retrain_assets.orchestration.component import build_retraining_definitions
from retrain_assets.orchestration.driver import Driver, Ran, error_of
from retrain_assets.orchestration.ended import note_ended_run
from retrain_assets.promotion.model_moves import out_of_service
from retrain_assets.stores.source_failures import source_failure

if TYPE_CHECKING:
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.lifecycle.records import NextJob
    from retrain_assets.stores.protocols import Stores


def run_batch(instance: dg.DagsterInstance, model: DeclaredModel, batch: str | None = None) -> Iterator[Ran]:
    """Runs what is due for the model up to the end of one batch: the next one, or the one named.

    A batch that was decided before is watched and decided again, and a retrain that this decides is run. What an
    interrupted run of the batch left to do is done first, and then is all.

    Raises:
        ValueError: the key is not one of a batch.
        LeaseHeldError: another run works on the model.
        RefusedError: the model was retired, or has another name.
        DataError: there is nothing to run, or the named batch did not arrive or is not over: then nothing runs.
    """
    definitions = build_retraining_definitions(model.spec, root=model.root)
    driver = Driver(instance, definitions, {model.name: model})
    driver.recover()
    _refuse_if_barred(driver.stores, model)
    asked = None if batch is None else model.calendar.batch(batch).key
    if asked is not None:
        _refuse_if_absent(driver.stores, model, asked)
    if asked is not None and _was_run(driver.stores, model, asked) and not _unfinished(driver.stores, model, asked):
        yield from _again(driver, model, asked)
        if not _unfinished(driver.stores, model, asked):
            return
    while True:
        for ran in _until_decided(driver, model, asked):
            yield ran
            if _finished(driver.stores, model, ran, asked):
                return
        if not _noted_end(instance, driver.stores, model):
            raise DataError(_nothing(instance, driver.stores, model, asked))


def _until_decided(driver: Driver, model: DeclaredModel, asked: str | None) -> Iterator[Ran]:
    for ran in driver.until_idle():
        yield ran
        if _finished(driver.stores, model, ran, asked):
            return


def _refuse_if_barred(stores: Stores, model: DeclaredModel) -> None:
    away = out_of_service(stores.state.model_moves(), model.name)
    if away is not None:
        raise RefusedError(away)
    owner = stores.state.lease_owner(model.name, now=datetime.now(UTC))
    if owner is not None:
        raise LeaseHeldError(held_by(model.name, owner))


def _refuse_if_absent(stores: Stores, model: DeclaredModel, asked: str) -> None:
    """A batch that cannot be run costs none of the runs before it; a missing one is decided as such."""
    now, end = datetime.now(UTC), model.calendar.batch(asked).end
    if end > now:
        raise DataError(
            f"batch {asked} of {model.name} cannot be run before it ends, at {end:%Y-%m-%d %H:%M} UTC: "
            "its rows are not all there."
        )
    _look(stores, model, now=now)
    standing = read_standing(stores, model, now=now)
    if asked not in {*standing.seen, *standing.watched, *(standing.missing - standing.decided(now))}:
        raise DataError(_absent(stores, model, asked))


def _look(stores: Stores, model: DeclaredModel, *, now: datetime) -> None:
    """Notes what its source, its labels and its events show that was not seen before."""
    poll_sources(stores, [model], now=now, budget_seconds=0, start=0, clock=time.monotonic)


def _unfinished(stores: Stores, model: DeclaredModel, batch: str) -> bool:
    """The next job is one of this batch: an interrupted run left it, or the decision was to retrain.

    A watch of a batch that was decided before, as of a file that changed, is none: what the agenda decides after it
    is the newest batch, and this one would never be. Nor is another decision of it, as of a declaration that changed:
    it would repeat why the batch was refused, which watching it again may not.
    """
    now = datetime.now(UTC)
    due = next_job(stores, model, now=now)
    if due is None or due.batch != batch or due.job == "settle":
        return False
    return due.job == "retrain" or batch not in read_standing(stores, model, now=now).decided(now)


def _was_run(stores: Stores, model: DeclaredModel, batch: str) -> bool:
    """It was watched, or decided without rows: those may have come since."""
    now = datetime.now(UTC)
    standing = read_standing(stores, model, now=now)
    return batch in {*standing.watched, *standing.decided(now)}


def _watched(stores: Stores, model: DeclaredModel) -> set[str]:
    return {step.batch for step in stores.state.steps(model.name) if step.job == "watch"}


def _finished(stores: Stores, model: DeclaredModel, ran: Ran, asked: str | None) -> bool:
    """The batch is decided, and the retrain that was decided has run."""
    if ran.job not in ("decide", "retrain") or (asked is not None and ran.batch != asked):
        return False
    due = next_job(stores, model, now=datetime.now(UTC))
    return due is None or due.job != "retrain"


def _run_of(instance: dg.DagsterInstance, due: NextJob | None) -> dg.DagsterRun | None:
    """The run that has the key of a job: no other one gets it."""
    return None if due is None else next(iter(instance.get_runs(dg.RunsFilter(tags={RUN_KEY_TAG: due.run_key}))), None)


def _noted_end(instance: dg.DagsterInstance, stores: Stores, model: DeclaredModel) -> bool:
    """Whether the due job has another key now: its run ended before it began, and the ledger was not told of it."""
    due = next_job(stores, model, now=datetime.now(UTC))
    run = _run_of(instance, due)
    if due is None or run is None or run.status not in (dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE):
        return False
    interrupted = run.status is dg.DagsterRunStatus.CANCELED
    reason = f"run {run.run_id} ended as {run.status.value}"
    note_ended_run(stores, model, due.job, run, reason=reason, interrupted=interrupted)
    following = next_job(stores, model, now=datetime.now(UTC))
    return following is None or following.run_key != due.run_key


def _nothing(instance: dg.DagsterInstance, stores: Stores, model: DeclaredModel, asked: str | None) -> str:
    now = datetime.now(UTC)
    rest = resting(stores, model, now=now)
    if rest is not None:
        return f"nothing of {model.name} can be run now: {rest.reason}, and what follows waits for it."
    due = next_job(stores, model, now=now)
    run = _run_of(instance, due)
    if due is not None and run is not None and not run.is_finished:
        return (
            f"the {due.job} of {model.name}'s batch {due.batch} is under way: run {run.run_id} is "
            f"{run.status.value}. Wait for its end, or terminate it in the UI."
        )
    if due is not None and run is not None and run.is_success:
        return (
            f"the {due.job} of {model.name}'s batch {due.batch} is due, and Dagster has run it already "
            f"({due.run_key}), which the state database does not know: it was lost or replaced while Dagster's "
            "history was kept. Restore it from a backup, or begin with an empty home."
        )
    watched = max(_watched(stores, model), default=None)
    following = model.calendar.next(model.calendar.batch(watched)) if watched else model.calendar.first
    missing = asked or (following.key if following else None)
    if missing is None:
        return f"{model.name} has no batch left to run: the last one, {watched}, is done."
    return _absent(stores, model, missing)


def _absent(stores: Stores, model: DeclaredModel, batch: str) -> str:
    failure = source_failure(stores.state, model.name)
    if failure is not None:
        return f"batch {batch} of {model.name} cannot be run, because its source cannot be looked at: {failure}"
    return (
        f"batch {batch} of {model.name} cannot be run: its source has nothing for it yet{_where(model)}, or it comes "
        "after a gap."
    )


def _where(model: DeclaredModel) -> str:
    """Where files are looked for, as it is declared: the environment and a URL may hold a secret."""
    source = model.spec.source
    if source.type != "files" or not isinstance(source.path, str) or "://" in source.path:
        return ""
    begins_elsewhere = source.path.startswith(("/", "{home}"))
    return f" (looked for {source.path!r}{'' if begins_elsewhere else f' in {str(model.root)!r}'})"


def _again(driver: Driver, model: DeclaredModel, batch: str) -> Iterator[Ran]:
    jobs: tuple[names.Job, ...] = ("watch", "decide")
    for job in jobs:
        started = time.monotonic()
        result = driver.execute(
            names.job_name(model.name, job),
            {
                names.MODEL_TAG: model.name,
                names.JOB_TAG: job,
                names.CAUSE_TAG: "person",
                PARTITION_NAME_TAG: batch,
            },
        )
        yield Ran(
            sensor="by hand",
            model=model.name,
            job=job,
            batch=batch,
            run_id=result.run_id,
            success=result.success,
            seconds=time.monotonic() - started,
            error=error_of(result),
        )
