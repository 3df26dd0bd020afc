"""The errors of a regression on its newest labelled batches, from which a batch without labels is estimated."""

from __future__ import annotations

import pandas as pd

from retrain_assets.data.labels import labels_as_of
from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.history import losses_of_version
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.performance.error_regression import LEAST_BATCHES, LabelledErrors, estimate_by_errors
from retrain_assets.performance.estimation import NEWEST, LossEstimate
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.related import with_score

OWN_MODES = ("served", "backscored", "member")


def estimate_of_regression(
    stores: Stores, model: DeclaredModel, batch: Batch, promotion: Promotion, validated: pd.DataFrame, own: pd.DataFrame
) -> LossEstimate | None:
    """From the champion's errors as they are known by the batch; None where too few batches have labels."""
    measured = losses_of_version(stores, model, promotion.version, promotion.training_end, as_of=batch.as_of)
    keys = [loss.batch for loss in measured if loss.batch < batch.key][-NEWEST:]
    if len(keys) < LEAST_BATCHES:
        return None
    tables = {name: stores.tables.read(model.table(name), keys) for name in ("validated", "predictions", "labels")}
    known = [
        _errors(model, promotion.version, *(table[table["ra_batch"] == key] for table in tables.values()), batch=batch)
        for key in keys
    ]
    return estimate_by_errors(
        batch.key, known, with_score(model.spec, validated, own), confidence=model.spec.promote.confidence
    )


def _errors(
    model: DeclaredModel,
    version: int,
    validated: pd.DataFrame,
    predictions: pd.DataFrame,
    labels: pd.DataFrame,
    *,
    batch: Batch,
) -> LabelledErrors:
    own = predictions[(predictions["version"] == version) & predictions["mode"].isin(OWN_MODES)]
    # What a version said alone counts, where it served together with others.
    alone = own[own["mode"] == "member"]
    known = labels_as_of(labels, batch.as_of)
    scored = (own if alone.empty else alone).merge(known[["ra_row_id", "label"]], on="ra_row_id")
    rows = validated[validated["ra_row_id"].isin(scored["ra_row_id"])].sort_values("ra_row_id")
    scored = scored.set_index("ra_row_id").loc[rows["ra_row_id"]].reset_index()
    scores = Scores(scored["score"].to_numpy(dtype="float64"))
    return LabelledErrors(
        inputs=with_score(model.spec, rows, scored),
        losses=row_losses(model.spec.metric, scored["label"].to_numpy(dtype="float64"), scores),
    )
