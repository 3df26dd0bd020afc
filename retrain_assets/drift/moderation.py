"""What columns tell each other of how much their batches differ, where a few batches tell little.

They share what they know of `s^2 / mean(unit / rows)` by the empirical Bayes of Smyth 2004, "Linear models and
empirical Bayes methods", SAGMB 3(1), but never more than as many columns as vary independently of each other. It raises
any variance but those that are far too low to be like theirs (of a score that is steady while the inputs cycle), and
lowers one only where that is usual among the columns: a column that varies more than most of them is judged by what it
does itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from retrain_assets.drift.resemblance import TOLD

Array = npt.NDArray[np.float64]

_USUAL, _RARE = 0.1, 0.01
"""A variance that so many columns exceed by chance is taken for theirs; the rarest owes its columns nothing."""
_CALM = 1e-3
"""A variance lower than all but so few by chance is none of theirs: that column owes them nothing either."""


def moderated(ratio: Array, freedom: Array, independent: float) -> tuple[Array, Array]:
    """Observed over sampling variance, with what the other columns tell about it; never below 1, which rows alone give.

    Args:
        ratio: shape (columns,).
        freedom: degrees of freedom of each.
        independent: so many columns vary independently of each other.
    """
    prior, extra = _prior(ratio, freedom)
    if extra == 0:
        return np.maximum(ratio, 1.0), freedom
    from scipy.special import fdtr, fdtrc

    shared = prior if np.isinf(extra) else (extra * prior + freedom * ratio) / (extra + freedom)
    as_far = fdtrc(freedom, min(extra, 1e9), ratio / prior)
    known = np.minimum(freedom + extra, freedom * independent)
    own = np.where(as_far > _USUAL, 1.0, np.maximum(ratio, 1.0))
    calm = (ratio > TOLD) & (fdtr(freedom, min(extra, 1e9), ratio / prior) < _CALM)
    told = np.where(calm, np.maximum(ratio, 1.0), np.maximum(own, shared))
    return told, np.where((as_far > _RARE) & ~calm, known, freedom)


def _prior(ratio: Array, freedom: Array) -> tuple[float, float]:
    """Location and degrees of freedom of the scaled F-distribution that the ratios of all columns follow.

    By the moments of their logarithm, as Smyth 2004 does. No prior (0 degrees) below three columns.
    """
    from scipy.special import digamma, polygamma

    varying = ratio > TOLD
    if varying.sum() < 3:
        return 1.0, 0.0
    half = freedom[varying] / 2
    logs = np.log(ratio[varying]) - digamma(half) + np.log(half)
    excess = logs.var(ddof=1) - polygamma(1, half).mean()
    if excess <= 0:
        return float(np.exp(logs.mean())), np.inf
    extra = 2 * _inverse_trigamma(float(excess))
    return float(np.exp(logs.mean() + digamma(extra / 2) - np.log(extra / 2))), extra


def _inverse_trigamma(value: float) -> float:
    """The x with `trigamma(x) = value`, by the Newton steps of Smyth 2004."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x
