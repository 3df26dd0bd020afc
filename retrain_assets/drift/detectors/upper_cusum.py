from __future__ import annotations

from retrain_assets.drift.detectors.detector import known


class UpperCusum:
    """One-sided CUSUM chart (Page, Biometrika 41, 1954) of values that are 0 on average while all is well.

    s_t = max(0, s_{t-1} + x_t - `slack`); an alarm when s_t exceeds `limit`. Slack and limit are in the unit of the
    values: where a wanted run length and a standard are known, `Cusum` tells them.

    >>> chart = UpperCusum(slack=0.5, limit=4.0)
    >>> [chart.update(value) for value in (0.0, 2.0, 2.0, 2.0)]
    [False, False, False, True]
    """

    def __init__(self, slack: float = 0.5, limit: float = 4.0) -> None:
        if not limit > 0:
            raise ValueError(f"limit must be > 0 (got {limit})")
        self.slack = slack
        self.limit = limit
        self._sum = 0.0

    @property
    def name(self) -> str:
        return "upper_cusum"

    def update(self, value: float) -> bool:
        if not known(value):
            return False
        self._sum = max(0.0, self._sum + value - self.slack)
        alarm = self._sum > self.limit
        if alarm:
            self.reset()
        return alarm

    def reset(self) -> None:
        self._sum = 0.0
