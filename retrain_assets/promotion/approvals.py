"""A promotion that waits for a person: what was asked, what was answered, and what that comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from retrain_assets.promotion.log import Promotion
from retrain_assets.spec import ApprovalSpec
from retrain_assets.spec.approval import spelt_alike

Verdict = Literal["approve", "reject", "expire", "void"]
"""`expire` and `void` are the platform's own answers: nobody answered in time; what was asked no longer stands."""
ApprovalState = Literal["pending", "approved", "rejected", "expired", "void"]
PLATFORM = "retrain_assets"
"""Who answers where nobody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequest:
    """A hold: exactly this version with exactly this hash, judged against exactly this champion.

    `attempt` tells the requests about one version apart: that of its training at first, and one more each time that
    persons are asked anew, because what they were asked no longer stood.
    """

    id: int
    model: str
    version: int
    model_hash: str
    artifact_hash: str
    batch: str
    attempt: int
    champion_version: int | None
    reason: str
    requested_at: datetime
    expires_at: datetime
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one person said to one request. `proof` tells how far the name can be trusted."""

    approval_id: int
    model: str
    version: int
    verdict: Verdict
    person: str
    proof: str
    reason: str
    answered_at: datetime

    @property
    def shown_proof(self) -> str:
        """The proof without the token that is kept with it."""
        return self.proof.partition(": ")[0]


SIGNED = "signed with the key "


def signed_with(key: str) -> str:
    """The proof of an answer with a token, as it is shown."""
    return f"{SIGNED}{key[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Who has to agree: so many persons, or one of a role.

    Args:
        persons: number of persons whose approval together suffices; None where only the role does.
        role: one person of it suffices alone; None where no role does.
        roles: the role of each person on the list; empty where there is no list.
        keys: the public key of each person on the list, None for none; empty where there is no list.
        signed: names on trust do not count.
    """

    persons: int | None = 1
    role: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict[str, str])
    keys: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    signed: bool = False

    def accepts(self, answer: Answer) -> bool:
        """Whether the declaration of now would take the answer: who gave it is on the list, and proved the name."""
        if self.keys and answer.person not in self.keys:
            return False
        key = self.keys.get(answer.person)
        return not self.signed or (key is not None and answer.shown_proof == signed_with(key))

    def met_by(self, persons: Sequence[str]) -> bool:
        """Whether the approval of these persons suffices.

        >>> Requirement(persons=2, role="lead", roles={"ann": "lead"}).met_by(["ann"])
        True
        >>> Requirement(persons=2).met_by(["ann", "Ann", "\uff41nn"])
        False
        >>> Requirement(persons=None, role="lead", roles={"ann": "lead"}).met_by(["bob", "eve", "dan"])
        False
        """
        if self.role is not None and any(self.roles.get(person) == self.role for person in persons):
            return True
        return self.persons is not None and len({spelt_alike(person) for person in persons}) >= self.persons

    def __str__(self) -> str:
        if self.persons is None:
            return f"one {self.role}"
        enough = f"{self.persons} person{'' if self.persons == 1 else 's'}"
        return enough if self.role is None else f"one {self.role} or {enough}"


def approval_state(request: ApprovalRequest, answers: Sequence[Answer], requirement: Requirement) -> ApprovalState:
    """What the answers come to, in the order in which they were given: the first that settles it stands.

    A hold whose time has passed is pending until the platform has answered `expire`: it does so before anything is
    carried out. An approval counts as far as the requirement accepts it.
    """
    approved: list[str] = []
    for answer in answers:
        if answer.approval_id != request.id:
            continue
        if answer.verdict == "reject":
            return "rejected"
        if answer.verdict == "expire":
            return "expired"
        if answer.verdict == "void":
            return "void"
        if answer.answered_at < request.expires_at and requirement.accepts(answer):
            approved.append(answer.person)
        if requirement.met_by(approved):
            # What was approved in time is void all the same once the platform found that it no longer stands.
            voided = any(each.approval_id == request.id and each.verdict == "void" for each in answers)
            return "void" if voided else "approved"
    return "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A request with what it has come to; `promoted`: the version was promoted by it."""

    request: ApprovalRequest
    state: ApprovalState
    answers: tuple[Answer, ...]
    promoted: bool

    @property
    def ready(self) -> bool:
        """Persons agreed, and nobody has carried it out yet."""
        return self.state == "approved" and not self.promoted

    @property
    def ended_by(self) -> str:
        """Who ended it, and why; of one that was not answered there is nothing to tell."""
        last = self.answers[-1]
        return f"{self.state} by {last.person}: {last.reason}"

    @property
    def open(self) -> bool:
        """It may still lead to a promotion."""
        return not self.promoted and self.state in ("pending", "approved")


def requirement_of(spec: ApprovalSpec) -> Requirement:
    """Who has to agree, by the declaration of now."""
    persons = 1 if spec.persons is None and spec.role is None else spec.persons
    keys = {name: approver.key for name, approver in spec.approvers.items()}
    return Requirement(persons=persons, role=spec.role, roles=spec.roles, keys=keys, signed=spec.names == "signed")


def holds_of(
    requests: Sequence[ApprovalRequest], answers: Sequence[Answer], log: Sequence[Promotion], spec: ApprovalSpec
) -> list[Hold]:
    """All requests of a model in their order, each with its answers and what they come to.

    What was carried out was approved by the declaration of then, and stays so whatever is declared later.
    """
    promoted = {promotion.evidence.get("approval") for promotion in log}
    requirement = requirement_of(spec)
    return [
        Hold(
            request=request,
            state="approved" if request.id in promoted else approval_state(request, answers, requirement),
            answers=tuple(answer for answer in answers if answer.approval_id == request.id),
            promoted=request.id in promoted,
        )
        for request in requests
    ]
