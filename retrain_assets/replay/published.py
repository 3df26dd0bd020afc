"""Rules from the literature, to be measured beside one's own: each reads labelled batches only.

| rule | source | retrains when |
|---|---|---|
| `adwin`, `ddm`, `page_hinkley` | see the detectors | the detector alarms on the served model's errors |
| `cusum` | Page 1954 | the chart of the relative excess over the holdout loss passes its limit |
| `cara` | Mahadevan, Mathioudakis: KBS 293, 2024 | staleness since the last retrain has cost as much as one |
| `upf` | Regol et al., ICML 2025 | a forecast of the loss ahead, at its 95 % quantile, is lower with a retrain |
| `debt_growth` | see `replay.debt_growth` | loss beyond the holdout's, times growth of the rows, is worth one |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from retrain_assets.drift.detectors import Adwin, Ddm, Detector, PageHinkley, UpperCusum, any_alarm
from retrain_assets.performance.row_errors import row_errors
from retrain_assets.replay.clock import Moment, Rule
from retrain_assets.replay.debt_growth import debt_growth
from retrain_assets.replay.scoring import losses_of

Series = npt.NDArray[np.float64]


class DetectorRule:
    """Retrains when a detector alarms on what became known of the model that served; starts anew after a retrain."""

    def __init__(self, make: Callable[[], Detector], read: Callable[[Moment, int, int], Series]) -> None:
        self._make = make
        self._read = read
        self._detector = make()
        self._attempted: int | None = None
        self._seen: int | None = None

    def __call__(self, moment: Moment) -> bool:
        """Whether there is an alarm."""
        if moment.attempted != self._attempted:
            self._attempted, self._seen, self._detector = moment.attempted, moment.attempted, self._make()
        first = moment.attempted + 1 if self._seen is None else self._seen + 1
        self._seen = moment.labelled
        alarms = [
            any_alarm(self._detector, self._read(moment, moment.champion, batch).tolist())
            for batch in range(max(first, moment.champion + 1), moment.labelled + 1)
        ]
        return any(alarms)


def bounded_error(moment: Moment, model: int, batch: int) -> Series:
    """In [0, 1] for each row: see `row_errors`."""
    return _row_errors("error", moment, model, batch)


def mistakes(moment: Moment, model: int, batch: int) -> Series:
    """0 or 1 for each row: see `row_errors`."""
    return _row_errors("mistake", moment, model, batch)


def _row_errors(reads: Literal["error", "mistake"], moment: Moment, model: int, batch: int) -> Series:
    if moment.book.stream.spec.task == "classification":
        chances = np.asarray(moment.book.evidence(model, batch), dtype=np.float64)
        return row_errors(reads, chances, holdout=None)
    return row_errors(reads, _losses(moment, model, batch), holdout=_holdout(moment, model))


def relative_excess(moment: Moment, model: int, batch: int) -> Series:
    """One value: the batch's excess over the holdout loss, relative to it."""
    holdout = _holdout(moment, model)
    return np.array([(moment.book.mean[model, batch] - holdout) / holdout])


def _losses(moment: Moment, model: int, batch: int) -> Series:
    stream = moment.book.stream
    labels = stream.labels[stream.starts[batch] : stream.starts[batch + 1]]
    return losses_of(stream.spec.metric, moment.book.evidence(model, batch), labels)


def _holdout(moment: Moment, model: int) -> float:
    holdout = moment.book.holdout(model)
    return max(1e-12, float(moment.book.mean[model, model + 1]) if holdout is None else holdout.value)


def cara(cost: float) -> Callable[[], Rule]:
    """CARA with a cumulative threshold: staleness cost since the last retrain against the cost of one.

    Staleness cost of a batch is the model's loss there beyond its holdout loss, in units of that, and nothing where it
    lies below, so that noise adds up as well; queries are weighted alike, where the paper weights by similarity to the
    training data.

    Args:
        cost: of a retrain, in units of the holdout loss.
    """

    def rule(moment: Moment) -> bool:
        first = max(moment.attempted, moment.champion) + 1
        stale = [relative_excess(moment, moment.champion, j)[0] for j in range(first, moment.labelled + 1)]
        return sum(max(0.0, each) for each in stale) >= cost

    return lambda: rule


class Upf:
    """Forecasts the loss of the batches ahead with its uncertainty, and retrains where less is to be feared with it.

    A Bayesian linear regression (ridge prior, known-form posterior) of relative loss on log age and batch, over all
    models so far and the labelled batches after each, forecasts what the next `horizon` batches lose together, with the
    model in force and with a new one. It retrains when the `quantile` of the new one's sum, plus the cost, lies below
    that of the old one's. Their noise is the same; beside the means it counts which of the two is known less: a model
    older than any was, or a new one while there has been one model only. The paper compares these quantiles at .95 as
    well; its forecast is of a bounded metric, and reads the shift of the inputs, too, which is left out here.

    Args:
        cost: of a retrain, in batches' worth of loss.
        horizon: batches ahead.
        quantile: of the sums that are compared, in (0, 1); at .5 uncertainty changes nothing.
    """

    def __init__(self, cost: float, horizon: int = 8, quantile: float = 0.95) -> None:
        self._cost = cost
        self._horizon = horizon
        self._quantile = quantile

    def __call__(self, moment: Moment) -> bool:
        """Whether the forecast says that a retrain pays."""
        from scipy.stats import norm

        mean = moment.book.mean
        pairs = [(m, j) for m in moment.champions for j in range(m + 1, moment.labelled + 1)]
        if len(pairs) < 4:
            return False
        rows = np.array([_features(m, j, moment.labelled) for m, j in pairs])
        losses = np.array([mean[m, j] for m, j in pairs])
        scale = float(losses.mean())
        if scale <= 0:
            return False
        target = losses / scale
        precision = rows.T @ rows + np.diag([1e-3, 1.0, 1.0])
        weights = np.linalg.solve(precision, rows.T @ target)
        noise = max(1e-6, float(np.mean(np.square(target - rows @ weights))))
        deviations = float(norm.ppf(self._quantile))

        def feared(model: int) -> float:
            ahead = range(moment.decided + 1, moment.decided + 1 + self._horizon)
            total = np.sum([_features(model, j, moment.labelled) for j in ahead], axis=0)
            spread = np.sqrt(noise * (self._horizon + total @ np.linalg.solve(precision, total)))
            return float(total @ weights + deviations * spread)

        return feared(moment.labelled) + self._cost < feared(moment.champion)


def _features(model: int, batch: int, newest: int) -> tuple[float, float, float]:
    return 1.0, float(np.log1p(batch - model)), (batch - newest) / 10


def published(name: str, *, cost: float, limit: float | None = None) -> Callable[[], Rule]:
    """Fresh rules of a name; `limit` is the chart's of `cusum`.

    Raises:
        KeyError: no such rule.
    """
    rules: dict[str, Callable[[], Rule]] = {
        "adwin": lambda: DetectorRule(Adwin, bounded_error),
        "ddm": lambda: DetectorRule(Ddm, mistakes),
        "page_hinkley": lambda: DetectorRule(PageHinkley, bounded_error),
        "cusum": lambda: DetectorRule(
            lambda: UpperCusum(slack=0.05, limit=0.5 if limit is None else limit), relative_excess
        ),
        "cara": cara(cost),
        "upf": lambda: Upf(cost),
        "debt_growth": lambda: debt_growth(cost),
    }
    return rules[name]


PUBLISHED = ("adwin", "ddm", "page_hinkley", "cusum", "cara", "upf", "debt_growth")
WEIGH_COST = ("cara", "upf", "debt_growth")
"""Of these, those that know what a retrain costs."""
