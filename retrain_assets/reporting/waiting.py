"""Promotions that wait, for persons or to be carried out: told from the state database alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from retrain_assets.promotion.approvals import Hold, holds_of, requirement_of

if TYPE_CHECKING:
    from retrain_assets.promotion.log import Promotion
    from retrain_assets.spec import ModelSpec
    from retrain_assets.stores.protocols import StateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPromotion:
    """A version that passed its gates and is not champion yet; `until` is None where nobody has to answer any more."""

    version: int
    state: Literal["pending", "approved", "expired"]
    until: datetime | None
    text: str


def read_holds(state: StateStore, spec: ModelSpec, log: Sequence[Promotion]) -> list[Hold]:
    """The holds of a model; most models never had one."""
    requests = state.approvals(spec.name)
    return holds_of(requests, state.answers(spec.name), log, spec.promote.approval) if requests else []


def waiting_promotions(spec: ModelSpec, holds: Sequence[Hold], *, now: datetime) -> tuple[WaitingPromotion, ...]:
    """What waits now, in the order in which it was asked."""
    return tuple(_waiting(spec, hold, now) for hold in holds if hold.open)


def _waiting(spec: ModelSpec, hold: Hold, now: datetime) -> WaitingPromotion:
    version, until = hold.request.version, hold.request.expires_at
    if hold.state == "approved":
        text = f"v{version} is approved, to be carried out"
        return WaitingPromotion(version=version, state="approved", until=None, text=text)
    if now >= until:
        text = f"v{version} waited for approval until {until:%Y-%m-%d %H:%M} UTC, and is to be rejected"
        return WaitingPromotion(version=version, state="expired", until=until, text=text)
    requirement = requirement_of(spec.promote.approval)
    given = sum(answer.verdict == "approve" and requirement.accepts(answer) for answer in hold.answers)
    needed = f"{requirement}; {given} approved" if given else ""
    text = f"v{version} waits for approval until {until:%Y-%m-%d %H:%M} UTC" + (f" (of {needed})" if needed else "")
    return WaitingPromotion(version=version, state="pending", until=until, text=text)
