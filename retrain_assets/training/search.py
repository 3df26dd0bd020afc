"""A random search whose folds respect time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.windows import Calendar
from retrain_assets.errors import DeclarationError, InsufficientDataError, Problem
from retrain_assets.performance.metrics import metric_value
from retrain_assets.spec import ModelSpec, format_duration
from retrain_assets.training.pipeline import build_pipeline
from retrain_assets.training.predict import predict
from retrain_assets.training.source import TransformSource

if TYPE_CHECKING:
    from retrain_assets.training.transform import SourceTransform

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One parameter setting with its loss in each fold; smaller is better."""

    params: Mapping[str, Any]
    losses: tuple[float, ...]

    @property
    def loss(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.losses))


def search(
    spec: ModelSpec,
    frame: pd.DataFrame,
    labels: npt.NDArray[Any],
    *,
    source: TransformSource | SourceTransform | None = None,
) -> tuple[Draw, ...]:
    """Tries the declared number of settings and returns them, the best first (the earlier drawn on a tie).

    Args:
        spec: A declaration with a search.
        frame: Training rows in order of event time.
        labels: Their labels.
        source: The text of the declared transform.

    Raises:
        DeclarationError: a parameter has no values or is none of the estimator's.
        InsufficientDataError: too few batches for the declared folds, or a fold whose training rows have one class.
    """
    from sklearn.model_selection import ParameterGrid, ParameterSampler

    declared = spec.estimator.search
    if declared is None:
        raise ValueError(f"model '{spec.name}' declares no search")
    values = {name: list(choices) for name, choices in declared.params.items()}
    empty = [name for name, choices in values.items() if not choices]
    if empty:
        raise DeclarationError(
            [Problem(field=f"estimator.search.params.{name}", message="must list at least one value") for name in empty]
        )
    draws = min(declared.draws, len(ParameterGrid(values)))
    folds = list(time_folds(spec, frame[spec.event_time], declared.folds))
    tried: list[Draw] = []
    for params in ParameterSampler(values, draws, random_state=spec.estimator.seed):
        losses = tuple(_loss(spec, frame, labels, fold, source, params) for fold in folds)
        tried.append(Draw(params=params, losses=losses))
    return tuple(sorted(tried, key=lambda draw: draw.loss))


def time_folds(spec: ModelSpec, event_time: pd.Series[Any], folds: int) -> Iterator[tuple[Rows, Rows]]:
    """Positions of training and validation rows, growing like TimeSeriesSplit, cut between batches.

    The batches are divided into folds + 1 spans of about equal number; fold i validates on span i + 1. Its training
    rows are those of the spans before whose labels were known when the validation span began, as in production.
    """
    times = pd.DatetimeIndex(event_time)
    calendar = Calendar(spec.batches.model_copy(update={"end": None}))
    starts = _batch_starts(calendar, times)
    batch_of_row = np.searchsorted(starts, times.to_numpy(), side="right") - 1
    present = np.unique(batch_of_row)
    if len(present) < folds + 1:
        raise InsufficientDataError(
            f"a search with {folds} folds needs rows of at least {folds + 1} batches (got {len(present)})"
        )
    known_at = (times + spec.target.label_delay).to_numpy()
    for span in np.array_split(present, folds + 1)[1:]:
        train = np.flatnonzero((batch_of_row < span[0]) & (known_at <= starts[span[0]]))
        valid = np.flatnonzero((batch_of_row >= span[0]) & (batch_of_row <= span[-1]))
        if len(train) == 0:
            raise InsufficientDataError(
                f"a search with {folds} folds and a label delay of {format_duration(spec.target.label_delay)} needs "
                f"more batches than {len(present)}: no label was known before {starts[span[0]]}"
            )
        yield train, valid


def _batch_starts(calendar: Calendar, times: pd.DatetimeIndex) -> npt.NDArray[np.datetime64]:
    first, last = times.min().to_pydatetime(), times.max().to_pydatetime()
    batch = calendar.containing(first)
    starts: list[datetime] = []
    while batch is not None and batch.start <= last:
        starts.append(batch.start)
        batch = calendar.next(batch)
    if not starts:
        raise InsufficientDataError(f"training rows must not be older than the first batch (got {first})")
    return pd.DatetimeIndex(starts).to_numpy()


def _loss(
    spec: ModelSpec,
    frame: pd.DataFrame,
    labels: npt.NDArray[Any],
    fold: tuple[Rows, Rows],
    source: TransformSource | SourceTransform | None,
    params: Mapping[str, Any],
) -> float:
    train, valid = fold
    pipeline = build_pipeline(spec, source=source, params=params)
    if spec.task == "classification" and len(np.unique(labels[train])) < 2:
        raise InsufficientDataError("a fold of the search has training rows of one class only: declare fewer folds")
    pipeline.fit(frame.iloc[train], labels[train])
    classes = tuple(pipeline.classes_) if spec.task == "classification" else ()
    scores = predict(pipeline, frame.iloc[valid], task=spec.task, classes=classes)
    if classes:
        # A class that appears later has probability 0: the loss tells it.
        scores = scores.over(tuple(np.unique(np.concatenate([np.asarray(classes), np.unique(labels[valid])]))))
    return metric_value(spec.metric, labels[valid], scores)
