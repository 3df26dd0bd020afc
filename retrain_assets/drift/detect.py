"""The comparison of a batch with the reference of the champion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from retrain_assets.data.profile import TableProfile
from retrain_assets.data.text_lengths import SUFFIX
from retrain_assets.drift.accumulation import SINGLE_SHARE, Accumulation, evidence_limit
from retrain_assets.drift.columns import Basis, FittedReference, compare_columns
from retrain_assets.drift.importances import importance_shares
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.outputs import OUTPUTS, SHARE, Outputs, judge_outputs, output_settings
from retrain_assets.drift.report import ColumnDrift, DriftReport, TableVerdict, by_harm
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.together import JOINT, JOINT_SHARE, row_of
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

    def report(verdict: TableVerdict, reason: str, columns: tuple[ColumnDrift, ...] = ()) -> DriftReport:
        return DriftReport(
            model=model,
            batch=batch,
            champion_version=champion_version,
            verdict=verdict,
            reason=reason,
            score=_score(columns, spec),
            columns=columns,
        )

    if champion_version is None:
        return report("not_applicable", "bootstrapping: there is no champion to compare the batch with")
    if not reference:
        return report("unknown", f"the {spec.reference} reference of v{champion_version} holds nothing for this batch")
    batches = reference.batches if isinstance(reference, FittedReference) else reference
    for side, rows in (("batch", current.rows), ("reference", sum(profile.rows for profile in batches))):
        if rows < spec.min_rows:
            return report("unknown", f"the {side} has {rows} rows, fewer than drift.min_rows = {spec.min_rows}")
    names = watched_columns(current, batches, spec.columns)
    settings = settings_of(spec, checks_per_year)
    fitted = reference if isinstance(reference, FittedReference) else FittedReference(reference, settings)
    limit = evidence_limit(
        columns=len(names),
        batches=fitted.trusted_batches,
        checks_per_year=checks_per_year,
        false_alarms_per_year=spec.false_alarms_per_year * inputs_share(spec),
    )
    carried = previous.evidence if previous is not None and previous.champion_version == champion_version else {}
    accumulation = Accumulation(limit=limit, before=carried)
    found = compare_columns(names, fitted, current, accumulation=accumulation)
    inputs = weighed(found.drifts, importance or {})
    seen = () if outputs is None else judge_outputs(outputs, spec, checks_per_year=checks_per_year, before=carried)
    if joint is not None:
        seen = (*seen, row_of(joint, settings))
    return report(*_verdict(inputs, seen, found.basis, spec), (*inputs, *seen))


def weighed(columns: Sequence[ColumnDrift], importance: Mapping[str, float]) -> tuple[ColumnDrift, ...]:
    """With the share that each column has in what all of them matter; None where nothing matters or it is not known."""
    shares = importance_shares(importance)
    return tuple(replace(column, importance=shares.get(column.name.removesuffix(SUFFIX))) for column in columns)


def settings_of(spec: DriftSpec, checks_per_year: float) -> Settings:
    """The settings of one check of the inputs of a declared model."""
    settings = _all_alarms(spec, checks_per_year)
    return replace(settings, alpha=settings.alpha * inputs_share(spec))


def inputs_share(spec: DriftSpec) -> float:
    """The part of the false alarms that single inputs may give: what outputs and a joint test that count leave them.

    >>> inputs_share(DriftSpec()), inputs_share(DriftSpec(outputs=("score",), joint="correlation"))
    (1.0, 0.65)
    """
    return 1.0 - (SHARE if spec.outputs else 0.0) - (0.0 if spec.joint == "none" else JOINT_SHARE)


def joint_settings_of(spec: DriftSpec, checks_per_year: float) -> Settings:
    """The settings of one joint test, with the level of all tests, of which it takes its part."""
    return _all_alarms(spec, checks_per_year)


def output_settings_of(spec: DriftSpec, checks_per_year: float) -> Settings:
    """The settings of one check of its outputs."""
    return output_settings(_all_alarms(spec, checks_per_year), spec)


def _all_alarms(spec: DriftSpec, checks_per_year: float) -> Settings:
    return Settings(
        distance=spec.distance,
        effect_floor=spec.effect_floor,
        alpha=min(spec.false_alarms_per_year * SINGLE_SHARE / checks_per_year, 0.5),
        correction=spec.correction,
        significance=spec.significance,
        min_rows=max(spec.min_rows, 2),
        bins=spec.bins,
        smoothing=spec.smoothing,
    )


def _verdict(
    columns: Sequence[ColumnDrift], outputs: Sequence[ColumnDrift], basis: Basis, spec: DriftSpec
) -> tuple[TableVerdict, str]:
    verdict, reason = _inputs_verdict(columns, basis, spec)
    moved = [
        name for name, column in OUTPUTS.items() if any(o.name == column and o.verdict == "drift" for o in outputs)
    ]
    counted, told = ([name for name in moved if (name in spec.outputs) is of] for of in (True, False))
    if told:
        reason = f"{reason}; beside them {_list(told)} drifted, which drift.outputs does not name"
    together = next((row for row in outputs if row.name == JOINT and row.verdict == "drift"), None)
    if together is not None:
        verdict, reason = "drift", f"the columns have drifted together by their {together.distance}; {reason}"
    return ("drift", f"{_list(counted)} drifted; {reason}") if counted else (verdict, reason)


def _list(names: Sequence[str]) -> str:
    return f"the {' and the '.join(names)} {'has' if len(names) == 1 else 'have'}"


def _inputs_verdict(columns: Sequence[ColumnDrift], basis: Basis, spec: DriftSpec) -> tuple[TableVerdict, str]:
    compared = [column for column in columns if column.verdict != "unknown"]
    drifted = [column.name for column in sorted(compared, key=by_harm) if column.verdict == "drift"]
    if not compared:
        return "unknown", "no column could be compared"
    needed = deciding_columns(len(compared), spec.columns_share)
    found = f"{len(drifted)} of {len(compared)} columns have drifted"
    named = f" ({', '.join(drifted[:3])}{', ...' if len(drifted) > 3 else ''})" if drifted else ""
    if len(drifted) >= needed:
        return "drift", f"{found}{named}; {needed} {'is' if needed == 1 else 'are'} enough for drift; {basis.sentence}"
    return "stable", f"{found}{named}; it takes {needed}; {basis.sentence}"


def deciding_columns(columns: int, share: float) -> int:
    """How many of the compared columns must drift for the table to drift.

    >>> deciding_columns(12, 0.2), deciding_columns(3, 0.2), deciding_columns(10, 0.3)
    (3, 1, 3)
    """
    return max(1, math.ceil(round(share * columns, 9)))


def _score(columns: Sequence[ColumnDrift], spec: DriftSpec) -> float | None:
    """Of the inputs, or of a drifted output that counts where that is larger."""
    named = {JOINT, *(OUTPUTS[name] for name in spec.outputs)}
    others = {JOINT, *OUTPUTS.values()}
    inputs = [column.score for column in columns if column.name not in others and column.score is not None]
    moved = [c.score for c in columns if c.name in named and c.verdict == "drift" and c.score is not None]
    top = sorted(inputs, reverse=True)[: deciding_columns(len(inputs), spec.columns_share)]
    return max([*([sum(top) / len(top)] if top else []), *moved], default=None)
