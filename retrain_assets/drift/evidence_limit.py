"""How much evidence over time is enough: what is reached in a stable year as seldom as declared.

Half of the declared false alarms come from evidence that adds up, the other half from single checks. Years of one
stable column are simulated, with mean and deviation estimated from as many reference batches as there are: a reference
that is a little off is off at every check, and a limit from the textbook's run length would alarm far too often (Jensen
et al. 2006, "Effects of parameter estimation on control chart properties", Journal of Quality Technology 38). What is
too rare for so many years is computed (`EvidenceTail`).

Where batches resemble the one before, a check repeats what the one before has said, and the sum climbs far higher by
chance (Johnson and Bagshaw 1974, "The effect of serial correlation on the performance of CUSUM tests", Technometrics
16). So a check weighs less there, by as much as the limit of such batches is farther.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.drift.evidence_tail import EvidenceTail
from retrain_assets.drift.resemblance import Resemblance

ALLOWANCE = 0.75
"""What a check must be unusual by, in normal deviations, for the evidence to grow."""
SINGLE_SHARE = 0.5
"""Part of the false alarms that single checks may give."""
CLEAREST = 6.0
"""More than this one check is not unusual by."""
_LEAST = 1.0
"""No limit is lower, be checks as few, and false alarms as many."""
_SIMULATED = 6_000
_RAREST = 0.002
"""Chance below which so many years are too few."""
_STEP = 0.05
"""Resemblance is rounded up to a multiple."""
_LONGEST = 1_000
"""A year of more checks is taken in parts."""


def unusual(p_value: npt.ArrayLike) -> npt.NDArray[Any]:
    """A p-value in normal deviations, at most `CLEAREST` either way.

    >>> unusual([0.0, 1.0]).tolist()
    [6.0, -6.0]
    """
    from scipy.special import ndtri

    return np.clip(-ndtri(np.clip(p_value, 1e-300, 1.0)), -CLEAREST, CLEAREST)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceLimit:
    """The limit that so many false alarms a year come with, over all columns together.

    Args:
        columns: that are watched.
        batches: of the reference; at least three.
        checks_per_year: how many windows there are in a year.
        false_alarms_per_year: over all columns.
    """

    columns: int
    batches: int
    checks_per_year: float
    false_alarms_per_year: float

    @property
    def value(self) -> float:
        """The evidence that is enough."""
        return _limit(max(self.batches, 3), *self._year)

    def weight(self, resemblance: float) -> float:
        """What a check counts where batches resemble the one before: 1 of independent ones, and less of others.

        It is 1 too where their resemblance leaves so little freedom that evidence cannot climb anyway.

        Args:
            resemblance: r of a first-order autoregression, from 0 to below 1.
        """
        if resemblance <= 0:
            return 1.0
        return _weight(max(self.batches, 3), *self._year, -(-resemblance // _STEP) * _STEP)

    @property
    def _year(self) -> tuple[int, float]:
        """Checks of a part of the year, and the chance that one column may alarm in it."""
        checks = max(round(self.checks_per_year), 1)
        parts = -(-checks // _LONGEST)
        each = self.false_alarms_per_year * (1 - SINGLE_SHARE) / max(self.columns, 1)
        return -(-checks // parts), min(each / parts, 0.5)


@lru_cache(maxsize=256)
def _limit(batches: int, checks: int, chance: float) -> float:
    simulated = max(float(np.quantile(_largest_evidence(batches, checks), 1 - max(chance, _RAREST))), _LEAST)
    if chance >= _RAREST:
        return simulated
    tail = EvidenceTail(batches=batches, checks=checks, allowance=ALLOWANCE, clearest=CLEAREST)
    return tail.limit(chance, least=simulated)


@lru_cache(maxsize=256)
def _weight(batches: int, checks: int, chance: float, resemblance: float) -> float:
    """The limit of independent batches over that of those which resemble each other; both at a chance that shows."""
    beyond = 1 - max(chance, _RAREST)
    alone, alike = (np.quantile(_largest_evidence(batches, checks, r), beyond) for r in (0.0, resemblance))
    return float(alone / alike) if alike > alone else 1.0


@lru_cache(maxsize=64)
def _largest_evidence(batches: int, checks: int, resemblance: float = 0.0) -> np.ndarray:
    """The largest evidence in each simulated year of a stable column, by the tests of `retrain_assets.drift.variation`.

    Args:
        batches: of the reference.
        checks: of the year.
        resemblance: of its batches and checks to the one before.
    """
    from scipy.special import stdtr

    rng = np.random.default_rng(20_261_121)
    alike = Resemblance(np.asarray(resemblance), np.asarray(1.0))
    missed, left = alike.told_variance(batches)
    if resemblance:
        levels = rng.normal(size=(batches, _SIMULATED))
        for batch in range(1, batches):
            levels[batch] = _following(levels[batch - 1], levels[batch], resemblance)
        last, centre, variance = levels[-1], levels.mean(axis=0), missed * levels.var(axis=0, ddof=1)
    else:
        # Mean and variance of so many normal batches, drawn at once.
        last, centre = np.zeros(_SIMULATED), rng.normal(size=_SIMULATED) / np.sqrt(batches)
        variance = rng.chisquare(batches - 1, _SIMULATED) / (batches - 1)
    spread = np.sqrt(variance * (1 + alike.wandering(batches) / batches))
    grid = np.concatenate([np.linspace(0, 8, 400), np.geomspace(8.1, 1e3, 100)])
    shown = unusual(2 * stdtr(left * (batches - 1), -grid))
    evidence, largest = np.zeros((2, _SIMULATED))
    for _ in range(checks):
        last = _following(last, rng.normal(size=_SIMULATED), resemblance)
        np.maximum(evidence + np.interp(np.abs(last - centre) / spread, grid, shown) - ALLOWANCE, 0.0, out=evidence)
        np.maximum(largest, evidence, out=largest)
    return np.sort(largest)


def _following(level: np.ndarray, noise: np.ndarray, resemblance: float) -> np.ndarray:
    return resemblance * level + np.sqrt(1 - resemblance**2) * noise
