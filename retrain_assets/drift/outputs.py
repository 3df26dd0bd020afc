"""Drift of what a model says, of what then happened, and of the difference of both.

- `ra_score`: the champion's score of the batch (the probability of the positive class, that of the most probable one of
  several, or the predicted value), against its scores of the reserved rows of the reference batches, which it has not
  learned from;
- `ra_label`: the newest matured labels, against those of the reference batches;
- `ra_residual`: label less score on the rows of these labels (see `retrain_assets.performance.residuals`), against the
  same on the reserved rows;
- `ra_novelty`, where it is declared: how unlike the reference each row is (see `retrain_assets.drift.novelty`), against
  the same of the reserved rows;
- `ra_importance`, where it is declared: of each of the newest labelled rows the column whose shuffling makes its loss
  grow most, against the same of the reserved rows. What the model rests on has changed where other columns lead;
- `ra_attribution:x`, where attributions are declared, for each input `x`: what its value adds to the scores of single
  rows (see `retrain_assets.training.attribution`), against the same of the reserved rows. It takes no labels.

Whatever of the inputs matters to the model changes its score (Lipton, Wang and Smola 2018, "Detecting and correcting
for label shift with black box predictors", ICML; Rabanser, Guennemann and Lipton 2019, "Failing loudly", NeurIPS);
a residual that moves is a relation between inputs and outcome that has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.column_profile import bin_edges, bins_of
from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift.accumulation import Accumulation
from retrain_assets.drift.columns import ColumnsCompared, compare_columns
from retrain_assets.drift.evidence_limit import EvidenceLimit
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.report import ColumnDrift, DriftReport
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.together import OUTPUT_SHARE
from retrain_assets.spec import DriftSpec

SCORE, LABEL, RESIDUAL, NOVELTY, IMPORTANCE = "ra_score", "ra_label", "ra_residual", "ra_novelty", "ra_importance"
ATTRIBUTION = "ra_attribution"
"""Of an input `x` it is `ra_attribution:x`."""
OUTPUTS: Mapping[str, str] = {
    "score": SCORE,
    "label": LABEL,
    "residual": RESIDUAL,
    "novelty": NOVELTY,
    "importance": IMPORTANCE,
    "attribution": ATTRIBUTION,
}
"""Columns by the names that `drift.outputs` gives them."""
ALWAYS = ("score", "label", "residual")
"""Those that are watched whether they are declared or not."""
_OF_LABELS = (LABEL, RESIDUAL, IMPORTANCE)
"""Those that are known of labelled rows only."""
OUTERMOST = 0.01
"""The share of the reference that counts as novel."""
MIN_ROWS = 30
"""Reserved rows are a part of a batch: fewer of them are enough than of inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """The outputs of a batch, and those of the reference.

    Args:
        current: profile of those that are known; nothing is said about the others.
        reference: fitted with `output_settings`.
        labelled: key of the batch whose labels are the newest; None where there are none.
        refused: why nothing is known of the attributions of the batch, where they are declared.
    """

    current: TableProfile
    reference: FittedReference
    labelled: str | None = None
    refused: str | None = None


def profile_outputs(
    score: npt.NDArray[np.float64],
    *,
    label: pd.Series | None = None,
    residual: npt.NDArray[np.float64] | None = None,
    novelty: npt.NDArray[np.float64] | None = None,
    importance: pd.Series | None = None,
    attribution: pd.DataFrame | None = None,
) -> TableProfile:
    """Profiles outputs, each of rows of its own; attributions by the names of the inputs."""
    attributed = {} if attribution is None else {f"{ATTRIBUTION}:{name}": v for name, v in attribution.items()}
    known = {
        SCORE: pd.Series(score, dtype="float64"),
        **({} if label is None else {LABEL: label}),
        **({} if residual is None else {RESIDUAL: pd.Series(residual, dtype="float64")}),
        **({} if novelty is None else {NOVELTY: pd.Series(novelty, dtype="float64")}),
        **({} if importance is None else {IMPORTANCE: importance}),
        **attributed,
    }
    parts = [profile_table(values.to_frame(name), [name]) for name, values in known.items()]
    return TableProfile(rows=parts[0].rows, columns=tuple(part.columns[0] for part in parts))


def output_settings(settings: Settings, spec: DriftSpec) -> Settings:
    """The settings of outputs, of those of inputs that have all false alarms."""
    share = OUTPUT_SHARE if spec.outputs else 1.0
    return replace(settings, alpha=settings.alpha * share, min_rows=min(settings.min_rows, MIN_ROWS))


def judge_outputs(
    outputs: Outputs, spec: DriftSpec, *, checks_per_year: float, previous: DriftReport | None = None
) -> tuple[ColumnDrift, ...]:
    """A row for each output that is known on both sides, and for each attribution that only the reference has.

    All gather evidence from batch to batch; where the newest labels are still those of the report before, what was
    gathered of label, residual and importance stays as it is.

    Args:
        outputs: of the batch and of the reference.
        spec: what counts as drift.
        checks_per_year: batches in a year.
        previous: the report before against the same champion.
    """
    reference = outputs.reference
    known = (*OUTPUTS.values(), *(name for name in outputs.current.names if name.startswith(f"{ATTRIBUTION}:")))
    names = [name for name in known if name in outputs.current and name in reference]
    limit = EvidenceLimit(
        columns=len(names),
        batches=reference.trusted_batches,
        checks_per_year=checks_per_year,
        false_alarms_per_year=spec.false_alarms_per_year * (OUTPUT_SHARE if spec.outputs else 1.0),
    )
    told = [] if previous is None else [row.name for row in previous.columns if row.rows_of == outputs.labelled]
    accumulation = Accumulation(
        limit=limit,
        before={} if previous is None else previous.evidence,
        drifted={} if previous is None else previous.distances,
        seen=frozenset(name for name in _OF_LABELS if name in told),
    )
    found = compare_columns(names, reference, outputs.current, accumulation=accumulation, over="outputs")
    rows = tuple(_told(row, found, outputs) for row in found.drifts)
    unknown = _unknown_attributions(outputs, names) if "attribution" in spec.outputs else ()
    return (*rows, *(replace(row, evidence=accumulation.keep(row.name)) for row in unknown))


def output_of(column: str) -> str | None:
    """The name that `drift.outputs` gives a row of a report; None of an input.

    >>> output_of("ra_score"), output_of("ra_attribution:x"), output_of("x")
    ('score', 'attribution', None)
    """
    return _NAMES.get(column.partition(":")[0])


_NAMES: Mapping[str, str] = {column: name for name, column in OUTPUTS.items()}


def _unknown_attributions(outputs: Outputs, compared: Sequence[str]) -> Iterator[ColumnDrift]:
    """Those that are declared and cannot be compared: one row for all where there are none."""
    if not any(output_of(name) == "attribution" for name in compared):
        yield _unknown(
            ATTRIBUTION,
            outputs.refused
            or "the reference of the champion has none: it was trained before `drift.outputs` named them, or refused "
            "rows in which a value is replaced",
            outputs.reference.settings,
        )
        return
    known = dict.fromkeys(name for batch in outputs.reference.batches for name in batch.names)
    for name in known:
        if output_of(name) == "attribution" and name not in compared:
            reason = (
                "no value of the reference can stand in for those of the batch: the column is gone, or has no values"
            )
            yield _unknown(name, reason, outputs.reference.settings)


def _unknown(name: str, reason: str, settings: Settings) -> ColumnDrift:
    return ColumnDrift(
        name=name,
        kind="numeric",
        distance=settings.distance,
        score=None,
        floor=settings.effect_floor,
        p_value=None,
        verdict="unknown",
        reason=reason,
        before="",
        after="",
    )


def _told(row: ColumnDrift, found: ColumnsCompared, outputs: Outputs) -> ColumnDrift:
    if row.name == NOVELTY:
        return replace(row, after=f"{row.after}; {_beyond(found, outputs.current)}")
    if row.name in _OF_LABELS:
        return replace(row, reason=f"labels of {outputs.labelled}: {row.reason}", rows_of=outputs.labelled)
    return row


def _beyond(found: ColumnsCompared, current: TableProfile) -> str:
    """The share of the rows that are as novel as the outermost hundredth of the reference."""
    before = next((column.before for column in found.compared if column.name == NOVELTY), None)
    limit = None if before is None else before.quantile(1 - OUTERMOST)
    if limit is None:
        return "the reference tells no limit"
    keys, counts = bins_of(current[NOVELTY])
    low, _ = bin_edges(current[NOVELTY], keys)
    share = float(counts[low > limit].sum()) / max(current[NOVELTY].rows, 1)
    return f"{share:.1%} of the rows as novel as {OUTERMOST:.0%} of the reference, with a novelty above {limit:.3g}"
