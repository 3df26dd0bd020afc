"""A promotion that waits for persons: they are asked, and answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from retrain_assets.errors import RefusedError
from retrain_assets.lifecycle.cards import shown_card
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.reasons import require_reason
from retrain_assets.lifecycle.versions import move, stage_of
from retrain_assets.lifecycle.waiting import holds, leave, settle_requests, void
from retrain_assets.performance.expected import expectable
from retrain_assets.promotion.approvals import (
    PLATFORM,
    Answer,
    ApprovalRequest,
    Hold,
    Verdict,
    requirement_of,
)
from retrain_assets.promotion.change import Change, large
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.gates import GateReport
from retrain_assets.promotion.log import Promotion
from retrain_assets.promotion.measures import value_of
from retrain_assets.promotion.power import holdout_evidence
from retrain_assets.promotion.proofs import proof_of, unproven
from retrain_assets.promotion.silent import why_silent
from retrain_assets.promotion.tokens import verify
from retrain_assets.spec import ApprovalSpec
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelVersion

SHORTEST_HASH = 8
"""Digits of a model's hash that an answer must repeat at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Whether a promotion may be made now, what of it stands in its evidence, and what persons are still asked."""

    given: bool
    pending: ApprovalRequest | None = None
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])


def seek_consent(
    stores: Stores,
    model: DeclaredModel,
    version: ModelVersion,
    report: EvaluationReport,
    gates: GateReport,
    current: Promotion | None,
    *,
    now: datetime,
) -> Consent:
    """Whether the declaration or the persons whom it names allow the promotion; where they must be asked, asks them.

    The hold is a row: no worker waits. Asked before, the answer of then stands, unless it is void or was carried out
    before: then persons are asked anew.
    """
    settle_requests(stores, model, now=now)
    spec = model.spec.promote.approval
    asked = _asked(stores, model, version)
    why = hold_reason(report, spec, bootstrapping=current is None)
    if asked is None and why is None:
        return Consent(given=True)
    request = asked or stores.state.request_approval(
        ApprovalRequest(
            id=0,
            model=model.name,
            version=version.version,
            model_hash=version.model_hash,
            artifact_hash=version.artifact_hash,
            batch=version.batch,
            attempt=_next_attempt(stores, version),
            champion_version=None if current is None else current.version,
            reason=why or "",
            requested_at=now,
            expires_at=now + spec.expires,
            evidence=evidence_of(report, gates) | {"card": shown_card(stores, version)},
        )
    )
    hold = next(each for each in holds(stores.state, model) if each.request.id == request.id)
    if hold.state == "pending" and stage_of(stores, model, version.version) in (None, "candidate", "retired"):
        move(stores, model, version.version, "challenger", f"waits for approval: {request.reason}", now=now)
    forged = _forged(stores, model, hold) if hold.state == "approved" else None
    if forged is not None:
        void(stores, model, request, forged, now=now)
        return Consent(given=False, reason=forged)
    return _consent(model, version, hold)


def _forged(stores: Stores, model: DeclaredModel, hold: Hold) -> str | None:
    """Why an approval that claims a signature is none, by the keys declared now; None where all are genuine."""
    names = {entry.model for entry in stores.state.audit_entries(model.name)}
    declared = model.spec.promote.approval.approvers
    for given in hold.answers:
        key = declared[given.person].key if given.person in declared else None
        if (said := unproven(given, hold.request, names, key=key)) is not None:
            return said
    return None


def hold_reason(report: EvaluationReport, spec: ApprovalSpec, *, bootstrapping: bool) -> str | None:
    """Why persons must be asked; None where nobody must. Of a champion that cannot be asked they always must."""
    silent = why_silent(report)
    if silent is not None:
        return f"{silent}: the gates against it could not be judged"
    if spec.when == "never":
        return None
    if spec.when == "always":
        return "promote.approval is `always`"
    if bootstrapping:
        return None
    return large(
        Change(
            churn=value_of(report.measures, "change", "churn"),
            negative_flips=value_of(report.measures, "change", "negative_flips"),
            score_shift=value_of(report.measures, "change", "score_shift"),
        ),
        spec.large_change,
    )


def answer(
    stores: Stores,
    model: DeclaredModel,
    version: int,
    *,
    verdict: Verdict,
    model_hash: str,
    person: str,
    reason: str,
    token: str | None,
    now: datetime,
) -> Hold:
    """Records what a person says to the hold of exactly this version; it is carried out afterwards, not here.

    Raises:
        RefusedError: nothing is asked of this version, it is too late, the hash is another, the person may not answer,
            has answered, does not prove the name as declared, or gives no reason.
    """
    require_reason(reason)
    settle_requests(stores, model, now=now)
    found = [hold for hold in holds(stores.state, model) if hold.request.version == version]
    if not found:
        raise RefusedError(f"nobody is asked about {model.name} v{version}: see `retrain-assets approval list`")
    hold = found[-1]
    request = hold.request
    if hold.state != "pending":
        why = f" ({hold.answers[-1].reason})" if hold.state == "void" else ""
        raise RefusedError(f"{model.name} v{version} is {hold.state} already{why}: an answer comes too late")
    if len(model_hash) < SHORTEST_HASH or not request.model_hash.startswith(model_hash):
        raise RefusedError(
            f"the answer is for the model {model_hash!r}, but {model.name} v{version} is {request.model_hash[:16]}: "
            f"name at least {SHORTEST_HASH} digits of the hash that was judged"
        )
    person = person.strip()
    proof = prove_name(model.spec.promote.approval, request, person, verdict, token)
    stores.state.record_answer(
        Answer(
            approval_id=request.id,
            model=model.name,
            version=version,
            verdict=verdict,
            person=person,
            proof=proof,
            reason=reason,
            answered_at=now,
        )
    )
    settled = next(each for each in holds(stores.state, model) if each.request.id == request.id)
    if settled.state == "rejected":
        leave(stores, model, request, settled.ended_by, now=now)
    return settled


def prove_name(spec: ApprovalSpec, request: ApprovalRequest, person: str, verdict: Verdict, token: str | None) -> str:
    """How far the name of who answers can be trusted, as a sentence that stands in the record.

    Raises:
        RefusedError: the person is not on the list, or does not prove the name as declared.
    """
    if not person.strip() or not person.isprintable() or person == PLATFORM:
        raise RefusedError(f"an answer needs the name of a person, in characters that can be seen (got {person!r})")
    if spec.approvers and person not in spec.approvers:
        raise RefusedError(
            f"{person} may not answer: promote.approval.approvers names {', '.join(spec.approvers)}; "
            "who answers gives the name that stands there"
        )
    key = spec.approvers[person].key if person in spec.approvers else None
    if token is None and spec.names == "on_trust":
        return "the name was taken on trust, as promote.approval.names declares"
    if key is None:
        raise RefusedError(f"a token proves nothing of {person}: promote.approval.approvers names no key of that name")
    if token is None:
        raise RefusedError(
            f"{person} must prove the name with a token: `retrain-assets approval sign {request.model} "
            f"{request.version} --person {person} --key FILE` makes one with the private key, and so do `approve` and "
            "`reject` with --key"
        )
    verify(token, request, person, verdict, key)
    return proof_of(key, token)


def void_if_asked(
    stores: Stores, model: DeclaredModel, version: ModelVersion, refusal: str | None, *, now: datetime
) -> None:
    """A version that is refused by now is no longer to be approved; an approval that was carried out stays."""
    asked = _asked(stores, model, version)
    if refusal is not None and asked is not None:  # for one that was rejected or has expired it changes nothing
        void(stores, model, asked, refusal, now=now)


def evidence_of(report: EvaluationReport, gates: GateReport) -> dict[str, Any]:
    """What a promotion rests on."""
    return {
        "holdout": holdout_evidence(report, expectable(report.metric)),
        "differences": [asdict(difference) for difference in report.differences],
        "gates": [asdict(result) for result in gates.results],
        "measures": [asdict(measure) for measure in report.measures],
        "rows": report.rows,
        "batches": list(report.batches),
    }


def _asked(stores: Stores, model: DeclaredModel, version: ModelVersion) -> ApprovalRequest | None:
    """The newest request about exactly this version; None where it is void, or was carried out."""
    wanted = (version.version, version.model_hash, version.artifact_hash)
    own = [
        hold
        for hold in holds(stores.state, model)
        if (hold.request.version, hold.request.model_hash, hold.request.artifact_hash) == wanted
    ]
    return own[-1].request if own and own[-1].state != "void" and not own[-1].promoted else None


def _next_attempt(stores: Stores, version: ModelVersion) -> int:
    """The number that keeps a request apart from those before it about the same version."""
    asked = [request.attempt for request in stores.state.approvals(version.model) if request.version == version.version]
    return max(asked, default=version.attempt - 1) + 1


def _consent(model: DeclaredModel, version: ModelVersion, hold: Hold) -> Consent:
    request = hold.request
    needed = requirement_of(model.spec.promote.approval)
    if hold.state == "approved":
        given = [answer for answer in hold.answers if answer.verdict == "approve" and needed.accepts(answer)]
        evidence = {
            "approval": request.id,
            "approved_by": [answer.person for answer in given],
            "approval_proofs": [answer.shown_proof for answer in given],
        }
        return Consent(given=True, evidence=evidence)
    if hold.state == "pending":
        reason = (
            f"passed, and held for approval by {needed} until {request.expires_at:%Y-%m-%d %H:%M} UTC: "
            f"{request.reason}. `retrain-assets approve {model.name} {version.version} "
            f"--hash {version.model_hash[:12]}`, or the job {model.name}__answer"
        )
        return Consent(given=False, pending=request, reason=reason)
    last = hold.answers[-1]
    return Consent(given=False, reason=f"passed, but {hold.state}: {last.person}: {last.reason}")
