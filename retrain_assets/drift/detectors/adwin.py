from __future__ import annotations

import math

import numpy as np

from retrain_assets.drift.detectors.detector import known


class Adwin:
    """Adaptive windowing (Bifet and Gavalda, SDM 2007) for values in [0, 1].

    A window of n values is cut where the means of its parts, of n0 and n1 values, differ by at least

        e = sqrt(2 / m x v x ln(2 / d)) + 2 / (3 m) x ln(2 / d),  1 / m = 1 / n0 + 1 / n1,  d = delta / ln(n),

    with v the variance of the window. Cuts are tried between groups of `clock` values, all of them, where the paper
    keeps exponential buckets to save memory. Only a rise of the mean is an alarm: a model that gets better is no reason
    to train another; either way the older part is dropped, and the newer one is what it goes on with.

    >>> detector = Adwin()
    >>> any([detector.update(0.0) for _ in range(1000)]), any([detector.update(1.0) for _ in range(200)])
    (False, True)
    """

    def __init__(self, delta: float = 0.002, clock: int = 32) -> None:
        if not 0 < delta < 1:
            raise ValueError(f"delta must be between 0 and 1 (got {delta})")
        self.delta = delta
        self.clock = clock
        self.reset()

    @property
    def name(self) -> str:
        return "adwin"

    def update(self, value: float) -> bool:
        if not known(value):
            return False
        if not 0 <= value <= 1:
            raise ValueError(f"a value must lie between 0 and 1 (got {value})")
        self._rest.append(value)
        if len(self._rest) < self.clock:
            return False
        self._sums = np.append(self._sums, self._sums[-1] + math.fsum(self._rest))
        self._squares = np.append(self._squares, self._squares[-1] + math.fsum(each * each for each in self._rest))
        self._rest = []
        alarm = False
        while (cut := self._cut()) is not None:
            at, rose = cut
            alarm |= rose
            self._sums = self._sums[at:] - self._sums[at]
            self._squares = self._squares[at:] - self._squares[at]
        return alarm

    def reset(self) -> None:
        self._sums = np.zeros(1)
        self._squares = np.zeros(1)
        self._rest: list[float] = []

    def _cut(self) -> tuple[int, bool] | None:
        groups = len(self._sums) - 1
        if groups < 2:
            return None
        n = groups * self.clock
        older = np.arange(1, groups) * self.clock
        newer = n - older
        before, after = self._sums[1:-1] / older, (self._sums[-1] - self._sums[1:-1]) / newer
        variance = max(0.0, self._squares[-1] / n - (self._sums[-1] / n) ** 2)
        log = math.log(2 * math.log(n) / self.delta)
        harmonic = 1 / older + 1 / newer
        allowed = np.sqrt(2 * harmonic * variance * log) + 2 / 3 * harmonic * log
        differing = np.flatnonzero(np.abs(after - before) > allowed)
        if not len(differing):
            return None
        at = int(differing[0])
        return at + 1, bool(after[at] > before[at])
