from __future__ import annotations

import math

from retrain_assets.drift.detectors.detector import known


class Ddm:
    """Drift detection method (Gama et al., SBIA 2004) for errors, 0 or 1.

    With p the error rate since the last alarm and s = sqrt(p (1 - p) / n), it keeps the least p + s and alarms when
    p + s exceeds the p + `level` x s of that moment, after at least `least` errors.

    >>> detector = Ddm()
    >>> any([detector.update(k % 4 == 3) for k in range(400)]), any([detector.update(1.0) for _ in range(60)])
    (False, True)
    """

    def __init__(self, level: float = 3.0, least: int = 30) -> None:
        if not level > 0:
            raise ValueError(f"level must be > 0 (got {level})")
        self.level = level
        self.least = least
        self.reset()

    @property
    def name(self) -> str:
        return "ddm"

    def update(self, value: float) -> bool:
        if not known(value):
            return False
        if not 0 <= value <= 1:
            raise ValueError(f"an error must be 0 or 1, or a share of errors (got {value})")
        self._count += 1
        self._errors += value
        if self._count < self.least:
            return False
        rate = self._errors / self._count
        spread = math.sqrt(rate * (1 - rate) / self._count)
        if rate + spread < self._best:
            self._best, self._limit = rate + spread, rate + self.level * spread
        alarm = rate + spread > self._limit
        if alarm:
            self.reset()
        return alarm

    def reset(self) -> None:
        self._count, self._errors = 0, 0.0
        self._best, self._limit = math.inf, math.inf
