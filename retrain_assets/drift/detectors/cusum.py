from __future__ import annotations

from dataclasses import dataclass, field

from retrain_assets.drift.detectors.detector import known
from retrain_assets.drift.detectors.run_length import cusum_limit
from retrain_assets.drift.detectors.scores import Scores
from retrain_assets.drift.detectors.standard import Standard


@dataclass(slots=True)
class Cusum:
    """Two-sided cumulative sum chart: it finds a lasting shift by about twice the allowance soonest.

    `S+ = max(0, S+ + z - k)` and `S- = max(0, S- - z - k)` of the standardized value z; an alarm where one of them
    reaches h, which follows from the wanted run length on a stable series.

    The run length is that of independent normal values. Where the standard is estimated (`Standard.of`), the chart
    learns on from each value that it reads (`Scores`), so that the run length is the same, however few values it is of.
    What changes becomes part of what it learns: after a short past, a shift by a deviation or less can be missed.

    Source: Page 1954, "Continuous inspection schemes", Biometrika 41; Moustakides 1986 for its optimality.

    Args:
        standard: of the stable series.
        values_between_false_alarms: mean number of values between two alarms while nothing has changed.
        allowance: k, in standard deviations.

    >>> chart = Cusum(Standard(0.0, 1.0), values_between_false_alarms=500)
    >>> [chart.update(value) for value in (0.1, 3.0, 3.0, 3.0)]
    [False, False, False, True]
    """

    standard: Standard
    values_between_false_alarms: float
    allowance: float = 0.5
    _limit: float = field(init=False, repr=False)
    _scores: Scores = field(init=False, repr=False, compare=False)
    _up: float = field(init=False, repr=False, default=0.0)
    _down: float = field(init=False, repr=False, default=0.0)
    _share: float = field(init=False, repr=False, default=0.0)

    def __post_init__(self) -> None:
        self._scores = Scores(self.standard)
        if not self.allowance > 0:
            raise ValueError(f"allowance must be > 0 (got {self.allowance})")
        self._limit = cusum_limit(self.allowance, self.values_between_false_alarms)

    @property
    def name(self) -> str:
        return "cusum"

    @property
    def share_of_limit(self) -> float:
        """The larger of both sums, in the limit: from 1 or to -1 on the newest number was an alarm."""
        return self._share

    def update(self, value: float) -> bool:
        if not known(value):
            return False
        z = self._scores.next(value)
        self._up = max(0.0, self._up + z - self.allowance)
        self._down = max(0.0, self._down - z - self.allowance)
        self._share = (self._up if self._up >= self._down else -self._down) / self._limit
        alarm = max(self._up, self._down) >= self._limit
        if alarm:
            self._up = self._down = 0.0
        return alarm

    def reset(self) -> None:
        self._scores.reset()
        self._up = self._down = 0.0
