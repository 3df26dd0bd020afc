"""A recall: the evaluation found an earlier champion better than the newest, and it takes over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from retrain_assets.data.windows import Batch
from retrain_assets.errors import DataError, StoreError
from retrain_assets.lifecycle.champions import newest_watched_end, registered
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.proving import prove
from retrain_assets.lifecycle.records import Promoted
from retrain_assets.lifecycle.versions import barred, stage_of
from retrain_assets.lifecycle.watch import read_validated
from retrain_assets.lifecycle.withholding import words_of
from retrain_assets.promotion.approvals import PLATFORM
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.identity import HASHES
from retrain_assets.promotion.log import Promotion
from retrain_assets.promotion.measures import chosen
from retrain_assets.promotion.recall import LEFT_TO_A_PERSON, Recall, back_by
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.golden import golden_rows


def recall(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    report: EvaluationReport,
    wish: Recall,
    log: Sequence[Promotion],
    *,
    now: datetime,
) -> Promoted | None:
    """Puts the earlier champion in force from the end of the newest batch that was watched.

    None where a rule forbids it, which is told. The candidate is then judged as ever. Where persons have to agree to
    promotions the platform recalls nothing by itself: `rollback --to` is theirs.
    """
    current = log[-1]
    forbidden = _forbidden(stores, model, batch, report, wish, current)
    if forbidden is not None:
        _tell(stores, report, wish.version, wish.reason, forbidden, now=now)
        return None
    before = next(made for made in reversed(log) if made.version == wish.version)
    made = stores.state.append_promotion(
        Promotion(
            id=0,
            model=model.name,
            version=wish.version,
            action="recall",
            previous_id=current.id,
            batch=before.batch,
            attempt=before.attempt,
            as_of=newest_watched_end(stores, model, batch.end),
            training_end=before.training_end,
            actor=PLATFORM,
            reason=wish.reason,
            promoted_at=now,
            evidence=_evidence(report, wish, before, batch),
        )
    )
    return Promoted(promotion=made, current=made, reason=wish.reason, history=(*log, made))


def tell_what_is_left(
    stores: Stores, model: DeclaredModel, report: EvaluationReport, log: Sequence[Promotion], *, now: datetime
) -> None:
    """That an earlier champion was found better which `promote.recall` does not reach: a person may put it in force.

    Told after the candidate's promotion, which what was told before it does not outlive; and only as long as nothing
    else came after the comparison.
    """
    champion = report.role("champion")
    own = bool(log) and log[-1].caused_by == (report.batch, report.attempt) and log[-1].action == "promote"
    before = log[:-1] if own else log
    if champion is None or not before or before[-1].version != champion.version:
        return
    for left in chosen(report.measures, "recall", LEFT_TO_A_PERSON):
        version, declared = int(left.group.removeprefix("v")), model.spec.promote.recall
        _tell(stores, report, version, left.reason, f"promote.recall is {declared}", now=now)


def _tell(stores: Stores, report: EvaluationReport, version: int, text: str, failed: str, *, now: datetime) -> None:
    payload = {"version": version, "text": text, "failed": failed}
    key = f"{report.batch}/{report.attempt}"
    stores.state.append_outbox("recall_not_made", report.model, batch=report.batch, payload=payload, key=key, now=now)


def _forbidden(
    stores: Stores, model: DeclaredModel, batch: Batch, report: EvaluationReport, wish: Recall, current: Promotion
) -> str | None:
    if model.spec.promote.approval.when != "never":
        return (
            f"promote.approval is `{model.spec.promote.approval.when}`: a person may put it in force with "
            f"`{back_by(model.name, wish.version)}`; without --may-return v{current.version}, which leaves, stays out "
            f"until `retrain-assets clear {model.name} {current.version} --reason ...`"
        )
    champion = report.role("champion")
    if champion is None or champion.version != current.version or current.as_of > batch.end:
        return f"v{current.version} is champion now, with which the evaluation did not compare"
    version = registered(stores, model, wish.version)
    if version.model_hash in barred(stores, model) or stage_of(stores, model, wish.version) == "rolled_back":
        return f"v{wish.version} was rolled back since"
    try:
        proven, said = prove(stores, model, version, golden_rows(read_validated(stores, model, batch)))
    except (DataError, StoreError) as error:
        return words_of(error, model)
    return None if proven else said


def _evidence(report: EvaluationReport, wish: Recall, before: Promotion, batch: Batch) -> dict[str, Any]:
    """What the recall rests on: this evaluation, and of the version what was known of it when it was promoted."""
    best = next(each for each in report.earlier if each.version == wish.version)
    return {
        "holdout": asdict(best.metric(report.metric)),
        "differences": [asdict(pair) for pair in report.differences if pair.version == wish.version],
        "gates": [asdict(gate) for gate in wish.gates],
        "measures": [asdict(each) for each in report.measures if each.kind == "recall"],
        "rows": report.rows,
        "batches": list(report.batches),
        "recalled": {"batch": batch.key, "attempt": report.attempt, "by_promotion": before.id},
        **{name: before.evidence[name] for name in (*HASHES, "code_version") if name in before.evidence},
    }
