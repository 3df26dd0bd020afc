"""The declared chart of a champion's losses, read as of a moment from what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from retrain_assets.data.labels import labels_as_of
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.history import holdout_of
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.settle import labelled_scores
from retrain_assets.performance.decay import BatchLoss
from retrain_assets.performance.loss_chart import ChartReading, LossChart
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.row_errors import chances, row_errors
from retrain_assets.performance.scores import Values
from retrain_assets.promotion.log import Promotion
from retrain_assets.spec import ChartSpec
from retrain_assets.stores.protocols import Stores

_ALONE = ("member", "served", "backscored")
"""Modes that tell of a champion; what it said alone comes before what it served with others."""


def champion_chart(
    stores: Stores, model: DeclaredModel, promotion: Promotion | None, losses: Sequence[BatchLoss], *, as_of: datetime
) -> ChartReading | None:
    """The chart over the champion's own matured batches; None without a champion, or without what it must read.

    Args:
        stores: of the model.
        model: whose declaration names the chart.
        promotion: the champion.
        losses: its own matured batches after its training end, oldest first.
        as_of: later labels are not read.

    Raises:
        ValueError: the declared detector cannot be made, or refuses a value.
    """
    if promotion is None:
        return None
    spec = model.spec.retrain.chart
    chart = LossChart(spec)
    if spec.reads == "loss":
        for loss in losses:
            chart.take(loss)
        return chart.reading
    held = holdout_of(promotion)
    if held is None and model.spec.task == "regression":
        return None
    errors = _errors(stores, model, promotion, spec, losses, as_of=as_of)
    for loss in losses:
        if loss.batch in errors:
            chart.take(loss, errors[loss.batch])
    return chart.reading


def _errors(
    stores: Stores,
    model: DeclaredModel,
    promotion: Promotion,
    spec: ChartSpec,
    losses: Sequence[BatchLoss],
    *,
    as_of: datetime,
) -> dict[str, Values]:
    """Of each batch."""
    keys = [loss.batch for loss in losses]
    if spec.reads == "loss" or not keys:
        return {}
    held, task = holdout_of(promotion), model.spec.task
    classes = stores.registry.load(registered(stores, model, promotion.version)).manifest.classes
    scored, stored = (stores.tables.read(model.table(table), keys) for table in ("predictions", "labels"))
    known = {str(key): labels_as_of(rows, as_of) for key, rows in stored.groupby("ra_batch")}
    found: dict[str, Values] = {}
    for key, rows in scored[scored["version"] == promotion.version].groupby("ra_batch"):
        own = _own(rows).sort_values("event_time", kind="stable")
        labels, scores = labelled_scores(own, known[str(key)], model, classes)
        if len(labels) == 0:
            continue
        regression = task == "regression"
        of_rows = row_losses(model.spec.metric, labels, scores) if regression else chances(labels, scores)
        holdout = held.value if regression and held is not None else None
        found[str(key)] = row_errors(spec.reads, of_rows, holdout=holdout)
    return found


def _own(rows: pd.DataFrame) -> pd.DataFrame:
    mode = next(mode for mode in (*_ALONE, *rows["mode"]) if (rows["mode"] == mode).any())
    return rows[rows["mode"] == mode]
