"""What becomes of a model when a column that may be missing is missing everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.errors import DataError
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.measures import Measure

GROWTH = "loss_growth"
UNDEFINED = "undefined_loss_growth"
"""The model answered, and how much its loss grew is no number."""
NONE = "columns_that_may_be_missing"
"""Says, with the value 0, that there is no column to be tried; what was not looked at says nothing."""
ROWS = 2_000
"""Rows that are looked at, from all over."""


def robustness_measures(
    rows: pd.DataFrame,
    labels: npt.ArrayLike,
    score: Callable[[pd.DataFrame], Scores],
    *,
    columns: Sequence[str],
    metric: str,
) -> Iterator[Measure]:
    """The relative growth of the loss without each column; not known, with the reason, where the model fails.

    `UNDEFINED` where it answers, and the loss was zero before or is not finite. Where there is no such column, that is
    said.

    Args:
        rows: validated rows.
        labels: of the rows.
        score: the candidate.
        columns: those that the schema lets be missing.
        metric: the declared loss.
    """
    if not columns:
        yield Measure(kind="robustness", name=NONE, value=0.0, rows=len(rows))
        return
    places = np.linspace(0, len(rows) - 1, min(ROWS, len(rows))).astype(int)
    taken, truth = rows.iloc[places], np.asarray(labels)[places]
    usual = float(row_losses(metric, truth, score(taken)).mean())
    for name in columns:
        what, value, reason = GROWTH, None, ""
        try:
            without = float(row_losses(metric, truth, score(taken.assign(**{name: _missing(taken[name])}))).mean())
        except (DataError, ValueError, TypeError, KeyError) as error:
            reason = f"the model fails without it: {type(error.__cause__ or error).__name__}"
        else:
            value = _growth(usual, without)
            if value is None:
                what, reason = UNDEFINED, f"the loss was {usual:.4g} and is {without:.4g}"
        yield Measure(kind="robustness", name=what, group=name, value=value, rows=len(taken), reason=reason)


def _growth(usual: float, without: float) -> float | None:
    """None where it is no number; a loss that stays zero does not grow."""
    if usual == without == 0:
        return 0.0
    return without / usual - 1 if usual and np.isfinite([usual, without]).all() else None


def _missing(column: pd.Series) -> pd.Series:
    """The column without any value, in its own type where that knows missing values."""
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_float_dtype(column):
        return pd.Series(np.nan, index=column.index).astype(column.dtype)
    if isinstance(column.dtype, pd.api.extensions.ExtensionDtype):
        return pd.Series(pd.NA, index=column.index, dtype=column.dtype)
    if pd.api.types.is_numeric_dtype(column):
        return pd.Series(np.nan, index=column.index)
    return pd.Series([None] * len(column), index=column.index, dtype="object")
