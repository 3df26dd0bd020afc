"""What each column adds to a model's score of a single row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.training.predict import predict
from retrain_assets.training.stand_ins import stand_ins

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

ROWS = 300
"""Rows that are looked at."""
LEAST_ROWS = 30
VALUES = 5
"""Values of the reference that stand in for that of a row."""
SCORED = 30_000
"""Predictions that a batch may cost: with more than twenty columns fewer rows are looked at, down to `LEAST_ROWS`."""
MAX_COLUMNS = SCORED // LEAST_ROWS // VALUES
_STACKED = 20_000
"""Rows that are scored at once."""
_ROUNDING = 1e-9
"""A part of the largest score, of log-odds at least of one: smaller attributions are rounding, and zero."""
_DIGITS = 16
"""Binary digits that an attribution keeps: rounding errors of the scores must not make many values of one."""


def attributions(
    pipeline: BaseEstimator, frame: pd.DataFrame, reference: Sequence[ColumnProfile], *, classes: Sequence[Any]
) -> pd.DataFrame:
    """How much the score of a row changes by its own value of a column, against values of the reference.

    `f(x) - mean_k f(x with x_j = z_k)`, where `z_k` are `VALUES` quantiles of the reference: the difference of the
    prediction with and without knowing the column, by the column's own distribution. It is the change that the column
    makes when it is known last; a model without interactions gives its Shapley value. Columns that say the same stand
    in for each other. The score is the predicted value, or the log-odds of the positive class ("weight of evidence":
    probabilities near 0 and 1 can hardly change, whatever is said), of several classes those of the one which is the
    most probable with the row's own values.

    Source: Robnik-Sikonja and Kononenko 2008, "Explaining classifications for individual instances", IEEE Transactions
    on Knowledge and Data Engineering 20; Strumbelj and Kononenko 2014, "Explaining prediction models and individual
    predictions with feature contributions", Knowledge and Information Systems 41.

    Args:
        pipeline: takes validated rows.
        frame: the rows; those that are looked at are spread evenly over them.
        reference: profiles of the columns in question; at most `MAX_COLUMNS` of them are looked at.
        classes: of the model; none for a regression.

    Returns:
        A column for each of those that the rows have and for which the reference shows a value, a row for each row
        that was looked at.

    Raises:
        DataError: the model refuses rows with a replaced value.
    """
    known = [(column.name, column) for column in reference if column.name in frame][:MAX_COLUMNS]
    values = {name: found for name, column in known if (found := stand_ins(column, frame[name], VALUES)) is not None}
    count = min(len(frame), max(LEAST_ROWS, min(ROWS, SCORED // VALUES // max(len(values), 1))))
    if not count or not values:
        return pd.DataFrame()
    rows = frame.iloc[np.linspace(0, len(frame) - 1, count).astype(np.int64)].reset_index(drop=True)
    scores = _Scores(pipeline, rows, classes)
    several = pd.concat([rows] * VALUES, ignore_index=True)
    at_once, names = max(1, _STACKED // len(several)), list(values)
    parts: list[npt.NDArray[np.float64]] = []
    for first in range(0, len(names), at_once):
        replaced = [
            several.assign(**{name: values[name].repeat(count).reset_index(drop=True)})
            for name in names[first : first + at_once]
        ]
        made = scores.of(pd.concat(replaced, ignore_index=True))
        parts.append((scores.usual - made.reshape(len(replaced), VALUES, count)).mean(axis=1))
    found = np.concatenate(parts)
    largest = max(float(np.abs(scores.usual).max()), 1.0 if classes else 0.0)
    found[np.abs(found) <= _ROUNDING * largest] = 0.0
    return pd.DataFrame(_rounded(found).T, columns=names)


def _rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """To so many digits of their own, whatever other values there are: two batches round alike."""
    mantissas, exponents = np.frexp(values)
    return np.ldexp(np.round(np.ldexp(mantissas, _DIGITS)), exponents - _DIGITS)


_CERTAIN = 1e-6
"""Nearer to 0 and 1 all probabilities are alike."""


class _Scores:
    """One number for each row, and for the same rows with replaced values."""

    def __init__(self, pipeline: BaseEstimator, rows: pd.DataFrame, classes: Sequence[Any]) -> None:
        self._pipeline, self._classes = pipeline, classes
        first = self._predicted(rows)
        self._chosen = first.argmax(axis=1) if first.ndim == 2 else None
        self.usual = self._scale(first if self._chosen is None else first[np.arange(len(rows)), self._chosen])

    def of(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Of copies of the rows, one after the other."""
        made = self._predicted(rows)
        if self._chosen is not None:
            made = made[np.arange(len(rows)), np.tile(self._chosen, len(rows) // len(self._chosen))]
        return self._scale(made)

    def _scale(self, made: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if not self._classes:
            return made
        inside = np.clip(made, _CERTAIN, 1 - _CERTAIN)
        return np.log(inside / (1 - inside))

    def _predicted(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        task = "classification" if self._classes else "regression"
        return predict(self._pipeline, rows, task=task, classes=self._classes).values
