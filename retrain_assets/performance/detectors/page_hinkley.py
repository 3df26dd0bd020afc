"""Page-Hinkley: the cumulated excess over the running mean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class PageHinkley:
    """Page-Hinkley test (Page, Biometrika 41, 1954) for a rise of the mean.

    m_t = sum of (x_i - mean of x_1..x_i - `slack`); an alarm when m_t exceeds its least value by more than `limit`.

    >>> detector = PageHinkley(slack=0.005, limit=5.0)
    >>> detector.update(np.zeros(100)), detector.update(np.ones(20))
    (False, True)
    """

    def __init__(self, slack: float = 0.005, limit: float = 50.0, least: int = 30) -> None:
        self.slack = slack
        self.limit = limit
        self.least = least
        self._forget()

    def _forget(self) -> None:
        self._count, self._sum, self._excess, self._lowest = 0, 0.0, 0.0, 0.0

    def update(self, values: npt.NDArray[np.floating]) -> bool:
        """Reads values; whether their mean rose."""
        alarm = False
        for value in np.asarray(values, dtype=np.float64).tolist():
            self._count += 1
            self._sum += value
            self._excess += value - self._sum / self._count - self.slack
            self._lowest = min(self._lowest, self._excess)
            if self._count >= self.least and self._excess - self._lowest > self.limit:
                alarm = True
                self._forget()
        return alarm
