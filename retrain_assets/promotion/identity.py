"""What exactly a version is, by its hashes: the record vouches for the row that says where its files lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from retrain_assets.promotion.audit import Fault

if TYPE_CHECKING:
    from retrain_assets.promotion.approvals import ApprovalRequest
    from retrain_assets.promotion.log import Promotion
    from retrain_assets.training.bundle import ModelVersion

HASHES = ("model_hash", "artifact_hash", "data_hash", "training_hash")
"""Of a version; each stands in the evidence of its promotions, which the audit chain covers."""


def hashes_of(version: ModelVersion) -> dict[str, str]:
    """The hashes that tell a version from every other."""
    return {name: getattr(version, name) for name in HASHES}


def changed(version: ModelVersion, recorded: Mapping[str, Any]) -> str | None:
    """Which hashes of a version are not those that the record names; None where all that it names are the same."""
    wrong = [name for name in HASHES if name in recorded and recorded[name] != getattr(version, name)]
    if not wrong:
        return None
    said = ", ".join(f"{name} {getattr(version, name)[:12]} instead of {str(recorded[name])[:12]}" for name in wrong)
    return f"{version} is not what was registered: {said}"


def find_changed(
    versions: Sequence[ModelVersion], log: Sequence[Promotion], requests: Sequence[ApprovalRequest]
) -> list[Fault]:
    """Versions that are gone, or another, since they were promoted or persons were asked about them."""
    known = {version.version: version for version in versions}
    found: dict[str, None] = {}
    for what, number, recorded in _told(log, requests):
        if number not in known:
            found[f"v{number}, of which {what} tells, is not among the registered versions"] = None
        elif (said := changed(known[number], recorded)) is not None:
            found[f"{said} (by {what})"] = None
    return [Fault(sequence=None, message=message) for message in found]


def _told(
    log: Sequence[Promotion], requests: Sequence[ApprovalRequest]
) -> Iterable[tuple[str, int, Mapping[str, Any]]]:
    for made in log:
        yield f"promotion {made.id}", made.version, made.evidence
    for asked in requests:
        hashes = {"model_hash": asked.model_hash, "artifact_hash": asked.artifact_hash}
        yield f"approval {asked.id}", asked.version, hashes
