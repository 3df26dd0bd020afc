"""Whether groups are treated alike: selection rates, and the errors that each group bears.

Demographic parity: the share of positive predictions is the same in each group. Equalized odds: the true and the false
positive rates are (Hardt, Price and Srebro, NIPS 2016). The positive class is the second one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.grouped import pooled, resampled_sums
from retrain_assets.performance.intervals import percentile_interval, percentile_tail
from retrain_assets.performance.scores import Scores, Values
from retrain_assets.promotion.measures import Measure
from retrain_assets.promotion.slices import LEAST_BLOCKS

RATES = {"selection_rate": "selection_gap", "true_positive_rate": "error_gap", "false_positive_rate": "error_gap"}
_RESAMPLES = 1000
_DEFINED_SHARE = 0.9
_NAMED = 5
"""Groups that a reason names; a column may have hundreds."""


def fairness_measures(
    scores: Scores,
    labels: npt.ArrayLike,
    groups: pd.Series,
    *,
    blocks: npt.NDArray[np.intp] | None,
    min_rows: int,
    confidence: float,
    rng: np.random.Generator,
) -> Iterator[Measure]:
    """The rates of each group and the largest gap of each rate, with bootstrap intervals.

    Of single rows a share of k in n is resampled as a binomial draw, which is what drawing rows within the group comes
    to, except of none or all (`_draw_none_or_all`). Where whole batches or entities vary together (`blocks`, numbers
    from 0 on of all rows) these are drawn, the same ones for all groups; of a group with fewer than `LEAST_BLOCKS` of
    them no gap is known. Of very many, whole ones are put together at random, as `retrain_assets.performance.grouped`
    says.
    """
    column = str(groups.name)
    if len(scores.classes) != 2:
        reason = f"is_fair compares two classes, and there are {len(scores.classes)}: leave it out of promote.require"
        for name in RATES:
            yield Measure(kind="fairness", name=f"{name}_gap", group=column, value=None, reason=reason)
        return
    positive = np.asarray(labels, dtype=object) == scores.classes[1]
    selected = scores.probabilities[:, 1] > 0.5
    among = {
        "selection_rate": np.ones(len(positive), bool),
        "true_positive_rate": positive,
        "false_positive_rate": ~positive,
    }
    named = groups.astype("object").where(groups.notna(), "missing").astype(str).to_numpy()
    values, position, counts = np.unique(named, return_inverse=True, return_counts=True)
    judged = np.flatnonzero(counts >= min_rows)
    small = [str(value) for value in values[counts < min_rows]]
    left_out = f"left out of {column}, as of fewer than {min_rows} rows: {_some(small)}" if small else ""
    place = np.full(len(values), -1)
    place[judged] = np.arange(len(judged))
    for name, rows in among.items():
        rates = _Rates.of(place[position], len(judged), rows, selected, blocks, rng)
        for number, value in enumerate(values[judged]):
            yield rates.measure(number, name, f"{column}={value}", confidence)
        yield rates.gap(name, column, [str(value) for value in values[judged]], left_out, confidence)
        left_out = ""  # it is the same for all rates


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rates:
    """One rate of each group.

    Args:
        selected: rows with a positive prediction, (groups,).
        rows: rows that count, (groups,).
        drawn: the rate of each resample, (resamples, groups); NaN where it holds none that counts.
        units: rows, batches or entities that the rows of each group are of, (groups,).
        few: groups whose rows are of too few batches or entities.
    """

    selected: npt.NDArray[np.intp]
    rows: npt.NDArray[np.intp]
    drawn: Values
    units: npt.NDArray[np.intp]
    few: npt.NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        group: npt.NDArray[np.intp],
        groups: int,
        counted: npt.NDArray[np.bool_],
        selected: npt.NDArray[np.bool_],
        blocks: npt.NDArray[np.intp] | None,
        rng: np.random.Generator,
    ) -> _Rates:
        """Of the rows that count, and of groups by their number, -1 for none."""
        counted = counted & (group >= 0)
        drawn_as = np.zeros(len(group), dtype=np.intp) if blocks is None else pooled(blocks, rng)
        number = int(drawn_as.max(initial=0)) + 1
        cells = group * number + drawn_as
        hits, rows = (
            np.bincount(cells[chosen], minlength=groups * number).reshape(groups, number)
            for chosen in (counted & selected, counted)
        )
        k, n = hits.sum(axis=1), rows.sum(axis=1)
        if blocks is None or not groups:
            drawn = rng.binomial(n, k / np.maximum(n, 1), (_RESAMPLES, groups)) / np.where(n > 0, n, np.nan)
            _draw_none_or_all(drawn, k, n, n, rng)
            return cls(selected=k, rows=n, drawn=drawn, units=n, few=np.zeros(groups, dtype=bool))
        both = np.vstack([hits, rows]).T.astype(np.float64)
        sums = resampled_sums(both, _RESAMPLES, rng=rng, blocks=np.arange(number))
        found = sums[:, groups:]
        drawn = np.divide(sums[:, :groups], found, out=np.full(found.shape, np.nan), where=found > 0)
        known = int(blocks.max(initial=0)) + 1
        units = np.bincount(np.unique(group[counted] * known + blocks[counted]) // known, minlength=groups)
        _draw_none_or_all(drawn, k, n, units, rng)
        return cls(selected=k, rows=n, drawn=drawn, units=units, few=units < LEAST_BLOCKS)

    def measure(self, number: int, name: str, group: str, confidence: float) -> Measure:
        """The rate of a group."""
        k, n = int(self.selected[number]), int(self.rows[number])
        if n == 0:
            return Measure(kind="fairness", name=name, group=group, value=None, reason="no row that it counts")
        if self.few[number]:
            reason = f"its rows lie in {self.units[number]} batches or entities: no interval"
            return Measure(kind="fairness", name=name, group=group, value=k / n, rows=n, reason=reason)
        ends = _interval(self.drawn[:, number], confidence, int(self.units[number]))
        lower, upper = _around(k / n, *ends)
        return Measure(kind="fairness", name=name, group=group, value=k / n, lower=lower, upper=upper, rows=n)

    def gap(self, name: str, column: str, groups: list[str], left_out: str, confidence: float) -> Measure:
        """The largest difference of the rate between two groups."""
        undefined = [group for group, n in zip(groups, self.rows, strict=True) if n == 0]
        few = [group for group, each in zip(groups, self.few, strict=True) if each]
        why = ""
        if len(groups) < 2:
            why = "fewer than two groups have enough rows"
        elif undefined:
            why = f"{name} is not defined in {_some(undefined)}"
        elif few:
            why = f"the rows of {_some(few)} lie in fewer than {LEAST_BLOCKS} batches or entities"
        if why:
            reason = "; ".join(filter(None, [why, left_out]))
            return Measure(kind="fairness", name=f"{name}_gap", group=column, value=None, reason=reason)
        rates = self.selected / self.rows
        value = float(np.ptp(rates))
        lower, upper = _around(value, *_gap_interval(self.drawn, confidence, int(self.units.min())))
        return Measure(
            kind="fairness", name=f"{name}_gap", group=column, value=value, lower=lower, upper=upper, reason=left_out
        )


def _some(groups: list[str]) -> str:
    """The first of them.

    >>> _some(["a", "b", "c", "d", "e", "f", "g"])
    'a, b, c, d, e and 2 more'
    """
    more = f" and {len(groups) - _NAMED} more" if len(groups) > _NAMED else ""
    return f"{', '.join(groups[:_NAMED])}{more}"


def _draw_none_or_all(
    drawn: Values,
    selected: npt.NDArray[np.intp],
    rows: npt.NDArray[np.intp],
    units: npt.NDArray[np.intp],
    rng: np.random.Generator,
) -> None:
    """Draws anew, in place, the rates of groups of which none or all was selected: resamples of these never differ.

    From the posterior of Jeffreys' prior, with as many trials as there are units (Brown, Cai and DasGupta, Statistical
    Science 2001). Of 3 positive labels that were all missed the rate may well be a half.
    """
    for group in np.flatnonzero((rows > 0) & ((selected == 0) | (selected == rows))):
        hits = units[group] if selected[group] else 0
        drawn[:, group] = rng.beta(hits + 0.5, units[group] - hits + 0.5, len(drawn))


def _around(value: float, lower: float | None, upper: float | None) -> tuple[float | None, float | None]:
    """An interval that holds the value: one drawn for none or all of a group lies beside it."""
    return (None, None) if lower is None or upper is None else (min(lower, value), max(upper, value))


def _gap_interval(drawn: Values, confidence: float, units: int) -> tuple[float | None, float | None]:
    """Of the largest difference, from the intervals of the difference of each two groups.

    Not from the largest difference of each resample: that is larger than the one of the rows themselves, because the
    chance of the draw comes to that of the rows, and its interval may lie above the very gap that it is of. The upper
    end is the largest one: that of the two groups which truly differ most holds with `confidence`. The lower end is the
    largest one, too, with what may be missed shared over all pairs; groups that are alike differ by 0.
    """
    defined = drawn[np.isfinite(drawn).all(axis=1)]
    if len(defined) < _DEFINED_SHARE * len(drawn):
        return None, None
    groups = drawn.shape[1]
    pairs = groups * (groups - 1) // 2
    wide, shared = (percentile_tail(1 - (1 - confidence) / number, units=units) for number in (1, pairs))
    lower = upper = 0.0
    for group in range(groups - 1):
        differences = defined[:, group + 1 :] - defined[:, [group]]
        least, low, high, most = np.quantile(
            differences, [shared, wide, 1 - wide, 1 - shared], axis=0, method="weibull"
        )
        lower = max(lower, float(least.max()), float(-most.min()))
        upper = max(upper, float(high.max()), float(-low.min()))
    return lower, upper


def _interval(drawn: Values, confidence: float, units: int) -> tuple[float | None, float | None]:
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < _DEFINED_SHARE * len(drawn):
        return None, None
    return percentile_interval(defined, confidence, units=units)
