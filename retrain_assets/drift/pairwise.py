"""Correlations of all pairs of columns, batch by batch, that neither shift, scale nor missing values change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain_assets.drift.rows import Matrix, drawn_places
from retrain_assets.drift.variation import Array

CLIPPED = 3.0
_BLOCK = 4_096
_ENOUGH = 5_000
_CONSTANT = 1e-9
"""Variance of a standardised column below which it has a single value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlations:
    """Fisher's z of the pairs' correlations by batch, shape (pairs, batches), with the rows that each is of.

    It is NaN where a batch has fewer rows with both values than asked for, or a single value of one of them.
    """

    values: Array
    rows: Array

    @property
    def known(self) -> Array:
        """In how many batches each pair is known."""
        return np.count_nonzero(~np.isnan(self.values), axis=1).astype(np.float64)

    def of(self, pairs: npt.NDArray[np.bool_]) -> Correlations:
        """Only the pairs that are marked."""
        return Correlations(values=self.values[pairs], rows=self.rows[pairs])

    def without_gaps(self) -> Correlations:
        """Of each pair as many batches as the least known one has: those which most pairs know, so that they match.

        They stay in order of time.
        """
        if not np.isnan(self.values).any():
            return self
        order = np.argsort(np.isnan(self.values).sum(axis=0), kind="stable")
        first = np.argsort(np.isnan(self.values[:, order]), axis=1, kind="stable")[:, : int(self.known.min())]
        places = np.sort(order[first], axis=1)
        values, rows = (np.take_along_axis(each, places, 1) for each in (self.values, self.rows))
        return Correlations(values=values, rows=rows)

    def mean(self) -> tuple[Array, Array, Array]:
        """Of the batches that know each pair: the mean, so many batches, and the rows that tell as much as they do."""
        there = ~np.isnan(self.values)
        batches = there.sum(axis=1)
        noise = np.where(there, 1.0 / np.maximum(self.rows, 1.0), 0.0).sum(axis=1)
        return np.where(there, self.values, 0.0).sum(axis=1) / batches, batches.astype(float), batches**2 / noise


def correlations_of(batches: Sequence[Matrix], *, at_least: int, alike: bool) -> Correlations:
    """Of each batch.

    Values are centred at the median, scaled by the quartiles and clipped at three, so that single far rows make no
    correlation. Each batch has its own centre and scale: a column that has moved as a whole, or is measured in another
    unit, hangs together with the others as before. A pair is judged by the rows that have both values, which leaves a
    correlation as it is where values are missing at random; what is infinite is no value.

    Args:
        batches: rows of the same columns.
        at_least: rows with both values that a pair must have.
        alike: they are random parts of the same rows, and share centre and scale.
    """
    common = _centre_and_scale(_sample(batches)) if alike else None
    found = [_fisher(rows, *(common or _centre_and_scale(_sample([rows]))), at_least) for rows in batches]
    values, counts = (np.stack(each, axis=1) for each in zip(*found, strict=True))
    return Correlations(values=values, rows=counts)


def _sample(batches: Sequence[Matrix]) -> Matrix:
    """Some 5,000 rows and at least one of each batch: quartiles are then known to a fiftieth of a deviation.

    Drawn, and not every so many: rows may come in turns, from one machine after the other.
    """
    rng, rows = np.random.default_rng(0), sum(map(len, batches))
    if rows > _ENOUGH:
        batches = [part[drawn_places(len(part), max(1, len(part) * _ENOUGH // rows), rng)] for part in batches]
    return batches[0] if len(batches) == 1 else np.concatenate(batches)


def _centre_and_scale(rows: Matrix) -> tuple[Array, Array]:
    """Median and quartile distance of the finite values; where the quartiles are one, the mean absolute deviation."""
    columns = np.where(np.isfinite(rows), rows, np.nan).T.copy()
    columns.sort(axis=1)  # with what is missing behind
    last = np.count_nonzero(~np.isnan(columns), axis=1) - 1
    low, middle, high = (_quantile(columns, share * np.maximum(last, 0)) for share in (0.25, 0.5, 0.75))
    with np.errstate(over="ignore", invalid="ignore"):
        scale = (high - low) / 1.349
        for place in np.flatnonzero((scale == 0) & (last > 0)):
            scale[place] = np.abs(columns[place, : last[place] + 1] - middle[place]).mean() / 0.798
    return np.nan_to_num(middle), np.where((scale > 0) & np.isfinite(scale), scale, 1.0)


def _quantile(columns: Array, places: Array) -> Array:
    """Of sorted rows, between two places linearly."""
    below = np.floor(places).astype(np.int64)
    each = np.arange(len(columns))
    low, high = columns[each, below], columns[each, np.minimum(below + 1, columns.shape[1] - 1)]
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(places > below, low + (high - low) * (places - below), low)


def _fisher(rows: Matrix, middle: Array, scale: Array, at_least: int) -> tuple[Array, Array]:
    """Fisher's z of each pair, and the rows that have both values."""
    count, sums, squares, products = _sums(rows, middle, scale)
    pairs = np.triu_indices(rows.shape[1], 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums / count
        spread = squares / count - means**2
        pearson = ((products / count - means * means.T) / np.sqrt(spread * spread.T))[pairs]
    known = (count >= at_least) & (np.minimum(spread, spread.T) > _CONSTANT)
    return np.where(known[pairs], np.arctanh(np.clip(pearson, -0.9999, 0.9999)), np.nan), count[pairs]


def _sums(rows: Matrix, middle: Array, scale: Array) -> tuple[Array, Array, Array, Array]:
    """Over the rows that have i and j: their number, the sums of i and of its squares, and of the products.

    By blocks that stay in the processor's cache; only of columns with gaps it takes further products of matrices.
    """
    width = rows.shape[1]
    gaps = np.flatnonzero(~np.isfinite(rows).all(axis=0))
    count, sums, squares, products = (np.zeros((width, width)) for _ in range(4))
    for start in range(0, len(rows), _BLOCK):
        block, missing = _standard(rows[start : start + _BLOCK], middle, scale, gaps)
        count += len(block)
        sums += block.sum(axis=0)[:, None]
        if not len(gaps):
            products += block.T @ block
            continue
        own = block * block
        # One product in place of four: threads that wait for each other cost more than the part that is not needed.
        every = np.hstack([block, own, missing]).T @ np.hstack([block, missing])
        products += every[:width, :width]
        sums[:, gaps] -= every[:width, width:]
        squares[:, gaps] -= every[width : 2 * width, width:]
        either = missing.sum(axis=0)
        count[gaps, :] -= either[:, None]
        count[:, gaps] -= either
        count[np.ix_(gaps, gaps)] += every[2 * width :, width:]
    return count, sums, squares + np.diag(products)[:, None], products


def _standard(rows: Matrix, middle: Array, scale: Array, gaps: npt.NDArray[np.int64]) -> tuple[Matrix, Matrix]:
    """Clipped, with zeros for what is no finite number, and ones where the columns with gaps have none."""
    missing = ~np.isfinite(rows[:, gaps])
    with np.errstate(over="ignore", invalid="ignore"):
        standard = rows - middle
        standard /= scale
    np.clip(standard, -CLIPPED, CLIPPED, out=standard)
    standard[:, gaps] = np.where(missing, 0.0, standard[:, gaps])
    return standard, missing.astype(np.float64)
