"""How inputs and outcome hang together in each matured batch, kept with its settling, and since when they do so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.performance.relations import relations, since_change
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.related import related_inputs

DETAIL = "relations"
"""Where it stands in the detail of a `settle` step."""


def batch_relations(model: DeclaredModel, validated: pd.DataFrame, labels: pd.DataFrame) -> dict[str, float]:
    """Of the labelled rows that are not reserved; empty where no window asks for it."""
    if model.spec.window.train != "since_change":
        return {}
    rows = validated[~validated["ra_reserved"]].merge(labels[["ra_row_id", "label"]], on="ra_row_id")
    outcome = rows["label"].astype("float64") if model.spec.task == "regression" else rows["label"]
    return relations(related_inputs(model.spec, rows.drop(columns="label")), outcome)


def first_since_change(
    stores: Stores,
    model: DeclaredModel,
    batches: Sequence[Batch],
    trainable: Sequence[int],
    *,
    as_of: datetime,
) -> int:
    """Position of the batch with which a window since the newest change begins, by what was settled by a cutoff."""
    known: dict[str, Mapping[str, float]] = {
        step.batch: step.detail.get(DETAIL, {})
        for step in stores.state.steps(model.name)
        if step.job == "settle" and step.outcome == "done" and step.as_of <= as_of
    }
    history = [known.get(batch.key, {}) for batch in batches]
    return since_change(history, trainable, least_rows=model.spec.window.min_rows)
