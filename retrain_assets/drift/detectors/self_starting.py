"""Scores of a series whose level is only estimated, as exact as those of one whose level is known."""

from __future__ import annotations

import math

FARTHEST = 8.0
"""Standard deviations: beyond, doubles tell no chance from none."""


class SelfStarting:
    """Mean and deviation of the values so far, and where the next one stands against them.

    Of n values with mean m and standard deviation s, t = (x - m) / (s sqrt(1 + 1/n)) of the next one has Student's
    distribution with n - 1 degrees of freedom while nothing changes. The normal value of the same probability is its
    score. The scores of independent normal values are independent and standard normal, however few values there were
    before, so that a chart over them alarms as seldom as if the level were known.

    Source: Hawkins 1987, "Self-starting Cusum charts for location and scale", The Statistician 36.

    >>> level = SelfStarting()
    >>> for value in (1.0, 2.0, 3.0):
    ...     level.learn(value)
    >>> round(level.score(4.0), 2)
    1.21
    """

    __slots__ = ("_squares", "count", "mean")

    def __init__(self, count: int = 0, mean: float = 0.0, deviation: float = 0.0) -> None:
        self.count = count
        self.mean = mean
        self._squares = deviation**2 * (count - 1)

    def score(self, value: float) -> float:
        """At most `FARTHEST` from zero; NaN where the values so far tell nothing of what they differ by."""
        from scipy.special import ndtri, stdtr  # SciPy takes a while, and a code location only names triggers

        if self.count < 2 or self._squares <= 0:
            return math.nan
        normal = float(ndtri(stdtr(self.count - 1, (value - self.mean) / self._scale)))
        return min(FARTHEST, max(-FARTHEST, normal))

    def value(self, score: float) -> float:
        """The value that has this score."""
        from scipy.special import ndtr, stdtrit

        return self.mean + self._scale * float(stdtrit(self.count - 1, ndtr(score)))

    def learn(self, value: float) -> None:
        """Takes one more value."""
        self.count += 1
        step = value - self.mean
        self.mean += step / self.count
        self._squares += step * (value - self.mean)

    @property
    def _scale(self) -> float:
        return math.sqrt(self._squares / (self.count - 1) * (1 + 1 / self.count))
