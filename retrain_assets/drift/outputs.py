"""Drift of what a model says, of what then happened, and of the difference of both.

- `ra_score`: the champion's score of the batch (the probability of the positive class, that of the most probable one of
  several, or the predicted value), against its scores of the reserved rows of the reference batches, which it has not
  learned from;
- `ra_label`: the newest matured labels, against those of the reference batches;
- `ra_residual`: label less score on the rows of these labels (see `retrain_assets.performance.residuals`), against the
  same on the reserved rows.

Whatever of the inputs matters to the model changes its score (Lipton, Wang and Smola 2018, "Detecting and correcting
for label shift with black box predictors", ICML; Rabanser, Guennemann and Lipton 2019, "Failing loudly", NeurIPS);
a residual that moves is a relation between inputs and outcome that has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift.accumulation import Accumulation, evidence_limit
from retrain_assets.drift.columns import FittedReference, compare_columns
from retrain_assets.drift.report import ColumnDrift
from retrain_assets.drift.settings import Settings
from retrain_assets.spec import DriftSpec

SCORE, LABEL, RESIDUAL = "ra_score", "ra_label", "ra_residual"
OUTPUTS: Mapping[str, str] = {"score": SCORE, "label": LABEL, "residual": RESIDUAL}
"""Columns by the names that `drift.outputs` gives them."""
SHARE = 0.25
"""The part of the false alarms that outputs may give where they count."""
MIN_ROWS = 30
"""Reserved rows are a part of a batch: fewer of them are enough than of inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """The outputs of a batch, and those of the reference.

    Args:
        current: profile of those that are known; nothing is said about the others.
        reference: fitted with `output_settings`.
        labelled: key of the batch whose labels are the newest; None where there are none.
    """

    current: TableProfile
    reference: FittedReference
    labelled: str | None = None


def profile_outputs(
    score: npt.NDArray[np.float64], *, label: pd.Series | None = None, residual: npt.NDArray[np.float64] | None = None
) -> TableProfile:
    """Profiles outputs, each of rows of its own."""
    known = {
        SCORE: pd.Series(score, dtype="float64"),
        **({} if label is None else {LABEL: label}),
        **({} if residual is None else {RESIDUAL: pd.Series(residual, dtype="float64")}),
    }
    parts = [profile_table(values.to_frame(name), [name]) for name, values in known.items()]
    return TableProfile(rows=parts[0].rows, columns=tuple(part.columns[0] for part in parts))


def output_settings(settings: Settings, spec: DriftSpec) -> Settings:
    """The settings of outputs, of those of inputs that have all false alarms."""
    share = SHARE if spec.outputs else 1.0
    return replace(settings, alpha=settings.alpha * share, min_rows=min(settings.min_rows, MIN_ROWS))


def judge_outputs(
    outputs: Outputs, spec: DriftSpec, *, checks_per_year: float, before: Mapping[str, float]
) -> tuple[ColumnDrift, ...]:
    """A row for each output that is known on both sides.

    Only the score gathers evidence from batch to batch: the newest labels can be the same ones twice.
    """
    reference = outputs.reference
    names = [name for name in OUTPUTS.values() if name in outputs.current and name in reference]
    limit = evidence_limit(
        columns=1,
        batches=reference.trusted_batches,
        checks_per_year=checks_per_year,
        false_alarms_per_year=spec.false_alarms_per_year * (SHARE if spec.outputs else 1.0),
    )
    accumulation = Accumulation(limit=limit, before=before, columns=frozenset({SCORE}))
    found = compare_columns(names, reference, outputs.current, accumulation=accumulation).drifts
    return tuple(
        row if row.name == SCORE else replace(row, reason=f"labels of {outputs.labelled}: {row.reason}")
        for row in found
    )
