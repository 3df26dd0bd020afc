"""Evidence over time: a change too small for one check shows in many, at a declared number of false alarms a year.

A single check looks for what is clear at once. Beside it each column keeps a cumulative sum of what its p-values say,

    S_t = max(0, S_(t-1) + w (z_t - 3/4)),    z_t = Phi^-1(1 - p_t)

which falls back to zero while nothing happens, and climbs by each check that is a little unusual (Page 1954,
"Continuous inspection schemes", Biometrika 41). The limit, and the weight w of checks that repeat each other, are those
of `retrain_assets.drift.evidence_limit`.

What has reached the limit, or was clear at once, stands until checks are calm for so long that a shift which barely
suffices would hardly ever look so: the same sum, against a quarter instead of three. One cause alarms once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from retrain_assets.drift.evidence_limit import ALLOWANCE, EvidenceLimit, unusual

CALM = 0.25
"""What a check must be unusual by for the evidence to grow while it stands."""
CALMEST = -2.0
"""Less unusual than this a check is not while it stands, lest a single one of the p-value 1 ends it."""
HELD = 6.0
"""Evidence beyond the limit that calm checks must take away, where it has grown from check to check."""
REMAINING = 0.5
"""Part of the floor that a distance which has reached it must keep to."""
FALLEN = 1 / 3
"""A calm check of less than this part of the distance that stands tells more: so large a change would show."""
_FALLS = 2.5
"""What it takes away: three of them end what stands."""
REMEMBERED = 30
"""What is unknown in more windows in a row is forgotten, lest it holds an alarm open, or makes one of an odd window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The evidence of one column after a check, and the limit from which on it is enough.

    `lasting` says that it was enough before, and the column had drifted.
    """

    evidence: float
    limit: float
    lasting: bool = False

    @property
    def enough(self) -> bool:
        """Whether it is drift, where the distance is large enough."""
        return self.evidence >= self.limit

    def drifted(self, distance: float, floor: float) -> bool:
        """Whether both are enough: of a drift that lasts half of the floor, lest one about it comes and goes."""
        return self.enough and distance >= (REMAINING * floor if self.lasting else floor)

    def reason(self, distance: float, floor: float) -> str:
        """Why it has drifted, in a sentence."""
        reached = f"reaches the floor {floor:g}"
        if distance < floor:
            reached = f"is above {REMAINING * floor:g}, half of the floor that it reached before"
        evidence = f"the evidence of this and earlier checks, {self.evidence:.3g}, reaches {self.limit:.3g}"
        return f"the distance {distance:.3g} {reached}, and {evidence}"


@dataclass(slots=True, kw_only=True)
class Accumulation:
    """The evidence of all columns, carried from check to check.

    Args:
        limit: how much is enough.
        before: evidence by column after the last check.
        after: evidence by column after this one.
        seen: columns whose rows are those of the check before: they say nothing new.
        drifted: distance of each column that has drifted and lasts.
        calm: columns that stand, and of which this check shows nothing.
        at_once: columns that have drifted by this check alone.
    """

    limit: EvidenceLimit
    before: Mapping[str, float] = field(default_factory=dict[str, float])
    after: dict[str, float] = field(default_factory=dict[str, float])
    seen: frozenset[str] = frozenset()
    drifted: Mapping[str, float] = field(default_factory=dict[str, float])
    calm: set[str] = field(default_factory=set[str])
    at_once: set[str] = field(default_factory=set[str])

    def keep(self, column: str) -> float | None:
        """The evidence of a column of which this check says nothing: it stays as it was; None where there is none."""
        if column in self.before:
            self.after[column] = self.before[column]
        return self.after.get(column)

    def add(self, column: str, p_value: float, distance: float, *, resemblance: float = 0.0) -> Carried:
        """What one more check makes of the evidence of a column.

        Args:
            column: its name.
            p_value: of the check.
            distance: of the check; one that has fallen far takes more away.
            resemblance: how much batches resemble the one before, from 0 to below 1.
        """
        limit, before = self.limit.value, self.before.get(column, 0.0)
        stands = before >= limit
        if column not in self.seen:
            shown, weight = float(unusual(p_value)), self.limit.weight(resemblance)
            counts = weight * (max(shown, CALMEST) - CALM if stands else shown - ALLOWANCE)
            if stands and shown < CALM:
                self.calm.add(column)
                fallen = distance < FALLEN * self.drifted.get(column, 0.0)
                counts = min(counts, -_FALLS) if fallen else counts
            evidence = max(0.0, before + counts)
            if stands and evidence < limit:
                evidence = 0.0
            elif evidence >= limit:
                held = limit + HELD * weight**0.5  # a sum that wanders does so by the root of its variance
                evidence = min(evidence, held) if stands else held
            before = evidence
        self.after[column] = before
        lasting = stands and column in self.drifted
        return Carried(evidence=before, limit=limit, lasting=lasting)

    @property
    def standing(self) -> frozenset[str]:
        """Columns whose evidence is enough."""
        return frozenset(name for name, evidence in self.after.items() if evidence >= self.limit.value)

    def clear(self, column: str, p_value: float) -> float:
        """The evidence of a column that has drifted by this check alone: beyond the limit by as much as it shows."""
        self.at_once.add(column)
        beyond = min(max(float(unusual(p_value)) - ALLOWANCE, 0.0), HELD)
        self.after[column] = max(self.after.get(column, 0.0), self.limit.value + beyond)
        return self.after[column]
