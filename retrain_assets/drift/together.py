"""The joint test that was asked for, on rows of both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from retrain_assets.data.profile import TableProfile
from retrain_assets.data.text_lengths import SUFFIX
from retrain_assets.drift.accumulation import Accumulation
from retrain_assets.drift.fitted_reference import Basis
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.report import ColumnDrift
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.stream_sample import rows_needed
from retrain_assets.drift.wording import shown

if TYPE_CHECKING:
    from retrain_assets.drift.correlation import PastCorrelations
    from retrain_assets.drift.frames import Matrix, Side

Method = Literal["correlation", "classifier"]
JOINT = "ra_joint"
"""The row of a report that holds it."""
JOINT_SHARE = 0.1
"""The part of the false alarms that the joint test gets."""
OUTPUT_SHARE = 0.25
"""The part that outputs of the model get where they count: they are judged apart from its inputs."""


def judge_together(
    method: Method,
    names: Sequence[str],
    sides: tuple[Side, Side],
    profiles: tuple[Sequence[TableProfile], TableProfile],
    *,
    batch: str | None,
    settings: Settings,
    basis: Basis,
    seed: int,
) -> JointDrift:
    """Tests the named columns together, at `JOINT_SHARE` of the level of the settings.

    Args:
        method: what to look for.
        names: of the columns; lengths of texts are no column of the rows, and left out.
        sides: reference and current window; profiles keep no rows, and give `unknown`.
        profiles: of the batches of the reference, and of the current window.
        batch: column that says which rows came together.
        settings: with the level of all tests.
        basis: what significance rests on.
        seed: of the rows that a classifier samples.
    """
    from retrain_assets.drift.classifier import judge_separability
    from retrain_assets.drift.correlation import judge_correlations
    from retrain_assets.drift.rows import codes_of, numeric_columns

    names = [name for name in names if name in profiles[1].names or not name.endswith(SUFFIX)]
    independent, alpha = basis.significance == "rows", settings.alpha * JOINT_SHARE
    if method == "classifier":
        coded = codes_of(sides, names, profiles, batch, at_least=settings.min_rows)
        if coded is None:
            return JointDrift.unknown("classifier", "profiles do not keep the rows that it needs")
        return judge_separability(*coded, settings, alpha=alpha, independent=independent, seed=seed)
    numbers = numeric_columns(*profiles, names)
    past = _past(sides[0], numbers, batch, settings, independent=independent)
    present = _matrices(sides[1], numbers, batch, settings)
    if past is None or present is None:
        return JointDrift.unknown("correlation", "profiles do not keep the rows that it needs")
    return judge_correlations(numbers, past, present, settings, alpha=alpha)


def _past(
    reference: Side, numbers: Sequence[str], batch: str | None, settings: Settings, *, independent: bool
) -> PastCorrelations | None:
    """Of a prepared reference, whose rows stay as they are, taken once; None of profiles."""
    from retrain_assets.drift.correlation import past_correlations
    from retrain_assets.drift.frames import Prepared

    def taken() -> PastCorrelations | None:
        matrices = _matrices(reference, numbers, batch, settings)
        return None if matrices is None else past_correlations(numbers, matrices, settings, independent=independent)

    if not isinstance(reference, Prepared):
        return taken()
    sizes = settings.min_rows, settings.min_batches, settings.correlation_floor
    return reference.once((tuple(numbers), sizes, independent), taken)


def _matrices(side: Side, numbers: Sequence[str], batch: str | None, settings: Settings) -> Mapping[str, Matrix] | None:
    from retrain_assets.drift.rows import matrices_of

    enough = rows_needed(settings.correlation_floor, settings.min_rows)
    return matrices_of(side, numbers, batch, at_least=settings.min_rows, unbatched=enough)


def row_of(joint: JointDrift, settings: Settings, accumulation: Accumulation | None = None) -> ColumnDrift:
    """The joint test as a row of a report.

    The score of a classifier is `2 area - 1`, so that it is 0 where nothing can be learnt, as a distance is.

    Args:
        joint: what was found.
        settings: with the floors.
        accumulation: evidence of the checks before, where checks follow each other.
    """
    classifier = joint.method == "classifier"
    score = joint.score if joint.score is None or not classifier else 2 * joint.score - 1
    floor = 2 * settings.separability_floor if classifier else settings.correlation_floor
    score = None if score is None else max(score, 0.0)
    drifted, reason, evidence = joint.drifted, joint.reason, None
    if accumulation is not None:
        if joint.p_value is None or score is None:
            evidence = accumulation.keep(JOINT)
        else:
            carried = accumulation.add(JOINT, joint.p_value, score, resemblance=joint.resemblance)
            evidence = accumulation.clear(JOINT, joint.p_value) if drifted else carried.evidence
            if drifted is False and carried.drifted(score, floor):
                drifted, reason = True, f"{reason}; {carried.reason(score, floor)}"
    return ColumnDrift(
        name=JOINT,
        kind="joint",
        distance=joint.method,
        score=score,
        floor=floor,
        p_value=joint.p_value,
        adjusted_p_value=joint.p_value,
        evidence=evidence,
        verdict="unknown" if drifted is None else "drift" if drifted else "stable",
        reason=reason,
        before="",
        after=", ".join(shown(name, 83) for name in joint.named),
    )
