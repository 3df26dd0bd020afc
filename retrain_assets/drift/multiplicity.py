"""Many tests at once: which p-values still count."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

P = npt.NDArray[np.float64]

_MOST = 0.999
"""A p-value of 1, as of what is counted, would outweigh any other."""


def holm(p_values: P) -> P:
    """Adjusted p-values; those at most alpha reject with a probability of any false rejection of at most alpha.

    `max_{i <= j} (m - i + 1) p_(i)`, under any dependence.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    return _back(order, np.minimum(np.maximum.accumulate(steps), 1.0))


def benjamini_hochberg(p_values: P) -> P:
    """Adjusted p-values; those at most alpha are a set with an expected share of false ones of at most alpha.

    `min_{i >= j} m p_(i) / i`, for independent or positively dependent tests.

    Source: Benjamini and Hochberg 1995, "Controlling the false discovery rate", Journal of the Royal Statistical
    Society B 57(1); Benjamini and Yekutieli 2001 for dependence.

    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    return _back(order, np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0))


def sidak(smallest: P, tests: npt.NDArray[np.int64] | P) -> P:
    """P-value of the smallest of so many p-values: `1 - (1 - p)^m`, exact for independent tests.

    Source: Sidak 1967, "Rectangular confidence regions for the means of multivariate normal distributions", Journal of
    the American Statistical Association 62.

    >>> sidak(np.array([0.01]), np.array([5])).round(5).tolist()
    [0.04901]
    """
    return -np.expm1(tests * np.log1p(-np.minimum(smallest, 1 - 1e-16)))


def cauchy(p_values: P, weights: P) -> P:
    """P-value of several tests together, each with its weight: less where more of them say so.

    It is about the smallest over its weight, where one says far more than the others. The sum of
    `w_i tan((1/2 - p_i) pi)` is Cauchy-distributed far out, under almost any dependence.

    Source: Liu and Xie 2020, "Cauchy combination test: a powerful test with analytic p-value calculation under
    arbitrary dependency structures", Journal of the American Statistical Association 115.

    Args:
        p_values: shape (tests, columns).
        weights: of each test, of the same shape; the sum of a column's is 1.

    >>> cauchy(np.array([[0.001, 0.001], [0.001, 0.5]]), np.full((2, 2), 0.5)).round(5).tolist()
    [0.001, 0.002]
    """
    far = np.clip(p_values, 1e-300, _MOST)
    # Near zero the tangent of so large an angle is 1 / (pi p), and its arc is lost in rounding.
    tangents = np.where(far < 1e-8, 1 / (np.pi * far), np.tan((0.5 - far) * np.pi))
    total = (weights * tangents).sum(axis=0)
    return np.where(total > 1e8, 1 / (np.pi * np.maximum(total, 1.0)), 0.5 - np.arctan(total) / np.pi)


CORRECTIONS = {"holm": holm, "benjamini_hochberg": benjamini_hochberg}


def _back(order: npt.NDArray[np.intp], ordered: P) -> P:
    adjusted = np.empty_like(ordered)
    adjusted[order] = ordered
    return adjusted
