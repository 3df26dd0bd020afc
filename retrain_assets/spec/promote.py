"""Sections of a declaration: what a candidate must show, and when the platform goes back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from retrain_assets.spec.approval import Approval, ApprovalSpec
from retrain_assets.spec.base import SpecModel
from retrain_assets.spec.durations import Duration
from retrain_assets.spec.expressions import Expression, parse_expression
from retrain_assets.spec.holdout import HOLDOUT
from retrain_assets.spec.limits import LimitsSpec
from retrain_assets.spec.worth import WorthSpec

GATES: dict[str, str] = {
    "not_worse_than_champion": "the paired interval does not show the candidate worse than the champion by the margin",
    "beats_baseline": "the paired interval shows the candidate better than the naive baseline",
    "better_than_champion": "the paired interval shows the candidate better than the champion, by the margin",
    "meets_thresholds": "every metric of `promote.limits.metrics` lies, with its interval, on the good side",
    "has_enough_rows": "the rows would show a worsening by `promote.limits.detectable` with the declared power",
    "no_slice_regression": "no slice is shown worse than with the champion; the level is shared over the slices",
    "is_fair": "no rate differs between the declared groups, with its interval, by more than its limit",
    "is_stable": "churn, negative flips and score shift against the champion are, with their intervals, within limits",
    "is_calibrated": "the calibration error, with its interval, is within its limit",
    "is_affordable": "time, size and memory of the candidate are within their limits",
    "has_no_leak": "no input column alone predicts the label better than its limit",
    "is_servable": "a fresh process loads the candidate from the registry and scores rows to the same bits",
    "is_robust": "without any one column that may be missing the loss grows by no more than its limit",
    "not_worth_less": "the paired interval does not show the candidate worth less than the champion (`promote.worth`)",
    "ranks_not_worse": "no paired interval shows the candidate's ranking worse than the champion's (NDCG, MRR)",
    "keeps_explanation": "the columns that matter do so in about the order in which they did to the champion",
}


class PromoteSpec(SpecModel):
    """What a candidate must show before it replaces the champion."""

    require: str = Field(
        default="not_worse_than_champion & beats_baseline",
        description=f"Gates joined by | & ~ and parentheses: {', '.join(GATES)}.",
    )
    margin: float = Field(
        default=0.0,
        ge=0,
        description="Non-inferiority margin: the relative worsening of the metric that is tolerated.",
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Level of the intervals.")
    min_rows: int = Field(
        default=200,
        ge=2,
        description="Fewer reserved rows than this make every gate `unknown`; a first model waits for them.",
    )
    earlier: int = Field(
        default=2,
        ge=0,
        le=20,
        description="So many of the latest earlier champions are judged beside the candidate, and told in the report: "
        "when a season comes back, one of them may be better. None that was rolled back.",
    )
    recall: int = Field(
        default=0,
        ge=0,
        le=20,
        description="So many of the latest earlier champions, which are then judged in any case, may take over: one "
        "that is shown better than the champion, and than a candidate that passed. None that was rolled back.",
    )
    limits: LimitsSpec = LimitsSpec()
    approval: Approval = ApprovalSpec()
    worth: WorthSpec = WorthSpec()
    holdout: Duration | None = Field(default=None, description=HOLDOUT)
    draw_together: str | None = Field(
        default=None,
        description="Column whose equal values vary together (a customer): the bootstrap draws them whole. Default: "
        "batches, where there are eight of them, else rows.",
    )

    @field_validator("require")
    @classmethod
    def _parses(cls, value: str) -> str:
        parse_expression(value, GATES)
        return value

    @property
    def expression(self) -> Expression:
        """The parsed condition."""
        return parse_expression(self.require, GATES)


class RollbackSpec(SpecModel):
    """When the platform goes back to the champion before by itself. A person always may."""

    watch: Duration | None = Field(
        default=None,
        description="Batch time after a promotion within which a red check or too high a loss rolls it back. To see a "
        "batch that the new champion served it must last a batch and `target.label_delay`. Default: never by itself.",
    )
    max_loss: float | None = Field(
        default=None,
        description="Ceiling of `metric` on a matured batch: broken where the whole interval of the champion's loss "
        "lies above it. Default: none.",
    )
    checks: tuple[Literal["champion_is_healthy", "predictions_are_valid"], ...] = Field(
        default=("champion_is_healthy", "predictions_are_valid"),
        description="Checks that roll back when they turn red within the watch. No others: these say that the model "
        "fails; inputs that drift do so for the champion before, too.",
    )
