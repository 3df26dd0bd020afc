"""How fast it goes, and how long it will take at that pace."""

from __future__ import annotations

from collections import deque


class Pace:
    """Time left, from the newest steps alone: the first ones are not like the later ones.

    >>> pace = Pace(window=2)
    >>> for done, second in ((0, 0.0), (1, 100.0), (2, 101.0), (3, 102.0)):
    ...     pace.note(done, at=second)
    >>> pace.left(10)
    7.0
    """

    def __init__(self, window: int = 20) -> None:
        self._notes: deque[tuple[int, float]] = deque(maxlen=window + 1)

    def note(self, done: int, *, at: float) -> None:
        """So many are done at this second; the same number again is no news."""
        if not self._notes or done > self._notes[-1][0]:
            self._notes.append((done, at))

    def left(self, total: int) -> float | None:
        """Seconds until all are done; None before there is a pace."""
        if len(self._notes) < 2:
            return None
        (done, first), (newest, last) = self._notes[0], self._notes[-1]
        return (total - newest) * (last - first) / (newest - done)


def clock_time(seconds: float | None) -> str:
    """Minutes and seconds.

    >>> clock_time(134.2), clock_time(None)
    ('2:14', '-:--')
    """
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
