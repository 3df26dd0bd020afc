"""DDM: the error rate against the best that it was."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


class Ddm:
    """Drift detection method (Gama et al., SBIA 2004) for errors, 0 or 1.

    With p the error rate since the last alarm and s = sqrt(p (1 - p) / n), it keeps the least p + s and alarms when
    p + s reaches the p + `level` x s of that moment.

    >>> detector = Ddm()
    >>> detector.update(np.tile([0, 0, 0, 1], 100)), detector.update(np.ones(60))
    (False, True)
    """

    def __init__(self, level: float = 3.0, least: int = 30) -> None:
        self.level = level
        self.least = least
        self._forget()

    def _forget(self) -> None:
        self._count, self._errors = 0, 0.0
        self._best, self._limit = math.inf, math.inf

    def update(self, values: npt.NDArray[np.floating]) -> bool:
        """Reads errors; whether the rate rose."""
        alarm = False
        for error in np.asarray(values, dtype=np.float64).tolist():
            self._count += 1
            self._errors += error
            rate = self._errors / self._count
            spread = math.sqrt(rate * (1 - rate) / self._count)
            if self._count < self.least:
                continue
            if rate + spread < self._best:
                self._best, self._limit = rate + spread, rate + self.level * spread
            if rate + spread > self._limit:
                alarm = True
                self._forget()
        return alarm
