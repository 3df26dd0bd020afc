"""The errors of a regression on its newest labelled batches, from which a batch without labels is estimated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from retrain_assets.data.labels import labels_as_of, places_of_batches
from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.history import champion_losses
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.performance.error_regression import LEAST_BATCHES, LabelledErrors, estimate_by_errors
from retrain_assets.performance.estimation import NEWEST, LossEstimate
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.related import related_inputs, with_score

OWN_MODES = ("served", "backscored", "member")


def estimate_of_regression(
    stores: Stores, model: DeclaredModel, batch: Batch, promotion: Promotion, validated: pd.DataFrame, own: pd.DataFrame
) -> LossEstimate | None:
    """From the champion's errors as they are known by the batch; None where too few batches have labels."""
    measured = champion_losses(stores, model, promotion, as_of=batch.as_of)
    keys = [loss.batch for loss in measured if loss.batch < batch.key][-NEWEST:]
    if len(keys) < LEAST_BATCHES:
        return None
    validated_rows, predictions, labels = (
        stores.tables.read(model.table(name), keys) for name in ("validated", "predictions", "labels")
    )
    own = _own(predictions, promotion.version)
    known = _errors(model, keys, validated_rows, own, labels_as_of(labels, batch.as_of))
    return estimate_by_errors(
        batch.key, known, with_score(model.spec, validated, own), confidence=model.spec.promote.confidence
    )


def _own(predictions: pd.DataFrame, version: int) -> pd.DataFrame:
    """What a version said alone counts, in the batches where it served together with others."""
    own = predictions[(predictions["version"] == version) & predictions["mode"].isin(OWN_MODES)]
    alone = own["mode"] == "member"
    return own[alone | ~own["ra_batch"].isin(own.loc[alone, "ra_batch"])]


def _errors(
    model: DeclaredModel, keys: Sequence[str], validated: pd.DataFrame, scored: pd.DataFrame, known: pd.DataFrame
) -> list[LabelledErrors]:
    """Of each batch the rows that have both a score and a label, by their ids, which say nothing."""
    tables = (validated, scored, known)
    ids = [table["ra_row_id"].to_numpy(dtype=object) for table in tables]
    places = [places_of_batches(table) for table in tables]
    inputs, none = related_inputs(model.spec, validated), np.empty(0, dtype=np.intp)
    found: list[LabelledErrors] = []
    for key in keys:
        rows, scores, labels = (place.get(key, none) for place in places)
        rows = rows[np.argsort(ids[0][rows], kind="stable")]
        of_score, of_label = (
            pd.Index(own[at]).get_indexer(pd.Index(ids[0][rows])) for own, at in ((ids[1], scores), (ids[2], labels))
        )
        both = np.flatnonzero((of_score >= 0) & (of_label >= 0))
        score = scored["score"].to_numpy(dtype="float64")[scores[of_score[both]]]
        label = known["label"].to_numpy(dtype="float64")[labels[of_label[both]]]
        learned = inputs.take(rows[both]).reset_index(drop=True).assign(ra_score=score)
        found.append(LabelledErrors(inputs=learned, losses=row_losses(model.spec.metric, label, Scores(score))))
    return found
