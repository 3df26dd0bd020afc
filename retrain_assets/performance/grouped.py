"""Bootstrap of many rows: groups of rows are drawn instead of single ones, and each statistic is made of sums.

A thousand resamples of a million rows are a billion draws. Drawing `GROUPS` groups of rows that were put together at
random gives resampled sums of the same mean and, in expectation, the same variance, because rows of different groups
are as independent as rows of one; the variance is known to a relative error of sqrt(2 / GROUPS), 1.4 %. It is what the
bootstrap of blocks does, with blocks that mean nothing. Of more blocks than `GROUPS` whole ones are put together so.

A metric of the form g(sum of w x a, sum of w x b, ...) with row weights w needs only the sums of each group. Means and
R^2 have that form. The area under the curve has it to first order, by the placements of DeLong et al. (Biometrics
1988): AUC(w) = (sum over positives of w V10) / (sum of their w) + (the same over negatives of V01) - AUC, where V10 is
the share of negatives that a positive beats, V01 the share of positives that beat a negative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.errors import InsufficientDataError
from retrain_assets.performance.metrics import class_positions, metric_rows, regression_rows
from retrain_assets.performance.scores import Scores, Values

MANY_ROWS = 20_000
"""From so many rows on groups are drawn; below, every row by itself."""
GROUPS = 10_000
_DRAWS_AT_ONCE = 2_000_000
_LEAST = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """A metric as a function of weighted sums.

    Args:
        columns: (n, k) what is summed over the rows.
        combine: (r, k) sums of r resamples to (r,) values.
    """

    columns: Values
    combine: Callable[[Values], Values]


def resampled_sums(
    columns: Values, resamples: int, *, rng: np.random.Generator, blocks: npt.NDArray[Any] | None
) -> Values:
    """Sums of (n, k) columns over bootstrap resamples of groups of rows, or of whole blocks: (resamples, k)."""
    rows = len(columns)
    if blocks is None:
        unit = rng.permutation(rows) % min(GROUPS, rows)
        units = min(GROUPS, rows)
    else:
        unit = pooled(np.unique(blocks, return_inverse=True)[1], rng)
        units = int(unit.max()) + 1
    totals = np.column_stack([np.bincount(unit, weights=column, minlength=units) for column in columns.T])
    answer = np.empty((resamples, columns.shape[1]))
    at_once = max(1, _DRAWS_AT_ONCE // units)
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        drawn = rng.integers(0, units, size=(size, units), dtype=np.int32)
        counts = np.stack([np.bincount(each, minlength=units) for each in drawn]).astype(np.float64)
        answer[start : start + size] = counts @ totals
    return answer


def pooled(units: npt.NDArray[np.intp], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """The numbers of units of rows, (n,) from 0 on; of more than `GROUPS` whole ones put together at random.

    >>> len(np.unique(pooled(np.arange(30_000), np.random.default_rng(0)))) == GROUPS
    True
    """
    count = int(units.max(initial=-1)) + 1
    return units if count <= GROUPS else (rng.permutation(count) % GROUPS)[units]


def sums_of(metric: str, labels: npt.ArrayLike, scores: Scores) -> Sums:
    """A metric of rows as sums.

    Raises:
        InsufficientDataError: the rows do not define it.
    """
    if metric == "roc_auc":
        return _area_sums(labels, scores)
    if metric == "r2":
        return _r2_sums(labels, scores)
    of_rows = metric_rows(metric, labels, scores)
    return Sums(columns=np.column_stack([of_rows, np.ones(len(of_rows))]), combine=_ratio)


def _ratio(sums: Values) -> Values:
    return sums[:, 0] / np.maximum(sums[:, 1], _LEAST)


def _r2_sums(labels: npt.ArrayLike, scores: Scores) -> Sums:
    centred, errors = regression_rows(labels, scores)

    def combine(sums: Values) -> Values:
        weight, first, second, error = sums.T
        spread = second - first**2 / weight
        return 1 - np.divide(error, spread, out=np.full(len(sums), np.nan), where=spread > 0)

    return Sums(columns=np.column_stack([np.ones(len(centred)), centred, centred**2, errors]), combine=combine)


def _area_sums(labels: npt.ArrayLike, scores: Scores) -> Sums:
    position = class_positions(labels, scores)
    if len(np.unique(position)) < len(scores.classes):
        raise InsufficientDataError(f"roc_auc needs rows of each of the classes {scores.classes}")
    if scores.values.ndim == 1:
        sides = [(position == 1, scores.values)]
    else:
        sides = [(position == k, scores.values[:, k]) for k in range(len(scores.classes))]
    parts = [_placements(positive, score) for positive, score in sides]
    areas = [area for _, area in parts]

    def combine(sums: Values) -> Values:
        each = [
            _ratio(sums[:, start : start + 2]) + _ratio(sums[:, start + 2 : start + 4]) - area
            for start, area in zip(range(0, 4 * len(areas), 4), areas, strict=True)
        ]
        return np.mean(each, axis=0)

    return Sums(columns=np.column_stack([columns for columns, _ in parts]), combine=combine)


def _placements(positive: npt.NDArray[np.bool_], score: Values) -> tuple[Values, float]:
    """(n, 4) placements and counts of positives, then of negatives; and the area."""
    _, group, counts = np.unique(score, return_inverse=True, return_counts=True)
    up = np.bincount(group, weights=positive, minlength=len(counts))
    down = counts - up
    below_down, below_up = np.cumsum(down) - down, np.cumsum(up) - up
    beaten = (below_down + down / 2)[group] / down.sum()
    beating = 1 - (below_up + up / 2)[group] / up.sum()
    of_positives, of_negatives = positive.astype(np.float64), (~positive).astype(np.float64)
    columns = np.column_stack([beaten * of_positives, of_positives, beating * of_negatives, of_negatives])
    return columns, float(columns[:, 0].sum() / up.sum())


def values_of(
    sums: Sequence[Sums | None], resamples: int, *, rng: np.random.Generator, blocks: npt.NDArray[Any] | None
) -> list[Values]:
    """The values of metrics over the same resamples; none for a metric that the rows do not define."""
    known = [each for each in sums if each is not None]
    if not known:
        return [np.empty(0) for _ in sums]
    drawn = resampled_sums(np.column_stack([each.columns for each in known]), resamples, rng=rng, blocks=blocks)
    answer: list[Values] = []
    start = 0
    for each in sums:
        if each is None:
            answer.append(np.empty(0))
            continue
        width = each.columns.shape[1]
        answer.append(each.combine(drawn[:, start : start + width]))
        start += width
    return answer
