"""What a batch is estimated to lose before its labels are there, kept with the batch's watch in the ledger."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.champions import champion
from retrain_assets.lifecycle.estimating_errors import estimate_of_regression
from retrain_assets.lifecycle.history import champion_losses, holdout_of
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.performance.estimation import LossEstimate, estimate_loss
from retrain_assets.performance.expected import expectable, expected_losses
from retrain_assets.performance.scores import Scores
from retrain_assets.spec.holdout import holdout_batches
from retrain_assets.stores.protocols import Stores

DETAIL = "estimate"
"""Where it stands in the detail of a `watch` step."""


def estimate_batch(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    validated: pd.DataFrame,
    scored: pd.DataFrame,
    classes: tuple[object, ...],
) -> LossEstimate | None:
    """From what the champion says of the batch, or a regression's errors of others; None where that is too little."""
    promotion = champion(stores, model, batch.start)
    if promotion is None or scored.empty:
        return None
    if not expectable(model.spec.metric):
        return estimate_of_regression(stores, model, batch, promotion, validated, scored)
    multi = bool(scored["probabilities"].notna().all())
    values = np.vstack(scored["probabilities"].tolist()) if multi else scored["score"].to_numpy(dtype=np.float64)
    expected = float(expected_losses(model.spec.metric, Scores(values, classes)).mean())
    known = champion_losses(stores, model, promotion, as_of=batch.as_of)
    return estimate_loss(
        batch.key,
        expected,
        holdout_of(promotion),
        [loss for loss in known if loss.batch < batch.key],
        holdout_batches=holdout_batches(model.spec),
        confidence=model.spec.promote.confidence,
    )


def estimate_of(stores: Stores, model: DeclaredModel, batch: Batch, version: int | None = None) -> LossEstimate | None:
    """What was estimated when the batch was first scored; None where nothing was, or for another version."""
    for step in stores.state.steps(model.name, batch.key):
        if step.job == "watch" and step.detail.get(DETAIL) and version in (None, step.detail.get("version")):
            return LossEstimate(**step.detail[DETAIL])
    return None


def unlabelled_estimates(
    stores: Stores, model: DeclaredModel, version: int, *, batch: Batch
) -> tuple[LossEstimate, ...]:
    """The estimates of the batches that a version served and that have no matured labels yet, oldest first."""
    labelled = {
        step.batch
        for step in stores.state.steps(model.name)
        if step.job == "settle" and step.outcome == "done" and step.as_of <= batch.as_of and step.detail.get("mature")
    }
    found = {
        step.batch: LossEstimate(**step.detail[DETAIL])
        for step in stores.state.steps(model.name)
        if step.job == "watch" and step.detail.get(DETAIL) and step.detail.get("version") == version
    }
    wanted = sorted(key for key in found if key <= batch.key and key not in labelled)
    return tuple(found[key] for key in wanted)
