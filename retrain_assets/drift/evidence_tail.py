"""How likely the evidence of a stable column reaches a far limit: what simulated years are too few to tell is computed.

Given how far the reference is off in its centre and its spread, evidence moves between narrow states as a Markov chain
(Brook and Evans 1972, "An approach to the probability distribution of CUSUM run length", Biometrika 59). Few checks are
taken one by one. Of many, the first three moments of their number until the limit is reached solve banded linear
systems: a shifted gamma distribution with these moments is the exponential one of long runs (Siegmund 1985, "Sequential
analysis") as well as the nearly normal one of evidence that climbs at each check. Both errors of the reference are then
integrated out: where it is of few batches, years in which it is far off make nearly all of the tail.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_Vector = npt.NDArray[np.float64]

_WIDTHS = (0.25, 1.0)
_STATES = 160
_SPREAD_APART = 0.2
_CENTRE_APART = 0.5
_FEW = 128
"""Checks that are taken one by one."""
_NEGLIGIBLE = 1e-3
"""Part of the wanted chance."""
_LONGEST = 1e10
"""Checks: of a longer run doubles do not tell the moments, and the chance within a year is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceTail:
    """The largest evidence of one stable column in so many checks.

    Args:
        batches: of the reference.
        checks: of the year.
        allowance: what a check must be unusual by for the evidence to grow.
        clearest: more than this one check is not unusual by.
    """

    batches: int
    checks: int
    allowance: float
    clearest: float

    def limit(self, chance: float, *, least: float) -> float:
        """The limit that is reached with this chance, and at least `least`."""
        from scipy.optimize import brentq

        def excess(limit: float) -> float:
            return math.log(max(self.chance(limit, negligible=_NEGLIGIBLE * chance), 1e-300) / chance)

        low, high = least, 1.3 * least
        if excess(low) <= 0:
            return least
        while excess(high) > 0:
            low, high = high, 1.5 * high
        return float(brentq(excess, low, high, rtol=1e-3))

    def chance(self, limit: float, *, negligible: float = 1e-9) -> float:
        """That the largest evidence reaches a limit."""
        from scipy.special import ndtr

        reached = _within_few if self.checks <= _FEW else _within_many
        width = min(max(limit / _STATES, _WIDTHS[0]), _WIDTHS[1])
        states = max(round(limit / width + 0.5), 2)
        width = limit / (states - 0.5)  # the last state ends at the limit, and the first, zero, is half as wide
        down = min(math.ceil((self.clearest + self.allowance) / width + 0.5), states - 1)
        up = min(math.ceil((self.clearest - self.allowance) / width + 0.5), states - 1)
        t = self._deviations(np.arange(-down - 0.5, up + 1) * width + self.allowance)
        chance = 0.0
        for centre, weight in _half_normal():
            off = centre / math.sqrt(self.batches)
            for spread, likely in self._spreads():
                if weight * likely < negligible:
                    continue
                below = ndtr(off + spread * t) - ndtr(off - spread * t)
                part = weight * reached(below, states, down, self.checks)
                chance += likely * part
                if part < negligible:  # a wider reference makes it less likely still
                    break
        return chance

    def _deviations(self, unusual: _Vector) -> _Vector:
        """How many estimated deviations off a check is that is so unusual."""
        from scipy.special import ndtr, stdtrit

        far = -stdtrit(self.batches - 1, ndtr(-np.clip(unusual, -self.clearest, self.clearest)) / 2)
        return np.where(unusual >= self.clearest, np.inf, np.where(unusual < -self.clearest, 0.0, far)).astype(float)

    def _spreads(self) -> Iterator[tuple[float, float]]:
        """Estimated deviations that a check is held against, the smallest first, with their weights."""
        from scipy.special import chdtri, ndtr

        normal = np.arange(-6.0, 3.01, _SPREAD_APART)
        variance = chdtri(self.batches - 1, ndtr(-normal)) / (self.batches - 1) * (1 + 1 / self.batches)
        weights = np.exp(-(normal**2) / 2) / math.sqrt(2 * math.pi) * _SPREAD_APART
        return zip(np.sqrt(variance).tolist(), weights.tolist(), strict=True)


def _half_normal() -> Iterator[tuple[float, float]]:
    """Either side of zero does the same."""
    for normal in np.arange(0.0, 4.51, _CENTRE_APART).tolist():
        density = math.exp(-(normal**2) / 2) / math.sqrt(2 * math.pi) * _CENTRE_APART
        yield normal, density * (2 if normal else 1)


def _within_few(below: _Vector, states: int, down: int, checks: int) -> float:
    """The chance to reach the limit from zero; arguments are those of `_moments`."""
    moves = np.diff(below)
    moves[0] += below[0]
    left = np.ones(states)  # of not having reached it yet, from each state
    beyond = np.zeros(len(moves) - 1 - down)
    for _ in range(checks):
        left = np.correlate(np.concatenate([np.full(down, left[0]), left, beyond]), moves, "valid")
    return 1 - float(left[0])


def _within_many(below: _Vector, states: int, down: int, checks: int) -> float:
    """The same, by the moments of the run."""
    from scipy.special import gammainc

    mean, variance, third = _moments(below, states, down)
    if mean > _LONGEST:
        return 0.0
    skewness = min(max(third / variance**1.5, 0.05), 4.0)
    shape, scale = 4 / skewness**2, math.sqrt(variance) * skewness / 2
    # Checks are whole numbers.
    return float(gammainc(shape, max(checks + 0.5 - mean + shape * scale, 0.0) / scale))


def _moments(below: _Vector, states: int, down: int) -> tuple[float, float, float]:
    """Mean, variance and third central moment of the number of steps from zero until the limit is reached.

    Args:
        below: chances of steps below each edge, from the lower one of the step down by `down` states on.
        states: so many.
        down: the largest step down, in states.
    """
    from scipy.linalg import solve_banded

    up = len(below) - 2 - down
    bands = np.empty((up + down + 1, states))
    bands[:] = -np.diff(below)[::-1, None]
    bands[up:, 0] = -below[down + 1 :: -1][: down + 1]  # zero takes all that would fall below it
    bands[up] += 1 + 1e-12  # lest a run that hardly ever ends makes the system singular
    power, powers = np.ones(states), list[float]()
    for _ in range(3):
        power = solve_banded((down, up), bands, power, check_finite=False)
        powers.append(float(power[0]))
    first, second, third = powers
    square = 2 * second - first
    cube = 6 * (third - second) + first
    return first, max(square - first**2, 1e-4), cube - 3 * first * square + 2 * first**3
