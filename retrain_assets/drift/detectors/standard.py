"""The level that a stable series has, learnt from its past."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral

from retrain_assets.drift.detectors.detector import known


@dataclass(frozen=True, slots=True)
class Standard:
    """Mean and standard deviation of a stable series.

    Args:
        mean: of the series.
        deviation: of its values.
        values: both are estimated from so many; None where they are known.

    >>> Standard.of([1.0, 3.0, float("nan")])
    Standard(mean=2.0, deviation=1.4142135623730951, values=2)
    """

    mean: float
    deviation: float
    values: int | None = None

    def __post_init__(self) -> None:
        if self.values is not None and not (isinstance(self.values, Integral) and self.values >= 2):
            raise ValueError(
                f"a standard must be of at least two past values (got {self.values!r}), or None: it is known"
            )
        if not (math.isfinite(self.mean) and math.isfinite(self.deviation) and self.deviation > 0):
            raise ValueError(
                f"a standard must have a finite mean and a deviation > 0 (got {self.mean} and {self.deviation}): a "
                "series that never varies has no chance of its own"
            )

    @classmethod
    def of(cls, values: Iterable[float]) -> Standard:
        """Of past values; unknown ones are left out.

        Raises:
            ValueError: fewer than two values are known, or they are all the same.
        """
        past = [value for value in values if known(value)]
        if len(past) < 2:
            raise ValueError(f"a standard must have at least two past values (got {len(past)})")
        mean = math.fsum(past) / len(past)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in past) / (len(past) - 1))
        return cls(mean, deviation, len(past))
