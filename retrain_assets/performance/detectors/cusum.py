"""CUSUM: the control chart of a mean that must not rise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class Cusum:
    """One-sided CUSUM chart (Page, Biometrika 41, 1954) of standardized values.

    s_t = max(0, s_{t-1} + x_t - `slack`); an alarm when s_t exceeds `limit`.

    >>> detector = Cusum(slack=0.5, limit=4.0)
    >>> detector.update(np.zeros(10)), detector.update(np.full(5, 2.0))
    (False, True)
    """

    def __init__(self, slack: float = 0.5, limit: float = 4.0) -> None:
        self.slack = slack
        self.limit = limit
        self._sum = 0.0

    def update(self, values: npt.NDArray[np.floating]) -> bool:
        """Reads standardized values; whether their mean rose."""
        alarm = False
        for value in np.asarray(values, dtype=np.float64).tolist():
            self._sum = max(0.0, self._sum + value - self.slack)
            if self._sum > self.limit:
                alarm = True
                self._sum = 0.0
        return alarm
