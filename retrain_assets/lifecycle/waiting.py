"""Promotions that wait: which there are, and what ends them without a person."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from retrain_assets.errors import RefusedError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.versions import move, stage_of
from retrain_assets.promotion.approvals import PLATFORM, Answer, ApprovalRequest, Hold, Verdict, holds_of
from retrain_assets.promotion.log import Promotion
from retrain_assets.promotion.stages import stages
from retrain_assets.stores.protocols import StateStore, Stores


def holds(state: StateStore, model: DeclaredModel) -> list[Hold]:
    """All requests of a model, in order."""
    return holds_of(
        state.approvals(model.name),
        state.answers(model.name),
        state.promotions(model.name),
        model.spec.promote.approval,
    )


def settle_requests(stores: Stores, model: DeclaredModel, *, now: datetime) -> list[ApprovalRequest]:
    """Ends the holds whose time has passed or whose champion has left; returns the approved ones to be carried out."""
    void_outdated(stores, model, now=now)
    ready: list[ApprovalRequest] = []
    standing = stages(stores.state.stage_moves(model.name))
    for hold in holds(stores.state, model):
        if hold.state == "pending" and now >= hold.request.expires_at:
            reason = f"nobody settled it by {hold.request.expires_at:%Y-%m-%d %H:%M} UTC"
            # The stage first, as where one is void.
            leave(stores, model, hold.request, f"expired: {reason}", now=now)
            _platform_says(stores, hold.request, "expire", reason, now=now)
        elif hold.state == "rejected" and standing.get(hold.request.version) == "challenger":
            # Who rejected it was killed between the answer, which alone is the person's word, and the stage.
            leave(stores, model, hold.request, hold.ended_by, now=now)
        elif hold.ready:
            ready.append(hold.request)
    return ready


def void_outdated(stores: Stores, model: DeclaredModel, *, now: datetime) -> list[ApprovalRequest]:
    """Voids what persons were asked, or agreed to, while another was champion; returns it.

    An approval means: better than the champion with whom it was compared. Persons are asked anew once the version was
    evaluated against the champion of now.
    """
    log = stores.state.promotions(model.name)
    current = log[-1] if log else None
    champion = None if current is None else current.version
    opened = [hold.request for hold in holds(stores.state, model) if hold.open]
    if stores.state.promotions(model.name) != log:
        return []  # a promotion was made while this looked, perhaps by one of these: it voids the others itself
    found = [request for request in opened if request.champion_version != champion]
    for request in found:
        void(stores, model, request, _outdated(request, current), now=now)
    return found


def _outdated(request: ApprovalRequest, current: Promotion | None) -> str:
    asked = f"v{request.champion_version}" if request.champion_version else "nobody"
    serves = f"v{current.version}" if current else "nobody"
    if current is not None and current.action == "promote" and current.version > request.version:
        return f"superseded: {serves} was trained later, and is champion now instead of {asked}"
    return (
        f"{asked} was champion when persons were asked, and {serves} is now: evaluate batch {request.batch} again, "
        "then materialize `champion`, and they are asked anew"
    )


def void(stores: Stores, model: DeclaredModel, request: ApprovalRequest, reason: str, *, now: datetime) -> None:
    """What was asked no longer stands: an approval of it is worth nothing any more, and the version is retired."""
    # The stage first: killed in between, the request is still open and comes here again.
    leave(stores, model, request, f"void: {reason}", now=now)
    _platform_says(stores, request, "void", reason, now=now)


def leave(stores: Stores, model: DeclaredModel, request: ApprovalRequest, reason: str, *, now: datetime) -> None:
    """The version waits no longer."""
    if stage_of(stores, model, request.version) in ("candidate", "challenger"):
        move(stores, model, request.version, "retired", reason, now=now)


def _platform_says(stores: Stores, request: ApprovalRequest, verdict: Verdict, reason: str, *, now: datetime) -> None:
    """Two that look at once say it once."""
    with suppress(RefusedError):
        stores.state.record_answer(
            Answer(
                approval_id=request.id,
                model=request.model,
                version=request.version,
                verdict=verdict,
                person=PLATFORM,
                proof="the platform itself",
                reason=reason,
                answered_at=now,
            )
        )
