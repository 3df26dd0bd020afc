"""What an evaluation came to, noted in the state database: edited rows of `evaluation_report` promote nobody."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from retrain_assets.promotion.audit import record_hash
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.stores.protocols import Stores

EVALUATED = "evaluated"
"""Outbox kind of an evaluation: its batch, its attempt and the hash of what the decision reads of it."""


def note(stores: Stores, report: EvaluationReport, *, now: datetime) -> None:
    """Keeps the hash of an evaluation, unless the newest one of the attempt came to the same."""
    made = _hash(EvaluationReport.from_frame(report.to_frame(), model=report.model, batch=report.batch))
    if _noted(stores, report) != made:
        payload = {"attempt": report.attempt, "hash": made}
        stores.state.append_outbox(EVALUATED, report.model, batch=report.batch, payload=payload, now=now)


def changed_since(stores: Stores, report: EvaluationReport) -> str | None:
    """Why the rows that were read are no evidence; None where they are what the evaluation wrote."""
    noted = _noted(stores, report)
    if noted == _hash(report):
        return None
    what = "nobody noted that it was made" if noted is None else "it is not what was written: somebody changed it"
    return (
        f"the stored evaluation of batch {report.batch} attempt {report.attempt} is no evidence, {what}: evaluate again"
    )


def _noted(stores: Stores, report: EvaluationReport) -> str | None:
    rows = stores.state.outbox(model=report.model, kinds=[EVALUATED], limit=1_000_000)
    own = [row for row in rows if (row.batch, row.payload["attempt"]) == (report.batch, report.attempt)]
    return own[-1].payload["hash"] if own else None


def _hash(report: EvaluationReport) -> str:
    # The name is that of now: a model that was renamed keeps its evaluations.
    return record_hash(asdict(report) | {"model": ""})
