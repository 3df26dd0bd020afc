"""A candidate that the promotion log knows already: asserted, replaced since, rolled back, or to be judged anew."""

from __future__ import annotations

from collections.abc import Sequence

from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import Promoted, TrainingSet
from retrain_assets.lifecycle.versions import stage_of
from retrain_assets.promotion.log import Promotion, bars_who_leaves
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelVersion


def settled_before(
    stores: Stores, model: DeclaredModel, log: Sequence[Promotion], frozen: TrainingSet, version: ModelVersion
) -> Promoted | None:
    """What the log says of the candidate of an attempt; None where it is to be judged.

    The promotion that is in force is returned as it was made. What has left is not put back by a repetition, nor is the
    same training under a new number, and nothing is promoted; only a version that was rolled back and that a person
    cleared is judged anew.
    """
    made = next(
        (kept for kept in reversed(log) if kept.version == version.version or _recalled_by(kept, frozen)),
        None,
    ) or _trained_before(log, frozen)
    if made is None:
        return None
    if made.id == log[-1].id:
        return Promoted(promotion=made, current=made, reason=made.reason, history=tuple(log))
    after = next(kept for kept in log if kept.previous_id == made.id)
    if stage_of(stores, model, made.version) == "rolled_back":
        reason = f"v{made.version} was rolled back and is not promoted again by itself: v{log[-1].version} serves"
    elif bars_who_leaves(after) and made.version == version.version:
        return None
    else:
        reason = (
            f"v{made.version} was put in force by this attempt before, and v{after.version} replaced it: "
            f"{back_to(model, made.version)}"
        )
    return Promoted(promotion=None, current=log[-1], reason=reason, history=tuple(log))


def outcome_of(
    stores: Stores, model: DeclaredModel, frozen: TrainingSet, version: ModelVersion, outcome: Promoted
) -> str:
    """What became of the candidate, in one word.

    `recalled`: an earlier champion was put in force instead; `replaced`, `rolled_back`: it was champion and left.
    """
    if outcome.promotion is not None:
        return "promoted" if outcome.promotion.version == version.version else "recalled"
    if outcome.held:
        return "held"
    if any(kept.version == version.version for kept in outcome.history):
        return "rolled_back" if stage_of(stores, model, version.version) == "rolled_back" else "replaced"
    return "recalled" if any(_recalled_by(kept, frozen) for kept in outcome.history) else "rejected"


def _recalled_by(kept: Promotion, frozen: TrainingSet) -> bool:
    """Whether the evaluation of an attempt put an earlier champion in force instead of its candidate."""
    return kept.action == "recall" and _caused_by(kept, frozen)


def _caused_by(kept: Promotion, frozen: TrainingSet) -> bool:
    return kept.caused_by == (frozen.batch, frozen.attempt)


def _trained_before(log: Sequence[Promotion], frozen: TrainingSet) -> Promotion | None:
    """What a person took out of force without barring it, if it came of the attempt that is judged."""
    made = next((kept for kept in reversed(log) if kept.action == "promote" and _caused_by(kept, frozen)), None)
    after = next((kept for kept in log if made is not None and kept.previous_id == made.id), None)
    return made if after is not None and after.action == "rollback" and not bars_who_leaves(after) else None


def back_to(model: DeclaredModel, version: int) -> str:
    """How a person puts an earlier champion in force."""
    return f"`retrain-assets rollback {model.name} --to {version} --reason ...` puts it back"
