"""Answers that prove who gave them: signed with the person's Ed25519 key (RFC 8032) over exactly one version.

A token is `payload.signature`, both base64url. The payload names person, verdict, model, version, model hash and the
number of the request, so that it is worth nothing for any other.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from retrain_assets.errors import RefusedError
from retrain_assets.promotion.approvals import ApprovalRequest, Verdict
from retrain_assets.promotion.audit import canonical


def make_key() -> tuple[str, str]:
    """A new private key and its public key, each as 64 hexadecimal digits."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    return private.private_bytes_raw().hex(), private.public_key().public_bytes_raw().hex()


def sign(request: ApprovalRequest, person: str, verdict: Verdict, private_key: str) -> str:
    """The token with which a person answers a request.

    Raises:
        ValueError: the key is none.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    payload = canonical(_said(request, person, verdict)).encode()
    signature = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private_key)).sign(payload)
    return f"{_text(payload)}.{_text(signature)}"


def verify(token: str, request: ApprovalRequest, person: str, verdict: Verdict, public_key: str) -> None:
    """Holds a token to the request, the person and the verdict that it is given for.

    Raises:
        RefusedError: it is no token, of another key, or for something else.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    payload, signature = _parts(token)
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(signature, payload)
    except InvalidSignature:
        raise RefusedError(f"the token was not signed with the key that is declared for {person}") from None
    wanted = _said(request, person, verdict)
    found: Mapping[str, Any] = json.loads(payload)
    wrong = [name for name in wanted if found.get(name) != wanted[name]]
    if wrong:
        said = ", ".join(f"{name} {found.get(name)!r} instead of {wanted[name]!r}" for name in wrong)
        raise RefusedError(f"the token is for something else: {said}")


def _said(request: ApprovalRequest, person: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "request": request.id,
        "model": request.model,
        "version": request.version,
        "model_hash": request.model_hash,
        "artifact_hash": request.artifact_hash,
        "person": person,
        "verdict": verdict,
    }


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _parts(token: str) -> tuple[bytes, bytes]:
    try:
        payload, signature = (
            base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.strip().split(".")
        )
    except (ValueError, binascii.Error):
        raise RefusedError(
            "this is no token: it must be the line that `retrain-assets approval sign` printed"
        ) from None
    return payload, signature
