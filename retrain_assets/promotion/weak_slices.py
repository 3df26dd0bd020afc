"""Where a candidate is worse than the champion and nobody thought of looking: the worst leaves of a shallow tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.scores import Values
from retrain_assets.promotion.slices import LEAST_BLOCKS, MISSING, Part, Slice

MISSING_NUMBER = -1e18
"""Below every value, so that one split tells missing ones apart."""
DEPTH = 3
MOST_NAMED = 3
"""Of the categories of a leaf; the others are counted."""


def found_slices(
    rows: pd.DataFrame,
    excess: Values,
    *,
    most: int,
    min_rows: int,
    rng: np.random.Generator,
    blocks: npt.NDArray[np.intp] | None = None,
    confidence: float = 0.95,
) -> tuple[list[Slice] | None, npt.NDArray[np.bool_]]:
    """The leaves of a shallow tree that are worst on one half of the rows, and the other half, to judge them by.

    Honest splitting (Athey and Imbens, PNAS 2016): what was searched on is not what is tested on. Rows that vary
    together are in the same half. In the place of a leaf that the other half has too few rows, batches or entities of
    comes the smallest branch around it that can be judged, with the leaf among its parts: what is around it may be
    better by as much. No slice where no leaf is worse; None where the rows are too few to search.

    Args:
        rows: what a slice may be told by: not by texts of which most rows have one of their own, as ids are.
        excess: loss of the candidate minus loss of the champion, of each row.
        most: slices that are given.
        min_rows: the least of a slice in either half.
        rng: draws the halves.
        blocks: number of the batch or entity of each row where these vary together; None for rows.
        confidence: of the lower bounds of all parts together.
    """
    from sklearn.tree import DecisionTreeRegressor

    searched = _half(len(rows), blocks, rng)
    rows = rows.loc[:, [not _is_a_name(column) for _, column in rows.items()]]
    matrix = rows.apply(_codes).to_numpy(dtype=float)
    if searched.sum() < 2 * min_rows or not matrix.shape[1]:
        return None, ~searched
    tree = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=min_rows, random_state=0)
    tree.fit(matrix[searched], excess[searched])
    leaves = tree.apply(matrix)
    means = {node: float(excess[searched & (leaves == node)].mean()) for node in np.unique(leaves[searched])}
    worst = sorted(((mean, int(node)) for node, mean in means.items() if mean > 0), reverse=True)[:most]
    branches = {each[0][0]: each for each in _branches(tree.tree_)}
    around: dict[int, npt.NDArray[np.bool_]] = {}
    parts: dict[int, list[int]] = {}
    for _, leaf in worst:
        tried = ((node, np.isin(leaves, below)) for node, below in branches[leaf])
        found = next((each for each in tried if _can_be_judged(each[1] & ~searched, blocks, min_rows)), None)
        if found is None:
            return None, ~searched
        around[found[0]] = found[1]
        parts.setdefault(found[0], []).extend([leaf] if leaf != found[0] else [])
    told = {*parts, *(leaf for each in parts.values() for leaf in each)}
    names = {node: _described(each, rows) for node, each in _bounds(tree.tree_) if node in told}
    level = 1 - (1 - confidence) / (2 * max(sum(map(len, parts.values())), 1))

    def part(leaf: int) -> Part:
        return _part(names[leaf], leaves == leaf, leaves, excess, ~searched, blocks, level)

    slices = [Slice(name=names[node], rows=around[node], parts=tuple(map(part, each))) for node, each in parts.items()]
    return slices, ~searched


def _is_a_name(column: pd.Series) -> bool:
    """Whether most rows have a text of their own there: an id or a free text. A range of the alphabet is no slice."""
    told = pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)
    return not told and 2 * column.nunique() > len(column)


def _half(rows: int, blocks: npt.NDArray[np.intp] | None, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    if blocks is None:
        return rng.random(rows) < 0.5
    count = int(blocks.max(initial=-1)) + 1
    judging = max(count - count // 2, min(LEAST_BLOCKS, count))  # by fewer nothing that is found could be judged
    return (rng.permutation(count) >= judging)[blocks]


def _part(
    name: str,
    rows: npt.NDArray[np.bool_],
    leaves: npt.NDArray[np.intp],
    excess: Values,
    judges: npt.NDArray[np.bool_],
    blocks: npt.NDArray[np.intp] | None,
    level: float,
) -> Part:
    """A leaf with too few batches or entities for a variance of its own: it borrows that of all leaves.

    That is the mean square within leaves, between the batches or entities of each, on the half that judges. Of a leaf
    that this half has no row of, the mean is that of the half that was searched, which makes it look worse.
    """
    from scipy.special import stdtrit

    own = rows & judges if (rows & judges).any() else rows & ~judges
    mean = float(excess[own].mean())
    _, leaf = np.unique(leaves[judges], return_inverse=True)
    units = np.arange(len(leaf)) if blocks is None else np.unique(blocks[judges], return_inverse=True)[1]
    residuals = excess[judges] - (np.bincount(leaf, excess[judges]) / np.bincount(leaf))[leaf]
    _, cell = np.unique(leaf * (units.max(initial=0) + 1) + units, return_inverse=True)
    freedom = int(cell.max(initial=-1)) - int(leaf.max(initial=-1))
    if freedom < 1:
        return Part(name=name, rows=own, mean=mean, lower=None)
    squares = float((np.bincount(cell, residuals) ** 2 / np.bincount(cell)).sum()) / freedom
    reach = float(stdtrit(freedom, level)) * float(np.sqrt(squares / own.sum()))
    return Part(name=name, rows=own, mean=mean, lower=mean - reach)


def _can_be_judged(part: npt.NDArray[np.bool_], blocks: npt.NDArray[np.intp] | None, min_rows: int) -> bool:
    return part.sum() >= min_rows and (blocks is None or len(pd.unique(blocks[part])) >= LEAST_BLOCKS)


def _branches(tree: Any) -> Iterator[list[tuple[int, list[int]]]]:
    """Of each leaf itself and the nodes above it, the nearest first, with the leaves below each."""
    below: dict[int, list[int]] = {}
    parents: dict[int, int] = {}
    for node in reversed(range(tree.node_count)):  # children have larger numbers than their parents
        children = [int(each[node]) for each in (tree.children_left, tree.children_right) if each[node] >= 0]
        parents |= dict.fromkeys(children, node)
        below[node] = [leaf for child in children for leaf in below[child]] or [node]
    for leaf in below[0]:
        line = [leaf]
        while line[-1] in parents:
            line.append(parents[line[-1]])
        yield [(node, below[node]) for node in line]


def _codes(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column):
        times = column.astype("int64").astype(float)
        return times.where(column.notna(), MISSING_NUMBER * 100)  # nanoseconds come close to the number itself
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float).fillna(MISSING_NUMBER)
    return pd.Series(pd.factorize(column, sort=True)[0], index=column.index, dtype=float)


def _bounds(tree: Any) -> Iterator[tuple[int, dict[int, tuple[float, float]]]]:
    """Of each node, the columns it is told by with their bounds: above the first, at most the second."""
    open_nodes: list[tuple[int, dict[int, tuple[float, float]]]] = [(0, {})]
    while open_nodes:
        node, bounds = open_nodes.pop()
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        yield node, bounds
        if left == right:
            continue
        column, limit = int(tree.feature[node]), float(tree.threshold[node])
        low, high = bounds.get(column, (-np.inf, np.inf))
        open_nodes.append((left, {**bounds, column: (low, min(high, limit))}))
        open_nodes.append((right, {**bounds, column: (max(low, limit), high)}))


def _described(bounds: Mapping[int, tuple[float, float]], rows: pd.DataFrame) -> str:
    said = [_told(str(rows.columns[column]), rows.iloc[:, column], *limits) for column, limits in bounds.items()]
    return " and ".join(said) or "all rows"


def _told(name: str, column: pd.Series, low: float, high: float) -> str:
    """Which values of a column lie between two bounds of its codes, in words."""
    codes = _codes(column)
    inside = column[(codes > low) & (codes <= high)]
    if inside.isna().all():
        return f"{name} {MISSING}"
    if pd.api.types.is_datetime64_any_dtype(column):
        said = f"{inside.min().isoformat()} <= {name} <= {inside.max().isoformat()}"
    elif pd.api.types.is_numeric_dtype(column):
        said = _range(name, low, high)
    else:
        values = sorted(inside.dropna().astype(str).unique())
        more = f" or {len(values) - MOST_NAMED} more" if len(values) > MOST_NAMED else ""
        said = f"{name}={values[0]}" if len(values) == 1 else f"{name} in {', '.join(values[:MOST_NAMED])}{more}"
    return f"{said} or {MISSING}" if inside.isna().any() else said


def _range(name: str, low: float, high: float) -> str:
    bounded = low > 0.4 * MISSING_NUMBER  # else the split only tells missing values apart
    if bounded and np.isfinite(high):
        return f"{low:.4g} < {name} <= {high:.4g}"
    if np.isfinite(high):
        return f"{name} <= {high:.4g}"
    return f"{name} > {low:.4g}" if bounded else f"{name} there"
