"""`champion`: the promotion log moves on evidence; the registry's alias follows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from retrain_assets.data.windows import Batch
from retrain_assets.errors import DataError, GateNotPassedError, IntegrityError, MissingUpstreamError, NotStoredError
from retrain_assets.lifecycle.approval_record import approval_text
from retrain_assets.lifecycle.approving import evidence_of, seek_consent, void_if_asked
from retrain_assets.lifecycle.champions import newest_watched_end, registered
from retrain_assets.lifecycle.evaluating import candidate_of
from retrain_assets.lifecycle.judged import changed_since
from retrain_assets.lifecycle.ledger import record_step
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.promoted_before import back_to, outcome_of, settled_before
from retrain_assets.lifecycle.proving import prove
from retrain_assets.lifecycle.recalling import recall, tell_what_is_left
from retrain_assets.lifecycle.reconciling import project, project_nobody
from retrain_assets.lifecycle.records import Promoted, TrainingSet
from retrain_assets.lifecycle.training_window import latest_training_set, stored_training_sets
from retrain_assets.lifecycle.versions import barred, move, show_challenger, show_stage, stage_of
from retrain_assets.lifecycle.waiting import settle_requests, void, void_outdated
from retrain_assets.lifecycle.watch import read_validated
from retrain_assets.lifecycle.withholding import withholding
from retrain_assets.promotion.approvals import PLATFORM, ApprovalRequest
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.gates import GateReport, evaluate_gates
from retrain_assets.promotion.identity import hashes_of
from retrain_assets.promotion.log import Promotion
from retrain_assets.promotion.recall import recall_of
from retrain_assets.promotion.silent import why_silent
from retrain_assets.reporting.model_card import APPROVALS
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelVersion
from retrain_assets.training.golden import golden_rows


@withholding
def promote(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    *,
    now: datetime,
    run_id: str,
    approved: ModelVersion | None = None,
) -> Promoted:
    """Promotes the newest candidate of the batch if its evaluation passed every required gate; else nothing changes.

    The evaluation must have judged exactly this version: that of another one says nothing of it. Before the log moves,
    the version is loaded from the registry and scores rows of the batch. Safe to repeat: a version that was promoted
    from this attempt is not promoted twice, unless it was rolled back since and a person cleared it: then it is judged
    anew, against the champion of now.

    Args:
        stores: all stores.
        model: the declared model.
        batch: that of the evaluation.
        now: wall time.
        run_id: of the run that promotes.
        approved: the candidate of the newest attempt that persons approved, where it is not the newest one.
    """
    frozen = latest_training_set(stores, model, batch)
    version = approved or candidate_of(stores, model, frozen)
    if version is None:
        raise MissingUpstreamError(f"candidate of {model.name} {batch}", f"{model.name}/candidate partition {batch}")
    report = read_evaluation(stores, model, batch, frozen.attempt)
    log = stores.state.promotions(model.name)
    outcome = settled_before(stores, model, log, frozen, version) or _judge(
        stores, model, batch, frozen, version, report, log, now=now
    )
    tell_what_is_left(stores, model, report, outcome.history, now=now)
    _close(stores, model, batch, frozen, version, outcome, now=now, run_id=run_id)
    return outcome


@withholding
def assert_champion(stores: Stores, model: DeclaredModel, *, now: datetime, run_id: str) -> Promoted:
    """`champion` by hand: promotes the newest evaluation that passed and was not carried out, else asserts who is.

    Raises:
        GateNotPassedError: there is no champion, and no evaluation that passed.
    """
    carried = carry_out(stores, model, now=now, run_id=run_id)
    if carried is not None:
        return carried
    for frozen in reversed(stored_training_sets(stores, model)):
        version = candidate_of(stores, model, frozen)
        log = stores.state.promotions(model.name)
        if version is None:
            continue
        champions = [kept.version for kept in log]
        if version.version in champions and settled_before(stores, model, log, frozen, version) is not None:
            break
        try:
            return promote(stores, model, model.calendar.batch(frozen.batch), now=now, run_id=run_id)
        except MissingUpstreamError:
            continue
    log = stores.state.promotions(model.name)
    if not log:
        raise GateNotPassedError(
            f"{model.name} has no champion and no evaluation that passed its gates: "
            f"launch the job {model.name}__retrain for a batch that was decided"
        )
    project(stores, model, log[-1], now=now)
    return Promoted(
        promotion=None,
        current=log[-1],
        reason=f"v{log[-1].version} stays champion: nothing newer has passed",
        history=tuple(log),
    )


def carry_out(stores: Stores, model: DeclaredModel, *, now: datetime, run_id: str) -> Promoted | None:
    """Promotes what persons approved and nobody has promoted yet, and what expired is rejected; None for nothing.

    Each goes through all that a promotion goes through: a version whose evaluation compared with another champion,
    which is gone, or whose files are no longer what was approved, is void, and holds no other up. Of several the one
    that was trained last goes first; once it is champion, the others are void.

    Raises:
        StoreError: a store is out of reach; what was approved stays so.
    """
    made: Promoted | None = None
    for request in sorted(settle_requests(stores, model, now=now), key=lambda asked: asked.version, reverse=True):
        made = _carry_out(stores, model, request, now=now, run_id=run_id)
        if made.promotion is not None:
            break
    return made


def _carry_out(
    stores: Stores, model: DeclaredModel, request: ApprovalRequest, *, now: datetime, run_id: str
) -> Promoted:
    batch = model.calendar.batch(request.batch)
    try:
        trained = registered(stores, model, request.version)
        if latest_training_set(stores, model, batch).attempt == trained.attempt:
            return promote(stores, model, batch, now=now, run_id=run_id, approved=trained)
        reason = f"batch {batch} was trained again since: another attempt is judged now"
    except (DataError, IntegrityError, NotStoredError) as error:
        # What was approved is not there, or is something else: asking again cannot help, as it may of an outage.
        reason = str(error)
    void(stores, model, request, reason, now=now)
    log = stores.state.promotions(model.name)
    return Promoted(promotion=None, current=log[-1] if log else None, reason=reason, history=tuple(log))


def read_evaluation(stores: Stores, model: DeclaredModel, batch: Batch, attempt: int) -> EvaluationReport:
    """The evaluation report of an attempt."""
    missing = MissingUpstreamError(
        f"evaluation_report of {model.name} {batch} attempt {attempt}",
        f"{model.name}/evaluation_report partition {batch}",
    )
    try:
        table = stores.tables.read(model.table("evaluation_report"), [batch.key])
    except NotStoredError:
        raise missing from None
    if not (table["attempt"] == attempt).any():
        raise missing
    return EvaluationReport.from_frame(table, model=model.name, batch=batch.key, attempt=attempt)


def _judge(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    frozen: TrainingSet,
    version: ModelVersion,
    report: EvaluationReport,
    log: list[Promotion],
    *,
    now: datetime,
) -> Promoted:
    current = log[-1] if log else None
    other = _judged_another(report, version) or changed_since(stores, report)
    if other is not None:
        void_if_asked(stores, model, version, other, now=now)
        return Promoted(promotion=None, current=current, reason=other, history=tuple(log))
    # Where the champion cannot be asked, a candidate that passes as a first model would is held for a person.
    alone = report.role("champion") is None or why_silent(report) is not None
    gates = evaluate_gates(report, model.spec.promote, bootstrapping=alone)
    refusal = _refusal(stores, model, batch, version, gates, current, report)
    wish = recall_of(report, candidate_passed=gates.passed)
    recalled = recall(stores, model, batch, report, wish, log, now=now) if wish is not None and log else None
    if recalled is not None:
        void_if_asked(stores, model, version, recalled.reason, now=now)
        return recalled
    consent = None if refusal is not None else seek_consent(stores, model, version, report, gates, current, now=now)
    if consent is None or not consent.given:
        void_if_asked(stores, model, version, refusal, now=now)
        return Promoted(
            promotion=None,
            current=current,
            reason=refusal or (consent.reason if consent else ""),
            history=tuple(log),
            hold=None if consent is None else consent.pending,
        )
    evidence = evidence_of(report, gates) | _identity(stores, version) | dict(consent.evidence)
    promotion = stores.state.append_promotion(
        _link(stores, model, batch, frozen, version, current, reason=gates.reason, evidence=evidence, now=now)
    )
    return Promoted(promotion=promotion, current=promotion, reason=gates.reason, history=(*log, promotion))


def _link(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    frozen: TrainingSet,
    version: ModelVersion,
    current: Promotion | None,
    *,
    reason: str,
    evidence: dict[str, Any],
    now: datetime,
) -> Promotion:
    return Promotion(
        id=0,
        model=model.name,
        version=version.version,
        action="promote",
        previous_id=None if current is None else current.id,
        batch=batch.key,
        attempt=frozen.attempt,
        # What was watched while persons thought about it, or nobody tried again, is the champion's of then.
        as_of=newest_watched_end(stores, model, batch.end),
        training_end=version.training_end,
        actor=PLATFORM,
        reason=reason,
        promoted_at=now,
        evidence=evidence,
    )


def _judged_another(report: EvaluationReport, version: ModelVersion) -> str | None:
    """Why the evaluation says nothing of the version: another one was trained before or after it on the same data."""
    judged = report.role("candidate")
    if judged is not None and judged.version == version.version:
        return None
    whom = "no candidate" if judged is None else f"v{judged.version}"
    return f"the evaluation judged {whom}, not v{version.version}: evaluate again"


def _refusal(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    version: ModelVersion,
    gates: GateReport,
    current: Promotion | None,
    report: EvaluationReport,
) -> str | None:
    """Why the version is not promoted; None when it is."""
    if gates.passed is not True:
        return gates.reason
    twin = barred(stores, model).get(version.model_hash)
    if twin is not None:
        return (
            f"{version} is the model of v{twin}, which was rolled back: it is not promoted again by itself; "
            f"`retrain-assets clear {model.name} {twin} --reason ...` allows it again"
        )
    judged_against = report.role("champion")
    incumbent = None if judged_against is None else judged_against.version
    if incumbent != (None if current is None else current.version):
        if current is not None and current.caused_by == (version.batch, version.attempt):
            # The run was stopped after it had promoted, and came again; or a person trained once more.
            return f"v{current.version} is champion by the same training set already: {version} is trained on it again"
        return (
            f"the evaluation compared with {f'v{incumbent}' if incumbent else 'no champion'}, but "
            f"{f'v{current.version}' if current else 'nobody'} is champion now: evaluate again"
        )
    if current is not None and current.as_of > batch.end:
        older = f"{version} was trained for batch {batch}, older than the promotion of v{current.version}"
        was_champion = any(kept.version == version.version for kept in stores.state.promotions(model.name))
        return f"{older}: {back_to(model, version.version)}" if was_champion else older
    proven, reason = prove(stores, model, version, golden_rows(read_validated(stores, model, batch)))
    return None if proven else reason


def _identity(stores: Stores, version: ModelVersion) -> dict[str, Any]:
    """What exactly was promoted: hashes of the model, its files, its data and its declaration, and the code."""
    return {
        **hashes_of(version),
        "code_version": stores.registry.load(version).manifest.code_version,
    }


def _close(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    frozen: TrainingSet,
    version: ModelVersion,
    outcome: Promoted,
    *,
    now: datetime,
    run_id: str,
) -> None:
    void_outdated(stores, model, now=now)
    if outcome.current is None:
        project_nobody(stores, model, now=now)
    else:
        project(stores, model, outcome.current, now=now)
    verdict = outcome_of(stores, model, frozen, version, outcome)
    if verdict in ("rejected", "recalled") and stage_of(stores, model, version.version) in ("candidate", "challenger"):
        move(stores, model, version.version, "retired", outcome.reason, now=now)
        show_stage(stores, model.name, version.version, "retired")
    show_challenger(stores, model)
    stores.registry.log(
        version.run_id,
        tags={"retrain_assets.outcome": verdict, "retrain_assets.reason": outcome.reason},
        texts={APPROVALS: approval_text(stores, model, version)},
    )
    stores.registry.end_run(version.run_id, "FINISHED")
    record_step(
        stores, model, batch, "retrain",
        outcome="done", cause=frozen.cause, as_of=batch.as_of, now=now, run_id=run_id,
        detail={"decision": frozen.attempt, "version": version.version, "outcome": verdict, "reason": outcome.reason},
    )  # fmt: skip
