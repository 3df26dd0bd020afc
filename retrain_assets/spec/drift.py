"""`drift`: what counts as drift of a batch."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from retrain_assets.errors import did_you_mean
from retrain_assets.spec.base import SpecModel

DISTANCES = (
    "jensen_shannon",
    "hellinger",
    "total_variation",
    "kullback_leibler",
    "psi",
    "kolmogorov_smirnov",
    "wasserstein",
    "l_infinity",
    "chi_square",
    "cramers_v",
)
"""Distances that are built in."""


def _distance(value: str) -> str:
    if value in DISTANCES or ":" in value or value in {point.name for point in entry_points(group=_PLUGGED)}:
        return value
    raise ValueError(
        f"must be one of {', '.join(DISTANCES)}, or an import path 'package.module:Class' (got {value!r})."
        f"{did_you_mean(value, DISTANCES)}"
    )


_PLUGGED = "retrain_assets.distances"
DistanceName = Annotated[str, AfterValidator(_distance)]


Output = Literal["score", "label", "residual", "novelty", "importance", "attribution"]
Joint = Literal["none", "correlation", "classifier"]


class DriftSpec(SpecModel):
    """How the inputs of a batch, and what the champion makes of them, are compared with the champion's reference."""

    distance: DistanceName = Field(
        default="jensen_shannon",
        description=f"How far a column of the batch is from the reference: {', '.join(DISTANCES)}; an entry point of "
        "the group `retrain_assets.distances`, or an import path `package.module:Class`.",
    )
    reference: Literal["recent", "training_window", "same_season", "same_weekday"] = Field(
        default="recent",
        description="`recent`: the newest training batches; `same_season`: those around one year before the batch; "
        "`same_weekday`: the newest of the batch's weekday, and hour where batches are hours. It travels with the "
        "model version.",
    )
    reference_batches: int = Field(
        default=8, ge=1, description="Number of batches of a reference other than `training_window`."
    )
    effect_floor: float = Field(default=0.1, ge=0, description="A smaller distance is not drift, however significant.")
    false_alarms_per_year: float = Field(
        default=1.0,
        gt=0,
        description="How often a year, over all columns and batches, a column may drift by chance alone.",
    )
    correction: Literal["holm", "benjamini_hochberg"] = Field(
        default="holm",
        description="How that is shared over the columns: `holm` bounds the chance of any false column, "
        "`benjamini_hochberg` the share of false ones among those found.",
    )
    significance: Literal["batches", "rows"] = Field(
        default="batches",
        description="`batches`: a column must differ more than the reference batches differ from each other; `rows`: "
        "rows are taken for independent, as also below five reference batches.",
    )
    columns_share: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="The inputs have drifted when at least this share of the columns (and one) has.",
    )
    bins: int = Field(
        default=20,
        ge=2,
        le=256,
        description="Quantile bins of a number, or categories told apart; from the reference.",
    )
    smoothing: float = Field(
        default=0.5, ge=1e-100, le=1e100, description="Pseudo-count added to each bin before shares are taken."
    )
    min_rows: int = Field(default=200, ge=1, description="Fewer rows than this on either side give `unknown`.")
    columns: tuple[str, ...] | None = Field(default=None, description="Columns to watch. Default: all inputs.")
    outputs: tuple[Output, ...] = Field(
        default=(),
        description="Which of `score`, `label`, `residual`, `novelty` (an outlier score of each row), `importance` "
        "(the column that matters most to the loss of each row) and `attribution` (what each input adds to the scores "
        "of single rows) are drift by themselves, whatever of the inputs has drifted. The first three are reported in "
        "any case; `importance` costs a prediction of a thousand labelled rows for each column, `attribution` thirty "
        "thousand predictions.",
    )
    joint: Joint = Field(
        default="none",
        description="What the inputs may show together: changed correlations of numbers, or all that a classifier can "
        "learn to tell the batch from the reference (seconds a batch). It is drift by itself.",
    )
    rearm_growth: float = Field(
        default=1.5, gt=1, description="An acknowledged episode alarms again when its score has grown by this factor."
    )
