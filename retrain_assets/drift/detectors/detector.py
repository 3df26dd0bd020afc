"""What every streaming detector answers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol, runtime_checkable


@runtime_checkable
class Detector(Protocol):
    """Takes one number after the other and says at which of them it alarms.

    After an alarm it begins anew, as after `reset`, or with what it still holds: what came after the change where it
    knows that, what it has learnt of the level before. What is no finite number is unknown: it changes nothing and
    alarms nobody. Two detectors of the same settings that see the same numbers alarm at the same places.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def update(self, value: float) -> bool:
        """Takes the next number; True when it alarms at this one."""
        ...

    def reset(self) -> None:
        """Forgets all it has seen."""
        ...


def any_alarm(detector: Detector, values: Iterable[float]) -> bool:
    """Takes all of some numbers; whether there was an alarm among them. What comes after an alarm counts too."""
    alarms = [detector.update(value) for value in values]
    return any(alarms)


def known(value: float | None) -> bool:
    """Whether a number can be used.

    Raises:
        TypeError: it is none.

    >>> known(1.5), known(float("nan")), known(None)
    (True, False, False)
    """
    try:
        return value is not None and math.isfinite(value)
    except TypeError:
        raise TypeError(f"each value must be a number, or None where it is unknown (got {value!r})") from None
