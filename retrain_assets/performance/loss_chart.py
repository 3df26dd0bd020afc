"""A control chart, or a streaming detector, over what a champion lost on its matured batches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrain_assets.drift.detectors import Detector, SelfStarting, Standard, make_detector
from retrain_assets.performance.decay import BatchLoss
from retrain_assets.performance.scores import Values
from retrain_assets.spec import ChartSpec
from retrain_assets.spec.chart import CHARTS

LEAST_BATCHES = 4
"""Fewer tell nothing where none of them alarmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartReading:
    """What a chart shows after the newest batch.

    Args:
        detector: its name.
        reads: `loss`, `error` or `mistake`.
        batches: that it has read.
        alarms: keys of the batches at which it alarmed and the losses had risen, oldest first.
        level: of a chart with a limit, where the newest batch left it: 1 is an alarm, below 0 losses have fallen. None
            where too few batches are there to read it against, at the beginning and after an alarm.
    """

    detector: str
    reads: str
    batches: int
    alarms: tuple[str, ...]
    level: float | None

    @property
    def known(self) -> bool:
        """Whether no alarm means that there is none."""
        return self.batches >= LEAST_BATCHES

    @property
    def reason(self) -> str:
        """What it says, in a sentence."""
        of = f"{self.detector} over the champion's {_READS[self.reads]} of {self.batches} matured batches"
        if self.alarms:
            return f"{of} alarmed at {', '.join(self.alarms[-3:])}"
        if not self.known:
            return f"{of} tells nothing yet ({LEAST_BATCHES} are needed)"
        return f"{of} has not alarmed" + ("" if self.level is None else f": it is at {self.level:.0%} of its limit")


_READS = {"loss": "loss", "error": "rows (error)", "mistake": "rows (mistakes)"}


class LossChart:
    """Takes the batches of one champion, oldest first.

    What a chart reads is a batch's loss against the batches before it (`SelfStarting`): its alarms are as seldom as
    declared from the third batch on, with no past to learn from. The price is that a change at once is part of what it
    learns, so that it takes longer to be found. It assumes that batches are independent and their losses normal.

    One cause alarms once: after a batch that alarms the chart starts itself anew and learns the new level from those
    that follow. That batch is left out: as it was chosen for its height, it would make false alarms too seldom. A
    further rise alarms again. An unknown loss, or no rows, is no batch.

    Of a two-sided chart the falls count for nothing, and half as many false alarms of either side are asked for.

    Raises:
        ValueError: there is no such detector, or it refuses its settings or a value.
        TypeError: what is there is none.

    >>> chart = LossChart(ChartSpec())
    >>> for day, value in enumerate((0.50, 0.52, 0.51, 0.49, 0.50, 0.70, 0.72)):
    ...     chart.take(BatchLoss(batch=f"day {day}", value=value, standard_error=0.01, rows=400))
    >>> chart.reading.alarms
    ('day 6',)
    """

    def __init__(self, spec: ChartSpec) -> None:
        self._spec = spec
        self._detector = _made(spec)
        self._before = SelfStarting()
        self._batches = 0
        self._level: float | None = None
        self._alarms: list[str] = []

    def take(self, loss: BatchLoss, errors: Values | None = None) -> None:
        """Reads the next batch; `errors` are those of its rows, in order of time, where rows are read."""
        level = loss.value if errors is None else float(np.mean(errors)) if len(errors) else math.nan
        if not math.isfinite(level):
            return
        values = [self._before.score(level)] if errors is None else errors.tolist()
        alarms = [self._detector.update(value) for value in values]
        self._batches += 1
        self._level = getattr(self._detector, "share_of_limit", None) if math.isfinite(values[-1]) else None
        if any(alarms) and self._before.count and level > self._before.mean:
            self._alarms.append(loss.batch)
            self._detector.reset()
            self._before = SelfStarting()
            return
        self._before.learn(level)

    @property
    def reading(self) -> ChartReading:
        """What it shows by now."""
        return ChartReading(
            detector=self._detector.name,
            reads=self._spec.reads,
            batches=self._batches,
            alarms=tuple(self._alarms),
            level=self._level,
        )


def _made(spec: ChartSpec) -> Detector:
    if spec.detector in CHARTS:
        between = spec.batches_between_false_alarms / 2
        return make_detector(
            spec.detector, Standard(0.0, 1.0), **{"values_between_false_alarms": between, **spec.settings}
        )
    return make_detector(spec.detector, **spec.settings)
