"""What each declared slice of a matured batch lost beyond the whole, kept with the batch's settling in the ledger."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores
from retrain_assets.performance.slice_decay import slice_excess as excess_of
from retrain_assets.performance.slice_metrics import SliceMetrics, slice_metrics
from retrain_assets.stores.protocols import Stores

DETAIL = "slices"
"""Where it stands in the detail of a `settle` step."""


def slice_excess(
    stores: Stores, model: DeclaredModel, validated: pd.DataFrame, predictions: pd.DataFrame, labels: pd.DataFrame
) -> dict[str, float]:
    """By slice, the mean loss of its rows as they were served, beyond the mean of all; empty where none is declared."""
    columns, served = model.spec.retrain.slices, predictions[predictions["mode"] == "served"]
    if not columns or served.empty:
        return {}
    joined = served.merge(labels[["ra_row_id", "label"]], on="ra_row_id").merge(
        validated[["ra_row_id", *columns]], on="ra_row_id"
    )
    if joined.empty:
        return {}
    return excess_of(_losses(stores, model, joined).to_numpy(dtype=np.float64), joined[list(columns)])


def metrics_of_slices(
    model: DeclaredModel,
    validated: pd.DataFrame,
    predictions: pd.DataFrame,
    known: pd.DataFrame,
    scored: tuple[np.ndarray, Scores],
    *,
    rng: np.random.Generator,
) -> tuple[SliceMetrics, ...]:
    """The declared metrics of each declared slice of one version's scores; empty where no slice is declared.

    Args:
        model: whose declaration names slices and metrics.
        validated: rows of the batch, with the columns of the slices.
        predictions: of the version, in one mode.
        known: labels by the cutoff.
        scored: labels and scores of the predictions that have both, see `labelled_scores`.
        rng: for the intervals.
    """
    columns = list(model.spec.retrain.slices)
    if not columns:
        return ()
    ids = predictions["ra_row_id"][predictions["ra_row_id"].isin(known["ra_row_id"])]
    place = pd.Index(validated["ra_row_id"]).get_indexer(pd.Index(ids))
    # What came again with other rows holds some no more that were scored: nobody knows their slice.
    there = place >= 0
    labels, scores = scored
    names = list(dict.fromkeys((model.spec.metric, *model.spec.report_metrics)))
    parts = validated[columns].take(place[there])
    confidence = model.spec.promote.confidence
    return slice_metrics(names, labels[there], scores.take(there), parts, confidence=confidence, rng=rng)


def _losses(stores: Stores, model: DeclaredModel, joined: pd.DataFrame) -> pd.Series:
    made = pd.Series(np.nan, index=joined.index)
    for number, rows in joined.groupby("version"):
        classes = stores.registry.load(registered(stores, model, int(str(number)))).manifest.classes
        multi = bool(rows["probabilities"].notna().all())
        values = np.vstack(rows["probabilities"].tolist()) if multi else rows["score"].to_numpy(dtype=np.float64)
        made.loc[rows.index] = row_losses(model.spec.metric, rows["label"].to_numpy(), Scores(values, classes))
    return made


def slice_history(stores: Stores, model: DeclaredModel, *, batch: Batch) -> tuple[dict[str, float], ...]:
    """Of each matured batch as of a batch, what its slices lost beyond the whole, oldest first."""
    newest: dict[str, dict[str, float]] = {}
    for step in stores.state.steps(model.name):
        if step.job == "settle" and step.outcome == "done" and step.as_of <= batch.as_of and step.detail.get(DETAIL):
            newest[step.batch] = dict(step.detail[DETAIL])
    return tuple(newest[key] for key in sorted(newest))
