"""What a control chart reads."""

from __future__ import annotations

import math

from retrain_assets.drift.detectors.self_starting import SelfStarting
from retrain_assets.drift.detectors.standard import Standard

_LEARNT = 3.0
"""Standard deviations: a value farther off is learnt as if it lay there, lest one such value hides all that follow."""


class Scores:
    """Where each value of a series stands against its standard: standard normal while nothing changes.

    A known standard stays as it is. One that was estimated learns each value after it was scored: what is off in it by
    chance comes right, and until then Student's t takes into account how few values it is of.
    """

    __slots__ = ("_level", "_standard")

    def __init__(self, standard: Standard) -> None:
        self._standard = standard
        self.reset()

    def next(self, value: float) -> float:
        """Of the next value."""
        off = (value - self._standard.mean) / self._standard.deviation
        if self._level is None:
            return off
        score = self._level.score(off)
        self._level.learn(off if abs(score) <= _LEARNT else self._level.value(math.copysign(_LEARNT, score)))
        return score

    def reset(self) -> None:
        """Forgets what it has learnt."""
        # In units of the standard: squares of very large or small values have no room in doubles.
        self._level = None if self._standard.values is None else SelfStarting(self._standard.values, 0.0, 1.0)
