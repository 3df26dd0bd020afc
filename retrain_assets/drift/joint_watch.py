"""The joint test of windows that follow each other: what single ones show, and what their evidence adds up to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from retrain_assets.drift.accumulation import Accumulation
from retrain_assets.drift.columns import ColumnsCompared
from retrain_assets.drift.evidence_limit import EvidenceLimit
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.frames import Prepared
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.memory import Memory
from retrain_assets.drift.report import ColumnDrift
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.together import JOINT_SHARE, judge_together, row_of
from retrain_assets.drift.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one window shows of the columns together.

    Args:
        drift: with the verdict that evidence gives.
        row: as a column's, under the name `JOINT`.
        accumulation: of its evidence.
    """

    drift: JointDrift
    row: ColumnDrift
    accumulation: Accumulation


@dataclass(frozen=True, slots=True, kw_only=True)
class JointWatch:
    """Judges windows by their correlations, at `JOINT_SHARE` of the false alarms.

    Args:
        prepared: the reference with its rows.
        fitted: its batches.
        settings: with the level of all tests of a check.
        checks_per_year: how many windows there are in a year.
        false_alarms_per_year: of all tests.
    """

    prepared: Prepared
    fitted: FittedReference
    settings: Settings
    checks_per_year: float
    false_alarms_per_year: float

    @property
    def limit(self) -> EvidenceLimit:
        """Of the evidence."""
        return EvidenceLimit(
            columns=1,
            batches=self.fitted.trusted_batches,
            checks_per_year=self.checks_per_year,
            false_alarms_per_year=self.false_alarms_per_year * JOINT_SHARE,
        )

    def judge(self, window: Window, found: ColumnsCompared, memory: Memory) -> Judged:
        """The columns that were compared, together.

        Args:
            window: of profiles it is unknown.
            found: in the columns.
            memory: of the checks before.
        """
        together = judge_together(
            "correlation",
            [column.name for column in found.compared],
            (self.prepared, window.side),
            (self.fitted.batches, window.profile),
            batch=window.batch,
            settings=self.settings,
            basis=found.basis,
            seed=0,
        )
        accumulation = memory.accumulation(self.limit)
        row = row_of(together, self.settings, accumulation)
        drifted = None if row.verdict == "unknown" else row.verdict == "drift"
        return Judged(drift=replace(together, drifted=drifted, reason=row.reason), row=row, accumulation=accumulation)
