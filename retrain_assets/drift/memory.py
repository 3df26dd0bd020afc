"""What a `Monitor` remembers from check to check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from retrain_assets.drift.accumulation import FALLEN, REMEMBERED, Accumulation
from retrain_assets.drift.evidence_limit import EvidenceLimit
from retrain_assets.drift.report import ColumnDrift


@dataclass(slots=True)
class Memory:
    """Evidence, and what has drifted and lasts.

    Args:
        evidence: by column.
        drifted: distance of each column that has drifted, while its evidence stands.
        silent: in how many windows in a row each column was unknown.
    """

    evidence: dict[str, float] = field(default_factory=dict[str, float])
    drifted: dict[str, float] = field(default_factory=dict[str, float])
    silent: dict[str, int] = field(default_factory=dict[str, int])

    def accumulation(self, limit: EvidenceLimit) -> Accumulation:
        """For the next check."""
        return Accumulation(limit=limit, before=self.evidence, drifted=self.drifted)

    def take(self, rows: Sequence[ColumnDrift], *accumulations: Accumulation) -> bool:
        """Remembers a check; whether it alarms: something has drifted, and nothing that had drifted before lasts.

        What has drifted lasts while its evidence stands, be the distance of one day too small: one cause alarms once.
        Another one is what is clear at once while all that lasts is calm.

        Args:
            rows: of the check.
            accumulations: of its columns, and of what else there is.
        """
        known = {row.name: row for row in rows if row.verdict != "unknown"}
        # What is not told of either, as the lengths of texts in a window without any, is as unknown.
        evidence = dict(self.evidence)
        standing = {name for name, value in evidence.items() if value >= accumulations[0].limit.value}
        for accumulation in accumulations:
            evidence |= accumulation.after
            standing -= accumulation.after.keys()
            standing |= accumulation.standing
        self.silent = {name: self.silent.get(name, 0) + 1 for name in evidence if name not in known}
        self.evidence = {name: each for name, each in evidence.items() if self.silent.get(name, 0) <= REMEMBERED}
        moved = {name for name, row in known.items() if row.verdict == "drift"}
        lasting = standing & self.drifted.keys() & self.evidence.keys()
        calm = {name for each in accumulations for name in each.calm}
        another = {name for each in accumulations for name in each.at_once} - lasting
        self.drifted = {name: self._distance(name, known.get(name)) for name in moved | lasting}
        return bool(moved) and (not lasting or bool(another and lasting <= calm))

    def _distance(self, name: str, row: ColumnDrift | None) -> float:
        """Of a column that has drifted: that of the last check which has not fallen far below it."""
        before = self.drifted.get(name, 0.0)
        return before if row is None or row.score is None or row.score < FALLEN * before else row.score
