"""`retrain.chart`: the control chart or streaming detector that is kept of the champion's losses."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from retrain_assets.errors import did_you_mean
from retrain_assets.spec.base import SpecModel

CHARTS = ("ewma", "cusum")
"""Of one standardized value a batch, whose limits follow from how seldom they may alarm by chance."""
_OF_BATCHES = (*CHARTS, "upper_cusum")
_OF_ROWS = ("adwin", "ddm")
DETECTORS = (*_OF_BATCHES, "page_hinkley", *_OF_ROWS)
"""Detectors that are built in."""
_PLUGGED = "retrain_assets.detectors"


def _detector(value: str) -> str:
    if value in DETECTORS or ":" in value or value in {point.name for point in entry_points(group=_PLUGGED)}:
        return value
    raise ValueError(
        f"must be one of {', '.join(DETECTORS)}, or an import path 'package.module:Class' such as "
        f"'river.drift:ADWIN' (got {value!r}).{did_you_mean(value, DETECTORS)}"
    )


class ChartSpec(SpecModel):
    """What watches the champion's losses on its matured batches: shown on `performance`, and the trigger `loss_chart`.

    An alarm counts where the losses have risen.
    """

    detector: Annotated[str, AfterValidator(_detector)] = Field(
        default="ewma",
        description=f"{', '.join(DETECTORS)}; an entry point of the group `retrain_assets.detectors`, or an import "
        "path `package.module:Class`, such as `river.drift:KSWIN`.",
    )
    reads: Literal["loss", "error", "mistake"] = Field(
        default="loss",
        description="`loss`: the loss of each batch, in standard deviations of the batches before it. Of each row in "
        "order of time, from 0 to 1: `error`, how far it is off, and `mistake`, whether it is wrong; they read the "
        "rows of all batches of the champion at each decision.",
    )
    batches_between_false_alarms: float = Field(
        default=100.0,
        gt=4,
        le=1e6,
        description="Of `ewma` and `cusum`: how many batches apart alarms are, on average, while nothing changes.",
    )
    settings: dict[str, Any] = Field(
        default_factory=dict[str, Any], description="Further settings of the detector, such as `{delta: 0.002}`."
    )

    @model_validator(mode="after")
    def _reads_what_it_can(self) -> ChartSpec:
        if self.detector in _OF_BATCHES and self.reads != "loss":
            raise ValueError(f"reads must be 'loss' for {self.detector}, which charts batches (got '{self.reads}')")
        if self.detector in _OF_ROWS and self.reads == "loss":
            raise ValueError(f"reads must be 'error' or 'mistake' for {self.detector}, which reads rows (got 'loss')")
        return self
