"""A single column that predicts too well is rarely luck: it was known after the event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.scores import Values
from retrain_assets.promotion.measures import Measure

MOST_CLASSES = 20
LEAST_OF_CLASS = 10
"""Odd rows of a class beside the commonest: of fewer, one column of many tells any by chance."""

Mask = npt.NDArray[np.bool_]


def leakage_measures(
    rows: pd.DataFrame, labels: npt.ArrayLike, *, regression: bool, ignored: frozenset[str]
) -> Iterator[Measure]:
    """How well each input column alone predicts the label on rows that it was not encoded on.

    A category is encoded by the mean label on the even rows and judged on the odd ones: by itself an identifier
    predicts nothing there. For numbers it is the absolute rank correlation. For classes it is the area under the curve
    of one class against the others, turned to be at least 1/2, of the class that the column tells best; judged are the
    commonest and others of at least `LEAST_OF_CLASS` odd rows, `MOST_CLASSES` at most. A column of one value predicts
    nothing, which is 0 or 1/2. Unknown is that of one whose values are neither numbers nor categories, or whose answer
    is no finite number, and of all where the label does not vary.
    """
    fitted = np.arange(len(rows)) % 2 == 0
    truth = np.asarray(labels)
    classes = None if regression else _Classes.of(truth, fitted)
    for name in rows.columns:
        if name in ignored:
            continue
        value, reason = None, ""
        try:
            if classes is None:
                value, reason = _correlation(rows[name], truth.astype(float), fitted)
            else:
                value, reason = classes.largest_area(rows[name], fitted)
        except (TypeError, ValueError) as error:  # the words of a library may quote a value
            reason = f"its values are neither numbers nor categories: {type(error).__name__}"
        if value is not None and not np.isfinite(value):
            value, reason = None, "what it predicts is no number: it or the label holds what is none"
        yield Measure(
            kind="leakage", name="single_column", group=str(name), value=value, rows=int((~fitted).sum()), reason=reason
        )


def _correlation(column: pd.Series, truth: Values, fitted: Mask) -> tuple[float | None, str]:
    from scipy.stats import spearmanr

    target = truth[~fitted]
    if len(target) < 2 or np.ptp(target) == 0:
        return None, "the label does not vary"
    numbers = _numbers(column)
    if numbers is None:
        codes, count = _categories(column)
        rows = np.bincount(codes[fitted], minlength=count)
        sums = np.bincount(codes[fitted], weights=truth[fitted], minlength=count)
        means = np.where(rows > 0, sums / np.maximum(rows, 1), truth[fitted].mean())
        numbers = means[codes]
    values = numbers[~fitted]
    return (0.0 if (values == values[0]).all() else float(abs(spearmanr(values, target).statistic))), ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Classes:
    """The classes that are judged, by name, and which of them each row is of; the others come after the last."""

    names: npt.NDArray[Any]
    of_rows: npt.NDArray[np.intp]
    known: int

    @classmethod
    def of(cls, truth: npt.NDArray[Any], fitted: Mask) -> _Classes:
        """Of two classes one: what tells it tells the other."""
        found, position = np.unique(truth.astype(str), return_inverse=True)
        judging = np.bincount(position[~fitted], minlength=len(found))
        order = np.argsort(-np.bincount(position, minlength=len(found)), kind="stable")[:MOST_CLASSES]
        chosen = [each for rank, each in enumerate(order) if rank == 0 or judging[each] >= LEAST_OF_CLASS]
        chosen = chosen[: 1 if len(found) == 2 else MOST_CLASSES]
        places = np.full(len(found), len(chosen))
        places[chosen] = np.arange(len(chosen))
        return cls(names=found[chosen], of_rows=places[position], known=len(found))

    def largest_area(self, column: pd.Series, fitted: Mask) -> tuple[float | None, str]:
        """Of all classes, and which that is."""
        numbers = _numbers(column)
        of_odd = self.of_rows[~fitted]
        rows = np.bincount(of_odd, minlength=len(self.names) + 1)[: len(self.names)]
        others = len(of_odd) - rows
        if numbers is not None:
            ranks = _mid_ranks(numbers[~fitted])
            sums = np.bincount(of_odd, weights=ranks, minlength=len(self.names) + 1)[: len(self.names)]
        else:
            sums = self._rank_sums(column, fitted)
        defined = (rows > 0) & (others > 0)
        if not defined.any():
            return None, "the label does not vary"
        areas = (sums - rows * (rows + 1) / 2)[defined] / (rows * others)[defined]
        strengths = np.maximum(areas, 1 - areas)
        best = self.names[defined][strengths.argmax()]
        told = f"class {best} against the others, {len(self.names)} of {self.known} classes judged"
        return float(strengths.max()), "" if self.known <= 2 else told

    def _rank_sums(self, column: pd.Series, fitted: Mask) -> Values:
        """Of each class its odd rows' sum of ranks, by the share of the class in their category on the even rows."""
        codes, count = _categories(column)
        width = len(self.names) + 1
        cells = codes * width + self.of_rows
        even, odd = (
            np.bincount(cells[chosen], minlength=count * width).reshape(count, width) for chosen in (fitted, ~fitted)
        )
        seen = even.any(axis=1)
        both = seen & odd.any(axis=1)
        # All that the even rows do not hold have one share: of an identifier they are nearly all.
        odd = np.vstack([odd[both], odd[~seen].sum(axis=0)])
        even = np.vstack([even[both], even.sum(axis=0)])
        shares = even / np.maximum(even.sum(axis=1, keepdims=True), 1)
        of_categories = odd.sum(axis=1)
        return np.array(
            [_mid_ranks(shares[:, place], of_categories) @ odd[:, place] for place in range(len(self.names))]
        )


def _mid_ranks(values: Values, rows: npt.NDArray[np.intp] | None = None) -> Values:
    """The mean rank, from 1 on, of the rows that have each value; `rows` says how many these are, by default one."""
    _, place = np.unique(values, return_inverse=True)
    counts = np.bincount(place, weights=rows)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _categories(column: pd.Series) -> tuple[npt.NDArray[np.intp], int]:
    codes, found = pd.factorize(column.astype(str))
    return codes, len(found)


def _numbers(column: pd.Series) -> Values | None:
    """Times and numbers, what is missing below all; None of what has no order."""
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return np.asarray(column.astype("int64"), dtype=np.float64)
    if not pd.api.types.is_numeric_dtype(column):
        return None
    if pd.api.types.is_complex_dtype(column):
        raise TypeError("complex numbers have no order")
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(numbers), np.nanmin(numbers, initial=0.0) - 1, numbers)
