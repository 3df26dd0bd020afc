"""When a model is trained again: the triggers, what they are held against, and what a retrain costs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from retrain_assets.spec.base import SpecModel
from retrain_assets.spec.budgets import Budget, SharedBudgetSpec
from retrain_assets.spec.chart import ChartSpec
from retrain_assets.spec.durations import Duration
from retrain_assets.spec.events import EventsSpec
from retrain_assets.spec.expressions import Expression, parse_expression
from retrain_assets.spec.manners import Manners

TRIGGERS: dict[str, str] = {
    "staleness": "what staleness has cost since the last training outweighs `retrain.cost`; needs no tuning",
    "performance_decay": "the champion's matured losses are worse than its holdout loss by more than noise",
    "estimated_decay": "batches without labels are estimated to lose more than the holdout did; an early warning",
    "slice_decay": "a slice of `retrain.slices` loses more beyond the whole than it used to, however the whole does",
    "loss_chart": "the chart or detector `retrain.chart` alarmed over the champion's losses, and no training has seen "
    "that batch; an EWMA chart by default",
    "drift": "a drift episode is open that no decision has acknowledged",
    "score_drift": "the champion's scores have drifted, in such an episode; needs `score` in `drift.outputs`",
    "label_drift": "the newest labels have drifted, in such an episode; needs `label` in `drift.outputs`",
    "residual_drift": "label less score has drifted, in such an episode; needs `residual` in `drift.outputs`",
    "model_age": "the champion's training end is older than `freshness.model_age`, in batch time",
    "freshness": "the FreshnessPolicy on the champion failed, in wall time",
    "new_labels": "at least `retrain.min_new_labels` labels, and `retrain.min_new_share` of the last training's rows, "
    "matured since the champion's training end",
    "changed_declaration": "the declaration differs from the one that trained the champion",
    "schedule": "the cron expression `retrain.schedule` came due within the batch's window, or before it where a "
    "limit, a hold or something unknown has kept the retrain back since",
    "event": "a business event was recorded that no retrain has answered yet",
    "person": "a person asked for a retrain",
}


class ConfirmSpec(SpecModel):
    """In how many of the newest decisions the condition must hold before a retrain."""

    times: int = Field(ge=1, description="So often; written out, or as `2 of 3`.")
    of: int = Field(ge=1, description="Of so many decisions, the present one included.")

    @model_validator(mode="after")
    def _possible(self) -> ConfirmSpec:
        if self.times > self.of:
            raise ValueError(f"must be possible: at most all of the decisions (got {self.times} of {self.of})")
        return self


_CONFIRM = re.compile(r"\s*(\d+)\s+of\s+(\d+)\s*")


def _confirm(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _CONFIRM.fullmatch(value)
    if match is None:
        raise ValueError(f"must read like '2 of 3' (got {value!r})")
    return {"times": int(match[1]), "of": int(match[2])}


Confirm = Annotated[ConfirmSpec, BeforeValidator(_confirm, json_schema_input_type=str | ConfirmSpec)]


class DecaySpec(SpecModel):
    """When matured losses count as decay."""

    batches: int = Field(default=3, ge=1, description="Newest matured batches that are looked at together.")
    standard_errors: float = Field(
        default=2.0, gt=0, description="The mean excess over the holdout loss, in standard errors."
    )
    floor: float = Field(
        default=0.02, ge=0, description="Smallest relative excess that counts, whatever its significance."
    )


class CostSpec(SpecModel):
    """What a retrain costs, against what a stale model costs."""

    retrain: float = Field(
        default=0.5,
        gt=0,
        description="Cost of a retrain: in batches' worth of loss, or in money where `unit_loss` is set.",
    )
    unit_loss: float | None = Field(
        default=None, gt=0, description="What one unit of the metric on one row costs, in the same money."
    )


class RetrainSpec(Manners):
    """When the model is trained again."""

    when: str = Field(
        default="staleness | model_age | event",
        description=f"Triggers joined by | & ~, parentheses and `2 of (a, b, c)`: {', '.join(TRIGGERS)}. "
        "`age > 12 weeks` is model_age with a limit of its own. A person always may.",
    )
    cooldown: Duration = Field(default=timedelta(0), description="Batch time that must pass between two retrains.")
    budget: Budget | None = Field(default=None, description="Such as `12 per year`; in batch time. Default: no limit.")
    shared_budget: SharedBudgetSpec | None = Field(
        default=None,
        description="A budget that models share: all that name it draw on it. First models are free. Default: none.",
    )
    priority: int = Field(
        default=0,
        ge=0,
        description="Where the shared budget is short, what is left of it is kept for models of a higher priority that "
        "wait for it.",
    )
    confirm: Confirm | None = Field(
        default=None,
        description="Such as `2 of 3`, or `2 of 2` for two in a row; in decisions of successive batches since the last "
        "retrain. A person needs no confirmation. Default: the first counts.",
    )
    min_new_labels: int = Field(default=1000, ge=1, description="Threshold of the trigger `new_labels`.")
    min_new_share: float = Field(
        default=0,
        ge=0,
        description="So many labels for each row of the last training `new_labels` asks for besides, such as 0.25.",
    )
    schedule: str | None = Field(default=None, description="Cron expression (UTC) of the trigger `schedule`.")
    decay: DecaySpec = DecaySpec()
    chart: ChartSpec = ChartSpec()
    cost: CostSpec = CostSpec()
    events: EventsSpec | None = Field(
        default=None,
        description="Files or rows that are business events, of the trigger `event`; looked at with the source.",
    )
    max_attempts: int = Field(default=2, ge=1, description="How often a crashed retrain is started for one decision.")

    @field_validator("when")
    @classmethod
    def _parses(cls, value: str) -> str:
        parse_expression(value, TRIGGERS)
        return value

    @property
    def expression(self) -> Expression:
        """The parsed condition."""
        return parse_expression(self.when, TRIGGERS)
