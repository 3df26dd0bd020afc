"""The signature of an answer is kept with it, so that it can be held to the key again at any later time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from retrain_assets.errors import RefusedError
from retrain_assets.promotion.approvals import SIGNED, Answer, ApprovalRequest, signed_with
from retrain_assets.promotion.audit import Fault
from retrain_assets.promotion.tokens import verify


def proof_of(key: str, token: str) -> str:
    """The proof of an answer with a token: the sentence that is shown, then key and token."""
    return f"{signed_with(key)}: {key}.{token.strip()}"


def unproven(answer: Answer, request: ApprovalRequest, names: Collection[str], *, key: str | None = None) -> str | None:
    """Why an answer that claims a signature has none; None where it has one, or claims none.

    Args:
        answer: what was recorded.
        request: what was asked.
        names: that the model had: a token names the one of its time.
        key: the public key that must have signed; by default the one that the record names, which shows that the
            answer was not changed, but not that the key is that of the person.
    """
    if not answer.proof.startswith(SIGNED):
        return None
    claimed, _, kept = answer.proof.partition(": ")
    named, _, token = kept.partition(".")
    if not token or claimed != signed_with(named):
        return f"the answer of {answer.person} claims a signature that was not kept with it"
    said = ""
    for name in {request.model, *names}:
        try:
            verify(token, replace(request, model=name), answer.person, answer.verdict, key or named)
        except (RefusedError, ValueError) as error:
            said = f"the answer of {answer.person} is not signed as it claims: {error}"
        else:
            return None
    return said


def find_unproven(
    answers: Sequence[Answer], requests: Sequence[ApprovalRequest], names: Collection[str]
) -> list[Fault]:
    """Recorded answers that claim a signature which they do not have."""
    asked = {request.id: request for request in requests}
    reasons = [unproven(answer, asked[answer.approval_id], names) for answer in answers if answer.approval_id in asked]
    return [Fault(sequence=None, message=reason) for reason in reasons if reason is not None]
