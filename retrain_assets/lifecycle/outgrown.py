"""A champion that the declaration has outgrown: it cannot score the rows as they are declared now.

No try again helps, and nothing could ever be learned from the rows if their watch came to no end. So the batch is kept
without predictions, which are unknown, until another champion is trained.
"""

from __future__ import annotations

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.withholding import words_of
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelVersion
from retrain_assets.training.predict import CANNOT_SCORE

DETAIL = "unscored"
"""Key of the detail of a watch that says why the batch has no predictions."""


def why_outgrown(model: DeclaredModel, version: ModelVersion, error: Exception) -> str | None:
    """Why a version cannot score, and what to do; None where another declaration than the one of now is not why."""
    if not isinstance(error, CANNOT_SCORE) or version.training_hash == model.training_hash():
        return None
    return (
        f"{version} cannot score the batch, and was trained by another declaration than that of now: "
        f"{words_of(error, model).rstrip('.')}. A new champion is asked for with "
        f"`retrain-assets retrain {model.name} --reason ...`"
    )


def unscored(stores: Stores, model: DeclaredModel, batch: Batch, version: int) -> str | None:
    """Why a champion left the batch without predictions at its newest watch; None where it did not."""
    watches = [step for step in stores.state.steps(model.name, batch.key) if step.job == "watch"]
    detail = watches[-1].detail if watches else {}
    return str(detail[DETAIL]) if detail.get("version") == version and DETAIL in detail else None
