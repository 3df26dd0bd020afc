"""Evidence over time: a change too small for one check shows in many, at a declared number of false alarms a year.

A single check looks for what is clear at once. Beside it each column keeps a cumulative sum of what its p-values say,

    S_t = max(0, S_(t-1) + z_t - 3/4),    z_t = Phi^-1(1 - p_t)

which falls back to zero while nothing happens, and climbs by each check that is a little unusual (Page 1954,
"Continuous inspection schemes", Biometrika 41). The limit is set by simulation: so high that over all columns and a
year of checks half of the declared false alarms come from it; single checks have the other half. The simulation
estimates mean and deviation from as many reference batches as there are, because a reference that is a little off is
off at every check, and a limit from the textbook's run length would alarm far too often (Jensen et al. 2006, "Effects
of parameter estimation on control chart properties", Journal of Quality Technology 38).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from retrain_assets.drift.evidence_tail import EvidenceTail

ALLOWANCE = 0.75
"""What a check must be unusual by, in normal deviations, for the evidence to grow."""
ALARMED = 1.5
"""Times the limit: where evidence stands after it has reached the limit."""
SINGLE_SHARE = 0.5
"""Part of the false alarms that single checks may give."""
REMEMBERED = 30
"""What is unknown in more windows in a row is forgotten, lest it holds an alarm open, or makes one of an odd window."""
_CLEAREST = 6.0
"""More than this one check does not add."""
_SIMULATED = 6_000
_RAREST = 0.002
"""Chance below which so many years are too few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The evidence of one column after a check, and the limit from which on it is enough."""

    evidence: float
    limit: float

    @property
    def enough(self) -> bool:
        """Whether it is drift."""
        return self.evidence >= self.limit

    def __str__(self) -> str:
        return f"the evidence of this and earlier checks, {self.evidence:.3g}, reaches {self.limit:.3g}"


@dataclass(slots=True, kw_only=True)
class Accumulation:
    """The evidence of all columns, carried from check to check.

    Args:
        limit: as `evidence_limit` gives it.
        before: evidence by column after the last check.
        after: evidence by column after this one.
        seen: columns whose rows are those of the check before: they say nothing new.
    """

    limit: float
    before: Mapping[str, float] = field(default_factory=dict[str, float])
    after: dict[str, float] = field(default_factory=dict[str, float])
    seen: frozenset[str] = frozenset()

    def keep(self, column: str) -> float | None:
        """The evidence of a column of which this check says nothing: it stays as it was; None where there is none."""
        if column in self.before:
            self.after[column] = self.before[column]
        return self.after.get(column)

    def add(self, column: str, p_value: float) -> Carried:
        """What one more p-value makes of the evidence of a column.

        Evidence that reaches the limit is set to `ALARMED` times the limit, and never more: it comes down again, but
        not at the first calm check, lest one cause alarms twice.
        """
        from scipy.special import ndtri

        if column in self.seen:
            self.after[column] = self.before.get(column, 0.0)
            return Carried(evidence=self.after[column], limit=self.limit)
        unusual = float(np.clip(-ndtri(np.clip(p_value, 1e-300, 1.0)), -_CLEAREST, _CLEAREST))
        evidence = max(0.0, self.before.get(column, 0.0) + unusual - ALLOWANCE)
        risen = evidence >= self.limit and (unusual > ALLOWANCE or self.before.get(column, 0.0) < self.limit)
        self.after[column] = ALARMED * self.limit if risen else evidence
        return Carried(evidence=self.after[column], limit=self.limit)


@lru_cache(maxsize=256)
def evidence_limit(*, columns: int, batches: int, checks_per_year: float, false_alarms_per_year: float) -> float:
    """The limit that so many false alarms a year come with, over all columns together.

    Simulated over `_SIMULATED` years of one stable column whose reference has as many batches; what is too
    rare for so many years is computed (`EvidenceTail`).

    Args:
        columns: that are watched.
        batches: of the reference; at least three.
        checks_per_year: how many windows there are in a year.
        false_alarms_per_year: over all columns.
    """
    checks = max(round(checks_per_year), 1)
    # A year of many checks is taken in parts.
    parts = max(1, -(-checks // 1_000))
    largest = np.sort(_largest_evidence(max(batches, 3), -(-checks // parts)))
    chance = min(false_alarms_per_year * (1 - SINGLE_SHARE) / max(columns, 1) / parts, 0.5)
    simulated = float(np.quantile(largest, 1 - max(chance, _RAREST)))
    if chance >= _RAREST:
        return simulated
    tail = EvidenceTail(batches=max(batches, 3), checks=-(-checks // parts), allowance=ALLOWANCE, clearest=_CLEAREST)
    return tail.limit(chance, least=simulated)


@lru_cache(maxsize=32)
def _largest_evidence(batches: int, checks: int) -> np.ndarray:
    """The largest evidence in each simulated year of a stable column."""
    from scipy.special import ndtri, stdtr

    rng = np.random.default_rng(20_261_121)
    # Mean and variance of so many normal batches, drawn at once.
    centre = rng.normal(size=_SIMULATED) / np.sqrt(batches)
    spread = np.sqrt(rng.chisquare(batches - 1, _SIMULATED) / (batches - 1) * (1 + 1 / batches))
    grid = np.concatenate([np.linspace(0, 8, 400), np.geomspace(8.1, 1e3, 100)])
    unusual = np.clip(-ndtri(np.clip(2 * stdtr(batches - 1, -grid), 1e-300, 1.0)), -_CLEAREST, _CLEAREST)
    evidence, largest = np.zeros((2, _SIMULATED))
    for _ in range(checks):
        t = np.abs(rng.normal(size=_SIMULATED) - centre) / spread
        np.maximum(evidence + np.interp(t, grid, unusual) - ALLOWANCE, 0.0, out=evidence)
        np.maximum(largest, evidence, out=largest)
    return largest
