from __future__ import annotations

from retrain_assets.drift.detectors.detector import known


class PageHinkley:
    """Page-Hinkley test for a rise of the mean (Page, Biometrika 41, 1954; Hinkley, Biometrika 58, 1971).

    m_t = sum of (x_i - mean of x_1..x_i - `slack`); an alarm when m_t exceeds its least value by more than `limit`,
    after at least `least` values.

    >>> detector = PageHinkley(slack=0.005, limit=5.0)
    >>> any([detector.update(0.0) for _ in range(100)]), any([detector.update(1.0) for _ in range(20)])
    (False, True)
    """

    def __init__(self, slack: float = 0.005, limit: float = 50.0, least: int = 30) -> None:
        if not limit > 0:
            raise ValueError(f"limit must be > 0 (got {limit})")
        self.slack = slack
        self.limit = limit
        self.least = least
        self.reset()

    @property
    def name(self) -> str:
        return "page_hinkley"

    def update(self, value: float) -> bool:
        if not known(value):
            return False
        self._count += 1
        self._sum += value
        self._excess += value - self._sum / self._count - self.slack
        self._lowest = min(self._lowest, self._excess)
        alarm = self._count >= self.least and self._excess - self._lowest > self.limit
        if alarm:
            self.reset()
        return alarm

    def reset(self) -> None:
        self._count, self._sum, self._excess, self._lowest = 0, 0.0, 0.0, 0.0
