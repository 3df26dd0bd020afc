"""Location and spread of counted values, free of what either says of the other: scores of the normal distribution."""

from __future__ import annotations

import numpy as np

from retrain_assets.drift.variation import Array


def widening(shares: Array) -> float:
    """What a shift alone adds to the mean of the squared scores, in squares of the shift.

    A shift by t in normal scores adds `t^2` to the mean square: without this every day whose location differs would
    be a little wider too, by the square of a normal number, whose tails are heavy.
    """
    location, squares = _conditional_means(shares)
    centred = squares - squares @ shares
    return float(np.sqrt(centred**2 @ shares) / 2 / (location**2 @ shares))


def normal_scores(shares: Array) -> list[Array]:
    """Normal scores of the cells and their squares, each with mean 0 and variance 1, and uncorrelated.

    None for a single cell that has rows, and only the first for two.
    """
    held = np.count_nonzero(shares)
    if held < 2:
        return []
    location, squares = _conditional_means(shares)
    location = _standard(location, shares)
    return (
        [location] if held == 2 else [location, _standard(squares - (squares * location @ shares) * location, shares)]
    )


def _conditional_means(shares: Array) -> tuple[Array, Array]:
    """Means of z and of z^2 - 1 over the part of the normal distribution that each cell is.

    Not the values in the cells' middles: a shift and a widening move the shares into exactly these directions, so that
    nothing of them is left for the shape.
    """
    from scipy.special import ndtri

    ends = ndtri(np.clip(np.append(0.0, np.cumsum(shares)), 1e-12, 1 - 1e-12))
    heights = np.exp(-(ends**2) / 2) / np.sqrt(2 * np.pi)
    heights[[0, -1]] = 0.0
    width = np.where(shares > 0, shares, np.inf)
    return -np.diff(heights) / width, -np.diff(ends * heights) / width


def _standard(scores: Array, shares: Array) -> Array:
    centred = scores - scores @ shares
    return centred / np.sqrt(np.maximum(centred**2 @ shares, 1e-300))
