from __future__ import annotations

import math
from dataclasses import dataclass, field

from retrain_assets.drift.detectors.detector import known
from retrain_assets.drift.detectors.run_length import ewma_limit
from retrain_assets.drift.detectors.scores import Scores
from retrain_assets.drift.detectors.standard import Standard


@dataclass(slots=True)
class Ewma:
    """Exponentially weighted moving average chart: small shifts with a small weight, large ones with a large weight.

    `Z = (1 - w) Z + w z` of the standardized value z; an alarm where |Z| reaches L of its standard deviations in the
    long run, `sqrt(w / (2 - w))`. L follows from the wanted run length on a stable series of independent normal values.
    It learns on from what it reads where the standard is estimated, as `Cusum` does.

    Source: Roberts 1959, "Control chart tests based on geometric moving averages", Technometrics 1.

    Args:
        standard: of the stable series.
        values_between_false_alarms: mean number of values between two alarms while nothing has changed.
        weight: w, of the newest value.

    >>> chart = Ewma(Standard(0.0, 1.0), values_between_false_alarms=500)
    >>> [chart.update(value) for value in (0.1, 3.0, 3.0, 3.0)]
    [False, False, True, False]
    """

    standard: Standard
    values_between_false_alarms: float
    weight: float = 0.2
    _limit: float = field(init=False, repr=False)
    _scores: Scores = field(init=False, repr=False, compare=False)
    _average: float = field(init=False, repr=False, default=0.0)
    _share: float = field(init=False, repr=False, default=0.0)

    def __post_init__(self) -> None:
        self._scores = Scores(self.standard)
        if not 0 < self.weight <= 1:
            raise ValueError(f"weight must be above 0 and at most 1 (got {self.weight})")
        spread = math.sqrt(self.weight / (2 - self.weight))
        self._limit = ewma_limit(self.weight, self.values_between_false_alarms) * spread

    @property
    def name(self) -> str:
        return "ewma"

    @property
    def share_of_limit(self) -> float:
        """Where the newest number left it, in its limit: from 1 or to -1 on that was an alarm."""
        return self._share

    def update(self, value: float) -> bool:
        if not known(value):
            return False
        z = self._scores.next(value)
        self._average += self.weight * (z - self._average)
        self._share = self._average / self._limit
        alarm = abs(self._average) >= self._limit
        if alarm:
            self._average = 0.0
        return alarm

    def reset(self) -> None:
        self._scores.reset()
        self._average = 0.0
