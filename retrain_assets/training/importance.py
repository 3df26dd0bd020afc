"""How much a fitted model needs each column that it is given."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
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
NO_COLUMN = "none"
"""What leads a row that no column helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Losses:
    """Losses of some rows as they are, and with the values of each column shuffled.

    Args:
        columns: their names.
        usual: shape (rows,).
        shuffled: shape (columns, rows).
    """

    columns: tuple[str, ...]
    usual: npt.NDArray[np.float64]
    shuffled: npt.NDArray[np.float64]


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
    found = _losses(pipeline, frame, labels, metric=metric, classes=classes, seed=seed)
    if found is None:
        return {}
    growths = found.shuffled.mean(axis=1) - found.usual.mean()
    return dict(zip(found.columns, growths.tolist(), strict=True))


def leading_columns(
    pipeline: BaseEstimator,
    frame: pd.DataFrame,
    labels: npt.ArrayLike,
    *,
    metric: str,
    classes: Sequence[Any],
    seed: int,
) -> pd.Series | None:
    """Of each row the column whose shuffling makes its loss grow most; `NO_COLUMN` where none does.

    How often each column leads is what a model rests on, as shares that two batches can be compared by.

    Args:
        pipeline: takes validated rows.
        frame: rows that it was not trained on; at most `ROWS` of them are used, evenly spread.
        labels: one for each row.
        metric: of the model.
        classes: of the model; none for a regression.
        seed: of the shuffle.

    Returns:
        Names of columns; None where there are no rows, or where the model refuses shuffled ones.
    """
    found = _losses(pipeline, frame, labels, metric=metric, classes=classes, seed=seed)
    if found is None:
        return None
    growths = np.vstack([np.zeros(len(found.usual)), found.shuffled - found.usual])
    return pd.Series(np.array([NO_COLUMN, *found.columns], dtype=object)[growths.argmax(axis=0)])


def _losses(
    pipeline: BaseEstimator,
    frame: pd.DataFrame,
    labels: npt.ArrayLike,
    *,
    metric: str,
    classes: Sequence[Any],
    seed: int,
) -> _Losses | None:
    truth = np.asarray(labels)
    known = np.isin(truth, list(classes)) if classes else np.ones(len(truth), dtype=bool)
    places = np.flatnonzero(known)
    if not len(places):
        return None
    places = places[np.linspace(0, len(places) - 1, min(ROWS, len(places))).astype(np.int64)]
    rows, truth = frame.iloc[places].reset_index(drop=True), truth[places]
    columns = tuple(str(name) for name in rows.columns if not str(name).startswith("ra_"))
    loss = metric if metric in LOSSES else ("log_loss" if classes else "squared_error")
    task = "classification" if classes else "regression"
    order = np.random.default_rng(seed).permutation(len(rows))

    def losses(tables: Sequence[pd.DataFrame]) -> npt.NDArray[np.float64]:
        scores = predict(pipeline, pd.concat(tables, ignore_index=True), task=task, classes=classes)
        return row_losses(loss, np.tile(truth, len(tables)), scores).reshape(len(tables), -1)

    usual = losses([rows])[0]
    at_once = max(1, _STACKED // len(rows))
    shuffled: list[npt.NDArray[np.float64]] = []
    for first in range(0, len(columns), at_once):
        names = columns[first : first + at_once]
        tables = [rows.assign(**{name: rows[name].iloc[order].reset_index(drop=True)}) for name in names]
        try:
            shuffled.append(losses(tables))
        except DataError as error:
            # Rows that cannot be (an arrival before its departure) may be refused: then nothing is known.
            # Its words may quote a row, and a log is read by more than those who may see rows.
            kind = type(error.__cause__ or error).__name__
            logging.getLogger(__name__).warning("the importance of the columns is unknown: shuffled rows give %s", kind)
            return None
    return _Losses(
        columns=columns, usual=usual, shuffled=np.concatenate(shuffled) if shuffled else np.empty((0, len(rows)))
    )
