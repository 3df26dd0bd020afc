"""In how many directions batches vary: columns that go together, and cells of one column, count as fewer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def independent_columns(away: Array) -> float:
    """So many columns vary independently of each other from batch to batch: `J^2 / sum of squared correlations`.

    The squared correlation of two independent columns has the mean `1 / (B - 1)`, which is taken off.

    Args:
        away: shape (columns, batches).
    """
    varying, excess = _beyond_chance(away)
    return max(1.0, varying**2 / (varying + excess)) if varying > 1 else 1.0


def independent_columns_at_least(away: Array) -> float:
    """The same, as few as chance leaves open.

    What goes beyond chance is taken for as much larger as the variance of a common cause may be that few batches happen
    to show little of: by two of its standard errors.
    """
    varying, excess = _beyond_chance(away)
    most = excess * (1 + 2 * np.sqrt(2 / (away.shape[1] - 1))) ** 2
    return max(1.0, varying**2 / (varying + most)) if varying > 1 else 1.0


def _beyond_chance(away: Array) -> tuple[int, float]:
    """So many columns vary; and the squared correlations of all pairs, beyond what chance gives on average."""
    count = away.shape[1]
    centred = away - away.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred**2).sum(axis=1))
    varying = centred[scale > 0] / scale[scale > 0][:, None]
    # Of the smaller of the two Gram matrices: both have the same sum of squares.
    gram = varying @ varying.T if len(varying) <= count else varying.T @ varying
    pairs = len(varying) * (len(varying) - 1)
    return len(varying), max(float((gram**2).sum()) - len(varying) - pairs / (count - 1), 0.0)


def dimension_of(away: Array, lengths: Array, cells: Array) -> tuple[Array, Array]:
    """Effective numbers of directions in which batches vary, for the variance and for the skewness of a squared length.

    `tr(S)^2 / tr(S^2)` and `tr(S^2)^3 / tr(S^3)^2`, from 1 to `cells`. Eigenvalues that are observed from few batches
    are more uneven than the true ones, so that the tail is rather too heavy than too light.

    Source: Buckley and Eagleson 1988, "An approximation to the distribution of quadratic forms in normal random
    variables", Australian Journal of Statistics 30A.
    """
    freedom = away.shape[1] - 1
    trace = lengths.sum(axis=1) / freedom
    # Of the smaller of the two Gram matrices: both have the same eigenvalues.
    sides = away.transpose(0, 2, 1)
    gram = (away @ sides if away.shape[1] <= away.shape[2] else sides @ away) / freedom
    squared = gram @ gram
    squares = np.trace(squared, axis1=1, axis2=2)
    cubes = (squared * gram).sum(axis=(1, 2))
    top = np.maximum(cells, 1.0)
    varying = trace > 1e-150
    safe = np.where(varying, 1.0, np.nan)
    dimension = np.nan_to_num(trace**2 / (squares * safe), nan=1.0)
    skewed = np.nan_to_num(squares**3 / (cubes * safe) ** 2, nan=1.0)
    dimension = np.clip(dimension, 1.0, top)
    return dimension, np.clip(skewed, 1.0, dimension)


def dimension_by_rows(sampling: Array, between: Array, cells: Array) -> tuple[Array, Array]:
    """The least that both numbers of directions can be: rows vary alike in all of them, and days at worst in one.

    The eigenvalues of few batches look uneven where rows alone make them differ, which are known to be even.

    Args:
        sampling: variance by rows, all directions together.
        between: the same by days.
        cells: directions.
    """
    each = sampling / np.maximum(cells, 1.0)
    longest = each + between
    trace, squares, cubes = ((cells - 1) * each**power + longest**power for power in (1, 2, 3))
    return trace**2 / squares, squares**3 / cubes**2
