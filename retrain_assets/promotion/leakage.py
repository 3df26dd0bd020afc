"""A single column that predicts too well is rarely luck: it was known after the event."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.scores import Values
from retrain_assets.promotion.measures import Measure


def leakage_measures(
    rows: pd.DataFrame, labels: npt.ArrayLike, *, regression: bool, ignored: frozenset[str]
) -> Iterator[Measure]:
    """How well each input column alone predicts the label on rows that it was not encoded on.

    A category is encoded by the mean label on the even rows and judged on the odd ones: by itself an identifier
    predicts nothing there. For classes it is the area under the curve (of the commonest class against the others,
    turned to be at least 1/2), for numbers the absolute rank correlation.
    """
    truth = np.asarray(labels)
    target = truth.astype(float) if regression else _commonest(truth)
    fitted = np.arange(len(rows)) % 2 == 0
    for name in rows.columns:
        if name in ignored:
            continue
        values = _numbers(rows[name], target, fitted)[~fitted]
        strength = _strength(values, target[~fitted], regression=regression)
        yield Measure(kind="leakage", name="single_column", group=str(name), value=strength, rows=int((~fitted).sum()))


def _commonest(truth: npt.NDArray[np.generic]) -> Values:
    names, counts = np.unique(truth.astype(str), return_counts=True)
    return (truth.astype(str) == names[counts.argmax()]).astype(float) if len(names) else np.zeros(0)


def _numbers(column: pd.Series, target: Values, fitted: npt.NDArray[np.bool_]) -> Values:
    if pd.api.types.is_datetime64_any_dtype(column):
        return np.asarray(column.astype("int64"), dtype=np.float64)
    if pd.api.types.is_numeric_dtype(column):
        numbers = column.astype(float).to_numpy()
        return np.where(np.isnan(numbers), np.nanmin(numbers, initial=0.0) - 1, numbers)
    keys = column.astype(str)
    means = pd.Series(target[fitted]).groupby(keys[fitted].to_numpy()).mean()
    return np.asarray(keys.map(means).fillna(float(target[fitted].mean()) if fitted.any() else 0.0), dtype=np.float64)


def _strength(values: Values, target: Values, *, regression: bool) -> float | None:
    from scipy.stats import rankdata, spearmanr

    if len(values) < 2 or np.ptp(target) == 0:
        return None
    if np.ptp(values) == 0:
        return 0.0 if regression else 0.5
    if regression:
        return float(abs(spearmanr(values, target).statistic))
    positive = target == 1
    m, n = int(positive.sum()), int((~positive).sum())
    area = (rankdata(values)[positive].sum() - m * (m + 1) / 2) / (m * n)
    return float(max(area, 1 - area))
