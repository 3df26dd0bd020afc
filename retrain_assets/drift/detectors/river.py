from __future__ import annotations

from typing import Any, Protocol

from retrain_assets.drift.detectors.detector import known


class RiverLike(Protocol):
    """What a detector of the package `river` looks like: ADWIN, PageHinkley, KSWIN, DDM, HDDMA and others."""

    def update(self, x: Any) -> Any:
        """Takes the next value."""
        ...

    def clone(self) -> Any:
        """A fresh one of the same settings."""
        ...

    @property
    def drift_detected(self) -> bool:
        """Whether the last value raised an alarm."""
        ...


_PARTS = ("update", "clone", "drift_detected")


class RiverDetector:
    """A detector of the package `river` behind the same protocol as ours.

    `river` need not be installed unless it is used: the caller makes its detector. One that counts errors (DDM, HDDM)
    wants zeros and ones, and sees them as they come.

        from river import drift

        RiverDetector(drift.ADWIN(delta=0.002))

    Args:
        detector: of river; a fresh clone of it is used.

    Raises:
        TypeError: it is none, or a class of them.
    """

    def __init__(self, detector: RiverLike) -> None:
        if isinstance(detector, type) or not all(hasattr(detector, part) for part in _PARTS):
            got = repr(detector) if isinstance(detector, type) else type(detector).__name__
            raise TypeError(
                f"detector must be one of river, as drift.ADWIN() after `from river import drift` (got {got})"
            )
        self._settings = detector
        self._running: RiverLike = detector.clone()

    @property
    def name(self) -> str:
        """Of river's class."""
        return type(self._settings).__name__.lower()

    def update(self, value: float) -> bool:
        """Takes the next number; True when it alarms at this one."""
        if not known(value):
            return False
        self._running.update(value)
        alarm = bool(self._running.drift_detected)
        if alarm:
            self.reset()
        return alarm

    def reset(self) -> None:
        """Forgets all it has seen."""
        self._running = self._settings.clone()
