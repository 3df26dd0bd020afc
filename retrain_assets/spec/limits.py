"""`promote.limits`: what the further gates of `promote.require` are held to."""

from __future__ import annotations

import re

from pydantic import Field

from retrain_assets.spec.base import Share, SpecModel

_GATE = re.compile(r"`(\w+)`:")


class LimitsSpec(SpecModel):
    """Limits of the gates beside the two on losses. Each binds only where `promote.require` names its gate."""

    metrics: dict[str, float] = Field(
        default_factory=dict[str, float],
        description="`meets_thresholds`: for losses the most, for accuracy, roc_auc and r2 the least that the "
        "candidate's interval must be within.",
    )
    detectable: float = Field(
        default=0.05,
        gt=0,
        description="`has_enough_rows`: the relative worsening of the metric that the rows must be able to show. As "
        "many batches of the window judge as that takes; too few make each gate against the champion `unknown`.",
    )
    power: float = Field(
        default=0.8, gt=0, lt=1, description="`has_enough_rows`: how surely they must show a worsening of that size."
    )
    slices: tuple[str, ...] = Field(
        default=(), description="`no_slice_regression`: input columns whose values (numbers: quarters) are slices."
    )
    find_slices: int = Field(
        default=0,
        ge=0,
        le=16,
        description="`no_slice_regression`: most weak slices to look for by a tree on one half of the rows; they are "
        "judged on the other half. Where no part is worse, the gate passes; of too few rows to search it is unknown.",
    )
    slice_margin: float = Field(
        default=0.0, ge=0, description="`no_slice_regression`: the relative worsening of a slice that is tolerated."
    )
    group_min_rows: int = Field(
        default=50,
        ge=2,
        description="Smaller slices are judged together, or named where even these are fewer rows; smaller groups of "
        "`is_fair` are named, and not compared.",
    )
    groups: tuple[str, ...] = Field(
        default=(), description="`is_fair`: input columns whose values are the groups that are compared."
    )
    selection_gap: Share = Field(
        default=0.1,
        description="`is_fair`: largest difference of the share of positive predictions (demographic parity).",
    )
    error_gap: Share = Field(
        default=0.1,
        description="`is_fair`: largest difference of the true or the false positive rate (equalized odds).",
    )
    churn: Share = Field(default=0.2, description="`is_stable`: largest share of rows with another predicted class.")
    negative_flips: Share = Field(
        default=0.05, description="`is_stable`: largest share of rows that only the champion gets right."
    )
    score_shift: float = Field(
        default=0.2,
        ge=0,
        description="`is_stable`: largest mean distance of the scores, row by row, as `large_change` has it. The "
        "distributions of the scores (Wasserstein distance) lie at most as far apart.",
    )
    calibration_error: float = Field(
        default=0.05,
        ge=0,
        description="`is_calibrated`: largest expected calibration error; for a regression the bias in standard "
        "deviations of the labels. The whole interval must be within it: some 1,000 rows can show the default.",
    )
    milliseconds: float = Field(
        default=100.0, gt=0, description="`is_affordable`: most milliseconds for the score of one row (median)."
    )
    megabytes: float = Field(default=500.0, gt=0, description="`is_affordable`: largest size of the pickled pipeline.")
    memory_megabytes: float = Field(
        default=1000.0,
        gt=0,
        description="`is_affordable`: most memory that scoring 1,000 rows takes at its peak, by any allocator.",
    )
    missing_column: float = Field(
        default=0.5,
        ge=0,
        description="`is_robust`: largest relative growth of the loss without any one column that may be missing.",
    )
    rank_correlation: float = Field(
        default=0.5,
        ge=-1,
        le=1,
        description="`keeps_explanation`: least rank correlation of the importances of candidate and champion.",
    )
    single_column: Share = Field(
        default=0.98,
        description="`has_no_leak`: how well one input column alone may predict: area under the curve, or for a "
        "regression the absolute rank correlation.",
    )


def gate_of(limit: str) -> str | None:
    """The gate that a limit belongs to, as its description begins; None for one of several gates.

    >>> gate_of("churn"), gate_of("group_min_rows")
    ('is_stable', None)
    """
    named = _GATE.match(LimitsSpec.model_fields[limit].description or "")
    return None if named is None else named[1]
