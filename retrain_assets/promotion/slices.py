"""Where in the data a candidate is worse than the champion: declared slices, and weak ones that are looked for.

The interval of a slice is mean difference +- z x its standard error, over rows, or over batches where there are enough
of them; z is Bonferroni's for the number of slices, so that the chance to find any slice worse among equals stays that
of one.
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
from retrain_assets.performance.intervals import estimates
from retrain_assets.performance.scores import Scores, Values
from retrain_assets.promotion.measures import Measure

RARE = "(rare)"
MISSING = "missing"
QUARTERS = 4
MOST_VALUES = 20
"""A number with more values than this is cut into quarters; a category keeps its values, rare ones pooled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of the rows, by what is said of it."""

    name: str
    rows: npt.NDArray[np.bool_]


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
        for value in sorted(pooled.unique()):
            yield Slice(name=f"{column}={value}", rows=(pooled == value).to_numpy())


def found_slices(
    rows: pd.DataFrame,
    excess: Values,
    *,
    most: int,
    min_rows: int,
    rng: np.random.Generator,
) -> tuple[list[Slice], npt.NDArray[np.bool_]]:
    """The leaves of a shallow tree that are worst on one half of the rows, and the other half, to judge them by.

    Honest splitting (Athey and Imbens, PNAS 2016): what was searched on is not what is tested on.
    """
    from sklearn.tree import DecisionTreeRegressor

    searched = rng.random(len(rows)) < 0.5
    matrix = rows.apply(_codes).to_numpy(dtype=float)
    if searched.sum() < 2 * min_rows or not matrix.shape[1]:
        return [], ~searched
    tree = DecisionTreeRegressor(max_depth=3, min_samples_leaf=min_rows, random_state=0)
    tree.fit(matrix[searched], excess[searched])
    leaves = tree.apply(matrix)
    means = {leaf: float(excess[searched & (leaves == leaf)].mean()) for leaf in np.unique(leaves[searched])}
    worst = sorted((mean, leaf) for leaf, mean in means.items() if mean > 0)[::-1][:most]
    described = _paths(tree, list(rows.columns))
    return [Slice(name=described[leaf], rows=leaves == leaf) for _, leaf in worst], ~searched


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
    """The difference of each slice, and the champion's loss on it, to which a margin is relative.

    Args:
        slices: parts of the rows.
        excess: loss of the candidate minus loss of the champion, of each row.
        champion_losses: of each row.
        judged: rows that count; by default all.
        blocks: number of the batch of each row where whole batches vary together; None for rows.
        confidence: of all slices together.
        number: of slices that are judged at once.
        min_rows: a slice of fewer rows is not judged.
    """
    z = NormalDist().inv_cdf(1 - (1 - confidence) / (2 * max(number, 1)))
    for each in slices:
        chosen = each.rows if judged is None else each.rows & judged
        count = int(chosen.sum())
        if count < min_rows:
            reason = f"{count} rows are too few to judge by ({min_rows} needed)"
            yield Measure(kind="slice", name="difference", group=each.name, value=None, rows=count, reason=reason)
            continue
        mean = float(excess[chosen].mean())
        reach = z * _standard_error(excess[chosen], None if blocks is None else blocks[chosen])
        yield Measure(
            kind="slice", name="difference", group=each.name, value=mean, lower=mean - reach, upper=mean + reach,
            rows=count,
        )  # fmt: skip
        yield Measure(
            kind="slice", name="champion_loss", group=each.name, value=float(champion_losses[chosen].mean()), rows=count
        )


def slice_metrics(
    slices: Sequence[Slice],
    labels: npt.NDArray[Any],
    scores: Scores,
    metrics: Sequence[str],
    *,
    judged: npt.NDArray[np.bool_] | None = None,
    confidence: float,
    rng: np.random.Generator,
    resamples: int,
    min_rows: int,
) -> Iterator[Measure]:
    """How the candidate does on each slice, by every metric, with bootstrap intervals."""
    for each in slices:
        chosen = np.flatnonzero(each.rows if judged is None else each.rows & judged)
        if len(chosen) < min_rows:
            continue
        own = replace(scores, values=scores.values[chosen])
        for made in estimates(metrics, labels[chosen], own, confidence=confidence, rng=rng, resamples=resamples):
            yield Measure(
                kind="slice", name=made.metric, group=each.name, value=made.value, lower=made.lower, upper=made.upper,
                rows=made.rows,
            )  # fmt: skip


def _standard_error(excess: Values, blocks: npt.NDArray[np.intp] | None) -> float:
    """Of the mean; with blocks the cluster-robust one: sums of the residuals of each block."""
    residuals = excess - excess.mean()
    if blocks is not None:
        residuals = np.bincount(blocks, weights=residuals)
    return float(np.sqrt((residuals**2).sum())) / len(excess)


def _labels(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        if column.nunique() > MOST_VALUES:
            column = pd.qcut(column, QUARTERS, duplicates="drop")
    elif pd.api.types.is_datetime64_any_dtype(column):
        column = pd.qcut(column, QUARTERS, duplicates="drop")
    return column.astype("object").where(column.notna(), MISSING).astype(str)


def _codes(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.astype("int64").astype(float)
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float).fillna(-1e18)
    return pd.Series(pd.factorize(column, sort=True)[0], index=column.index, dtype=float)


def _paths(tree: Any, columns: Sequence[str]) -> dict[int, str]:
    inner = tree.tree_
    said: dict[int, str] = {}

    def walk(node: int, path: tuple[str, ...]) -> None:
        if inner.children_left[node] == inner.children_right[node]:
            said[node] = " and ".join(path) or "all rows"
            return
        name, limit = columns[inner.feature[node]], inner.threshold[node]
        walk(inner.children_left[node], (*path, f"{name} <= {limit:.4g}"))
        walk(inner.children_right[node], (*path, f"{name} > {limit:.4g}"))

    walk(0, ())
    return said
