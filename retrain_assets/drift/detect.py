"""The comparison of a batch with the reference of the champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from retrain_assets.data.profile import TableProfile
from retrain_assets.data.text_lengths import SUFFIX
from retrain_assets.drift.accumulation import Accumulation, evidence_limit
from retrain_assets.drift.columns import ColumnsCompared, FittedReference, compare_columns
from retrain_assets.drift.conclusion import conclude, score_of
from retrain_assets.drift.importances import importance_shares
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.levels import inputs_share, settings_of
from retrain_assets.drift.outputs import Outputs, judge_outputs
from retrain_assets.drift.report import ColumnDrift, DriftReport, TableVerdict
from retrain_assets.drift.together import JOINT_SHARE, row_of
from retrain_assets.drift.watched import watched_columns
from retrain_assets.spec import DriftSpec


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
        previous: of the batch before; its evidence is carried on where it is against the same champion.
        outputs: of the batch and of the reference, where they are known.
        importance: of the inputs for the champion; the report leads with what can hurt.
        joint: what the joint test of `drift.joint` found.
    """
    columns: tuple[ColumnDrift, ...] = ()
    refused = _not_compared(champion_version, current, reference, spec)
    if refused is not None or not reference:
        verdict, reason = refused or ("unknown", "")
    else:
        fitted = _fitted(reference, spec, checks_per_year)
        same = previous if previous is not None and previous.champion_version == champion_version else None
        found = _inputs(current, fitted, spec, checks_per_year, same)
        inputs = weighed(found.drifts, importance or {})
        beside = _beside(outputs, joint, fitted, spec, checks_per_year, same)
        columns = (*inputs, *beside)
        verdict, reason = conclude(inputs, beside, found.basis, spec)
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
) -> tuple[TableVerdict, str] | None:
    """Why there is nothing to compare; None where there is."""
    if champion_version is None:
        return "not_applicable", "bootstrapping: there is no champion to compare the batch with"
    if not reference:
        return "unknown", f"the {spec.reference} reference of v{champion_version} holds nothing for this batch"
    batches = reference.batches if isinstance(reference, FittedReference) else reference
    for side, rows in (("batch", current.rows), ("reference", sum(profile.rows for profile in batches))):
        if rows < spec.min_rows:
            return "unknown", f"the {side} has {rows} rows, fewer than drift.min_rows = {spec.min_rows}"
    return None


def _fitted(
    reference: Sequence[TableProfile] | FittedReference, spec: DriftSpec, checks_per_year: float
) -> FittedReference:
    if isinstance(reference, FittedReference):
        return reference
    return FittedReference(reference, settings_of(spec, checks_per_year))


def _inputs(
    current: TableProfile,
    reference: FittedReference,
    spec: DriftSpec,
    checks_per_year: float,
    previous: DriftReport | None,
) -> ColumnsCompared:
    """The inputs against the reference, with the evidence of the checks before."""
    names = watched_columns(current, reference.batches, spec.columns)
    limit = evidence_limit(
        columns=len(names),
        batches=reference.trusted_batches,
        checks_per_year=checks_per_year,
        false_alarms_per_year=spec.false_alarms_per_year * inputs_share(spec),
    )
    return compare_columns(names, reference, current, accumulation=_evidence(limit, previous))


def _evidence(limit: float, previous: DriftReport | None) -> Accumulation:
    return Accumulation(limit=limit, before={} if previous is None else previous.evidence)


def _beside(
    outputs: Outputs | None,
    joint: JointDrift | None,
    reference: FittedReference,
    spec: DriftSpec,
    checks_per_year: float,
    previous: DriftReport | None,
) -> tuple[ColumnDrift, ...]:
    """The rows of the outputs and of the joint test, where they are known."""
    rows = () if outputs is None else judge_outputs(outputs, spec, checks_per_year=checks_per_year, previous=previous)
    return (*rows, *(() if joint is None else [_joint_row(joint, reference, spec, checks_per_year, previous)]))


def _joint_row(
    joint: JointDrift,
    reference: FittedReference,
    spec: DriftSpec,
    checks_per_year: float,
    previous: DriftReport | None,
) -> ColumnDrift:
    limit = evidence_limit(
        columns=1,
        batches=reference.trusted_batches,
        checks_per_year=checks_per_year,
        false_alarms_per_year=spec.false_alarms_per_year * JOINT_SHARE,
    )
    return row_of(joint, reference.settings, _evidence(limit, previous))


def weighed(columns: Sequence[ColumnDrift], importance: Mapping[str, float]) -> tuple[ColumnDrift, ...]:
    """With the share that each column has in what all of them matter; None where nothing matters or it is not known."""
    shares = importance_shares(importance)
    return tuple(replace(column, importance=shares.get(column.name.removesuffix(SUFFIX))) for column in columns)
