"""The comparison of a batch with the reference of the champion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from retrain_assets.data.profile import TableProfile
from retrain_assets.data.text_lengths import SUFFIX
from retrain_assets.drift.accumulation import Accumulation
from retrain_assets.drift.columns import compare_columns
from retrain_assets.drift.conclusion import conclude, score_of
from retrain_assets.drift.evidence_limit import EvidenceLimit
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.importances import importance_shares
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.levels import inputs_share, settings_of
from retrain_assets.drift.outputs import ALWAYS, Outputs, judge_outputs, output_of
from retrain_assets.drift.report import ColumnDrift, DriftReport, TableVerdict
from retrain_assets.drift.together import JOINT_SHARE, row_of
from retrain_assets.drift.watched import watched_columns
from retrain_assets.drift.wording import plural
from retrain_assets.spec import DriftSpec

_Judged = tuple[TableVerdict, str, tuple[ColumnDrift, ...]]
"""Verdict, reason and rows of a report."""


@dataclass(frozen=True, slots=True)
class _Check:
    """What a batch is held against: the reference, the declaration, and the checks of the same champion before."""

    reference: FittedReference
    spec: DriftSpec
    checks_per_year: float
    previous: DriftReport | None

    def judge(
        self,
        current: TableProfile,
        outputs: Outputs | None,
        joint: JointDrift | None,
        importance: Mapping[str, float],
    ) -> _Judged:
        """By the inputs, and by the outputs and the joint test where there are some."""
        names = watched_columns(current, self.reference.batches, self.spec.columns)
        evidence = self._evidence(columns=len(names), share=inputs_share(self.spec))
        found = compare_columns(names, self.reference, current, accumulation=evidence)
        inputs, beside = weighed(found.drifts, importance), (*self._of_outputs(outputs), *self._of_joint(joint))
        told = (*inputs, *beside)
        return *conclude(inputs, beside, found.basis, self.spec), (*told, *self._untold(names, told))

    def _untold(self, names: Sequence[str], told: Sequence[ColumnDrift]) -> Iterator[ColumnDrift]:
        """What is watched and not in this batch, as attributions that are refused: its evidence stays as it was."""
        there = {row.name for row in told}
        for row in () if self.previous is None else self.previous.columns:
            if row.evidence and row.name not in there and self._watches(row.name, names):
                yield ColumnDrift(
                    name=row.name,
                    kind=row.kind,
                    distance=row.distance,
                    score=None,
                    floor=row.floor,
                    p_value=None,
                    verdict="unknown",
                    reason="the batch has nothing of it",
                    before="",
                    after="",
                    evidence=row.evidence,
                    importance=row.importance,
                    rows_of=row.rows_of,
                )

    def _watches(self, name: str, names: Sequence[str]) -> bool:
        output = output_of(name)
        if output is None:
            return name.endswith(SUFFIX) and name.removesuffix(SUFFIX) in names
        return output in (*ALWAYS, *self.spec.outputs)

    def _of_outputs(self, outputs: Outputs | None) -> tuple[ColumnDrift, ...]:
        if outputs is None:
            return ()
        return judge_outputs(outputs, self.spec, checks_per_year=self.checks_per_year, previous=self.previous)

    def _of_joint(self, joint: JointDrift | None) -> tuple[ColumnDrift, ...]:
        if joint is None:
            return ()
        return (row_of(joint, self.reference.settings, self._evidence(columns=1, share=JOINT_SHARE)),)

    def _evidence(self, *, columns: int, share: float) -> Accumulation:
        """Of the checks before, with the limit that so many columns and their share of the false alarms give."""
        limit = EvidenceLimit(
            columns=columns,
            batches=self.reference.trusted_batches,
            checks_per_year=self.checks_per_year,
            false_alarms_per_year=self.spec.false_alarms_per_year * share,
        )
        if self.previous is None:
            return Accumulation(limit=limit)
        return Accumulation(limit=limit, before=self.previous.evidence, drifted=self.previous.distances)


def detect_drift(
    *,
    model: str,
    batch: str,
    champion_version: int | None,
    current: TableProfile,
    reference: Sequence[TableProfile] | FittedReference | None,
    spec: DriftSpec,
    checks_per_year: float,
    previous: DriftReport | None = None,
    outputs: Outputs | None = None,
    importance: Mapping[str, float] | None = None,
    joint: JointDrift | None = None,
) -> DriftReport:
    """Compares a batch with the reference of the champion.

    A column has drifted when its distance reaches `effect_floor` and it differs from the reference batches more than
    these differ from each other, now or in the evidence of this and earlier batches together, at a level that gives
    `false_alarms_per_year` over all columns and checks. The inputs have drifted when at least `columns_share` of the
    compared columns have, and at least one. The outputs are reported beside them, and are drift by themselves where
    `drift.outputs` names them; a quarter of the false alarms is theirs then, and a tenth that of a joint test.

    Times are compared only where `drift.columns` names them: the clock goes on without any drift. A column that has
    gone from the batch is compared as missing in all rows; a column that the reference does not know is `unknown`.

    Args:
        model: name of the model.
        batch: key of the batch.
        champion_version: whose reference it is; None while there is no champion.
        current: profile of the batch.
        reference: profiles of the batches of the reference, or what was fitted to them with `settings_of` the same
            declaration; None when the champion has none for this batch.
        spec: what counts as drift.
        checks_per_year: batches in a year.
        previous: the newest report before; its evidence is carried on where the champion is the same.
        outputs: of the batch and of the reference, where they are known.
        importance: of the inputs for the champion; the report leads with what can hurt.
        joint: what the joint test of `drift.joint` found.
    """
    judged = _not_compared(champion_version, current, reference, spec)
    if judged is None:
        before = previous if previous is not None and previous.champion_version == champion_version else None
        check = _Check(_fitted(reference or (), spec, checks_per_year), spec, checks_per_year, before)
        judged = check.judge(current, outputs, joint, importance or {})
    verdict, reason, columns = judged
    return DriftReport(
        model=model,
        batch=batch,
        champion_version=champion_version,
        verdict=verdict,
        reason=reason,
        score=score_of(columns, spec),
        columns=columns,
    )


def _not_compared(
    champion_version: int | None,
    current: TableProfile,
    reference: Sequence[TableProfile] | FittedReference | None,
    spec: DriftSpec,
) -> _Judged | None:
    """Why there is nothing to compare; None where there is."""
    if champion_version is None:
        return "not_applicable", "bootstrapping: there is no champion to compare the batch with", ()
    if not reference:
        return "unknown", f"the {spec.reference} reference of v{champion_version} holds nothing for this batch", ()
    batches = reference.batches if isinstance(reference, FittedReference) else reference
    for side, rows in (("batch", current.rows), ("reference", sum(profile.rows for profile in batches))):
        if rows < spec.min_rows:
            held = plural(rows, "row", "rows")
            return "unknown", f"the {side} has {held}, fewer than drift.min_rows = {spec.min_rows}", ()
    return None


def _fitted(
    reference: Sequence[TableProfile] | FittedReference, spec: DriftSpec, checks_per_year: float
) -> FittedReference:
    if isinstance(reference, FittedReference):
        return reference
    return FittedReference(reference, settings_of(spec, checks_per_year))


def weighed(columns: Sequence[ColumnDrift], importance: Mapping[str, float]) -> tuple[ColumnDrift, ...]:
    """With the share that each column has in what all of them matter; None where nothing matters or it is not known."""
    shares = importance_shares(importance)
    return tuple(replace(column, importance=shares.get(column.name.removesuffix(SUFFIX))) for column in columns)
