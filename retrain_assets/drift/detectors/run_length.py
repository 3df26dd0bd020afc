"""How long control charts run on a stable series before they alarm, and the limit that makes them run so long.

The statistic moves between narrow states; the chance of each move is normal. The mean number of steps until it leaves
them solves a linear system (Brook and Evans 1972, "An approach to the probability distribution of CUSUM run length",
Biometrika 59; Lucas and Saccucci 1990 for the EWMA, Technometrics 32).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

LONGEST = 1e12
"""Of a longer run the chance to end is less than what doubles tell from none."""
_STATES = 81


@lru_cache(maxsize=64)
def cusum_limit(allowance: float, run_length: float) -> float:
    """Limit of a two-sided CUSUM whose alarms on a stable series are `run_length` values apart on average.

    >>> round(cusum_limit(0.5, 465.0), 1)
    5.0
    """
    # Either side alarms half as often as both; they hardly ever do so together.
    return _limit(lambda limit: _cusum_run_length(allowance, limit) / 2, run_length)


@lru_cache(maxsize=64)
def ewma_limit(weight: float, run_length: float) -> float:
    """Limit of an EWMA in its own standard deviations, with alarms `run_length` values apart on average.

    >>> round(ewma_limit(0.1, 500.0), 1)
    2.8
    """
    return _limit(lambda limit: _ewma_run_length(weight, limit), run_length)


def _limit(run_length_of: Callable[[float], float], wanted: float) -> float:
    if not 2 < wanted <= LONGEST:
        raise ValueError(f"values_between_false_alarms must be > 2 and at most {LONGEST:g} (got {wanted})")
    low, high = 1e-3, 1.0
    while run_length_of(high) < wanted:
        low, high = high, 1.5 * high
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if run_length_of(middle) < wanted else (low, middle)
    return high


def _cusum_run_length(allowance: float, limit: float) -> float:
    """Of one side: `S = max(0, S + z - allowance)` until it reaches the limit."""
    from scipy.special import ndtr

    width = 2 * limit / (2 * _STATES - 1)
    states = np.arange(_STATES) * width
    reached = ndtr(states[None, :] - states[:, None] + width / 2 + allowance)
    moves = np.diff(reached, axis=1, prepend=0.0)  # the state zero takes all that would fall below it
    return float(_mean_steps(moves)[0])


def _ewma_run_length(weight: float, limit: float) -> float:
    """`Z = (1 - weight) Z + weight z` until it leaves the limits on either side."""
    from scipy.special import ndtr

    reach = limit * np.sqrt(weight / (2 - weight))
    width = 2 * reach / _STATES
    states = -reach + (np.arange(_STATES) + 0.5) * width
    kept = (1 - weight) * states[:, None]
    moves = ndtr((states[None, :] + width / 2 - kept) / weight) - ndtr((states[None, :] - width / 2 - kept) / weight)
    return float(_mean_steps(moves)[_STATES // 2])


def _mean_steps(moves: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.linalg.solve(np.eye(len(moves)) - moves, np.ones(len(moves))), dtype=np.float64)
