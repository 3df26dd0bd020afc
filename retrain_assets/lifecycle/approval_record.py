"""Who agreed to a promotion, beside the model card."""

from __future__ import annotations

from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.waiting import holds
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelVersion

FILE = "approvals.md"


def approval_text(stores: Stores, model: DeclaredModel, version: ModelVersion) -> str | None:
    """What was asked about a version and what each person answered, as Markdown; None where nobody was asked."""
    own = [hold for hold in holds(stores.state, model) if hold.request.version == version.version]
    if not own:
        return None
    lines = [f"# Approval of {version}", ""]
    for hold in own:
        request = hold.request
        lines += [
            f"Asked on {request.requested_at:%Y-%m-%d %H:%M} UTC: {request.reason}. It is {hold.state}.",
            f"For the model {request.model_hash}, files {request.artifact_hash}.",
            "",
        ]
        lines += [
            f"- {given.verdict} by {given.person} on {given.answered_at:%Y-%m-%d %H:%M} UTC ({given.proof}): "
            f"{given.reason.replace(chr(10), ' ')}"
            for given in hold.answers
        ]
    return "\n".join([*lines, ""])
