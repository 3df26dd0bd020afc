"""Where in the data a candidate is worse than the champion: slices, and the interval of each.

The interval of a slice is mean difference +- t x its standard error. Where whole batches or entities vary together, the
standard error is the cluster-robust one of the G that the slice has rows of, times sqrt(G / (G - 1)), with Student's t
of G - 1 degrees of freedom (Cameron and Miller, Journal of Human Resources 2015); a slice of fewer than `LEAST_BLOCKS`
is not judged. Over single rows t is the normal quantile. Its level is Bonferroni's for the number of slices, so that
the chance to find any slice worse among equals stays that of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.personal import numbered
from retrain_assets.performance.intervals import cluster_reach, estimates
from retrain_assets.performance.scores import Scores, Values
from retrain_assets.promotion.measures import Measure

RARE = "(rare)"
MISSING = "missing"
PART = "worse_part"
"""Of a search: looked worse, and could be judged with what is around it alone."""
QUARTERS = 4
LEAST_BLOCKS = 5
"""Batches or entities whose rows a slice must have, for an interval of its own."""
MOST_VALUES = 20
"""A number with more values than this is cut into quarters; a category keeps its values, rare ones pooled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a search found worse and nothing can judge by itself.

    Args:
        name: what is said of its rows.
        rows: on which the mean was taken.
        mean: of the loss of the candidate minus that of the champion.
        lower: above zero where it is clearly worse, if batches or entities vary in it as in other parts; None where
            that cannot be said.
    """

    name: str
    rows: npt.NDArray[np.bool_]
    mean: float
    lower: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of the rows, by what is said of it, and smaller parts of it that it is judged in place of."""

    name: str
    rows: npt.NDArray[np.bool_]
    parts: tuple[Part, ...] = ()


def declared_slices(
    rows: pd.DataFrame, columns: Sequence[str], min_rows: int, *, numbered_columns: AbstractSet[str] = frozenset()
) -> Iterator[Slice]:
    """The slices of some columns; each row belongs to one slice of each.

    Slices of `numbered_columns` are told apart by numbers, because the values are not to be shown.
    """
    for column in columns:
        labels = _labels(rows[column])
        if column in numbered_columns:
            labels = numbered(labels.where(labels != MISSING))
        counts = labels.value_counts()
        rare = set(counts[counts < min_rows].index)
        pooled = labels.where(~labels.isin(rare), RARE)
        places, values = pd.factorize(pooled, sort=True)
        for place, value in enumerate(values):
            yield Slice(name=f"{column}={value}", rows=places == place)


def slice_measures(
    slices: Sequence[Slice],
    excess: Values,
    champion_losses: Values,
    *,
    judged: npt.NDArray[np.bool_] | None = None,
    blocks: npt.NDArray[np.intp] | None,
    confidence: float,
    number: int,
    min_rows: int,
) -> Iterator[Measure]:
    """The difference of each slice, and the champion's loss on it, to which a margin is relative; so of its parts.

    Args:
        slices: parts of the rows.
        excess: loss of the candidate minus loss of the champion, of each row.
        champion_losses: of each row.
        judged: rows that count; by default all.
        blocks: number of the batch or entity of each row where these vary together; None for rows.
        confidence: of all slices together.
        number: of slices that are judged at once.
        min_rows: a slice of fewer rows is not judged.
    """
    level = 1 - (1 - confidence) / (2 * max(number, 1))
    for each in slices:
        chosen = each.rows if judged is None else each.rows & judged
        count = int(chosen.sum())
        units = None if blocks is None else np.unique(blocks[chosen], return_inverse=True)[1]
        reason = _too_few(count, units, min_rows)
        if reason:
            yield Measure(kind="slice", name="difference", group=each.name, value=None, rows=count, reason=reason)
            continue
        mean = float(excess[chosen].mean())
        with np.errstate(over="ignore", invalid="ignore"):
            reach = _reach(excess[chosen], units, level)
        if not np.isfinite([mean, reach]).all():
            reason = "the difference is beyond what numbers hold"
            yield Measure(kind="slice", name="difference", group=each.name, value=None, rows=count, reason=reason)
            continue
        yield Measure(
            kind="slice", name="difference", group=each.name, value=mean, lower=mean - reach, upper=mean + reach,
            rows=count,
        )  # fmt: skip
        yield Measure(
            kind="slice", name="champion_loss", group=each.name, value=float(champion_losses[chosen].mean()), rows=count
        )
    yield from _part_measures(slices, champion_losses)


def _part_measures(slices: Sequence[Slice], champion_losses: Values) -> Iterator[Measure]:
    for around in slices:
        for each in around.parts:
            count = int(each.rows.sum())
            yield Measure(
                kind="slice", name=PART, group=each.name, value=each.mean, lower=each.lower, rows=count,
                reason=f"too few of its rows, batches or entities judge it: judged as part of {around.name}",
            )  # fmt: skip
            loss = float(champion_losses[each.rows].mean())
            yield Measure(kind="slice", name=f"{PART}_champion_loss", group=each.name, value=loss, rows=count)


def searched(found: Sequence[Slice] | None, rows: int) -> Measure:
    """How many slices a search on some rows has found; unknown where it could not search."""
    if found is None:
        reason = "there are too few rows to search, or no column to tell them by"
        return Measure(kind="slice", name="searched", value=None, rows=rows, reason=reason)
    return Measure(kind="slice", name="searched", value=float(len(found)), rows=rows)


def slice_metrics(
    slices: Sequence[Slice],
    labels: npt.NDArray[Any],
    scores: Scores,
    metrics: Sequence[str],
    *,
    judged: npt.NDArray[np.bool_] | None = None,
    blocks: npt.NDArray[np.intp] | None,
    confidence: float,
    rng: np.random.Generator,
    resamples: int,
    min_rows: int,
) -> Iterator[Measure]:
    """How the candidate does on each slice, by every metric, with intervals of the same bootstrap as everywhere.

    Fewer than `LEAST_BLOCKS` batches or entities make no interval. No metric is told of fewer than `min_rows` rows.
    """
    for each in slices:
        chosen = np.flatnonzero(each.rows if judged is None else each.rows & judged)
        if len(chosen) < min_rows:
            continue
        own = replace(scores, values=scores.values[chosen])
        units = None if blocks is None else blocks[chosen]
        few = _too_few_units(units)
        for made in estimates(
            metrics, labels[chosen], own, confidence=confidence, rng=rng, resamples=resamples, blocks=units
        ):
            known = made.value is not None
            bounds = (None, None) if few else (made.lower, made.upper)
            yield Measure(
                kind="slice", name=made.metric, group=each.name, value=made.value, lower=bounds[0], upper=bounds[1],
                rows=made.rows, reason=few if known else f"its rows do not define {made.metric}",
            )  # fmt: skip


def _too_few(rows: int, units: npt.NDArray[np.intp] | None, min_rows: int) -> str:
    if rows < min_rows:
        return f"{rows} rows are too few to judge by ({min_rows} needed)"
    return _too_few_units(units)


def _too_few_units(units: npt.NDArray[np.intp] | None) -> str:
    found = LEAST_BLOCKS if units is None else len(pd.unique(units))
    if found >= LEAST_BLOCKS:
        return ""
    return f"its rows lie in {found} batches or entities, too few to judge by ({LEAST_BLOCKS} needed)"


def _reach(excess: Values, units: npt.NDArray[np.intp] | None, level: float) -> float:
    """Half the width of the interval of the mean."""
    if units is not None:
        return cluster_reach(excess, units, level)
    residuals = excess - excess.mean()
    return NormalDist().inv_cdf(level) * float(np.sqrt((residuals**2).sum())) / len(excess)


def _labels(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        if column.nunique() > MOST_VALUES:
            column = pd.qcut(column, QUARTERS, duplicates="drop")
    elif pd.api.types.is_datetime64_any_dtype(column):
        column = pd.qcut(column, QUARTERS, duplicates="drop")
    return column.astype("object").where(column.notna(), MISSING).astype(str)
