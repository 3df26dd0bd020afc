"""How much a fitted model needs each column that it is given."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.errors import DataError
from retrain_assets.performance.metrics import LOSSES, row_losses
from retrain_assets.training.predict import predict

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

ROWS = 1_000
"""Rows that are looked at: enough to tell what leads from what does not matter."""
_STACKED = 20_000
"""Rows that are scored at once."""


def permutation_importance(
    pipeline: BaseEstimator,
    frame: pd.DataFrame,
    labels: npt.ArrayLike,
    *,
    metric: str,
    classes: Sequence[Any],
    seed: int,
) -> dict[str, float]:
    """By column, how much the loss grows on average when its values are shuffled among the rows.

    `mean loss(shuffled) - mean loss`: zero where the model does without the column; a little below by chance. Columns
    that say the same stand in for each other, and share what they would have alone. The loss is that of the metric, or
    `log_loss` and `squared_error` where the metric is none.

    Source: Breiman 2001, "Random forests", Machine Learning 45; Fisher, Rudin and Dominici 2019, "All models are
    wrong, but many are useful", JMLR 20.

    Args:
        pipeline: takes validated rows.
        frame: rows that it was not trained on; at most `ROWS` of them are used, evenly spread.
        labels: one for each row.
        metric: of the model.
        classes: of the model; none for a regression.
        seed: of the shuffle.

    Returns:
        The importances; nothing where there are no rows, or where the model refuses shuffled ones.
    """
    truth = np.asarray(labels)
    known = np.isin(truth, list(classes)) if classes else np.ones(len(truth), dtype=bool)
    places = np.flatnonzero(known)
    places = places[np.linspace(0, len(places) - 1, min(ROWS, len(places))).astype(np.int64)] if len(places) else places
    if not len(places):
        return {}
    rows, truth = frame.iloc[places].reset_index(drop=True), truth[places]
    columns = [str(name) for name in rows.columns if not str(name).startswith("ra_")]
    loss = metric if metric in LOSSES else ("log_loss" if classes else "squared_error")
    task = "classification" if classes else "regression"
    order = np.random.default_rng(seed).permutation(len(rows))

    def mean_losses(tables: Sequence[pd.DataFrame]) -> npt.NDArray[np.float64]:
        scores = predict(pipeline, pd.concat(tables, ignore_index=True), task=task, classes=classes)
        return row_losses(loss, np.tile(truth, len(tables)), scores).reshape(len(tables), -1).mean(axis=1)

    usual = float(mean_losses([rows])[0])
    found: dict[str, float] = {}
    at_once = max(1, _STACKED // len(rows))
    for first in range(0, len(columns), at_once):
        names = columns[first : first + at_once]
        shuffled = [rows.assign(**{name: rows[name].iloc[order].reset_index(drop=True)}) for name in names]
        try:
            found |= dict(zip(names, (mean_losses(shuffled) - usual).tolist(), strict=True))
        except DataError as error:
            # Rows that cannot be (an arrival before its departure) may be refused: then nothing is known.
            # Its words may quote a row, and a log is read by more than those who may see rows.
            kind = type(error.__cause__ or error).__name__
            logging.getLogger(__name__).warning("the importance of the columns is unknown: shuffled rows give %s", kind)
            return {}
    return found
