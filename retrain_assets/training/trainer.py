"""From a frozen training set to a fitted pipeline."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.time_order import is_in_time_order
from retrain_assets.errors import DeclarationError, InsufficientDataError, Problem
from retrain_assets.spec import ModelSpec
from retrain_assets.training.pipeline import build_pipeline
from retrain_assets.training.search import Draw, search
from retrain_assets.training.source import TransformSource

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from retrain_assets.training.transform import SourceTransform


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedModel:
    """What training made. `params` are the estimator's, `features` the columns it learned from, before encoding."""

    pipeline: Pipeline
    classes: tuple[Any, ...]
    features: tuple[str, ...]
    params: Mapping[str, Any]
    rows: int
    fit_seconds: float
    draws: tuple[Draw, ...] = ()


def train(
    spec: ModelSpec,
    frame: pd.DataFrame,
    labels: npt.ArrayLike,
    *,
    source: TransformSource | SourceTransform | None = None,
) -> FittedModel:
    """Searches (where declared) and fits one model; a function of the rows, the declaration and the seed alone.

    Args:
        spec: The declaration.
        frame: Validated training rows with `ra_row_id` and without reserved rows; in any order.
        labels: One label for each row, in the order of `frame`.
        source: The text of the declared transform.

    Raises:
        DeclarationError: the declaration does not suit the rows or the estimator.
        DataError: the transform failed on the rows.
        InsufficientDataError: no rows, or labels of one class only.
        ValueError: what no caller may pass: reserved rows, hidden columns, missing labels or those of other rows.
    """
    started = time.perf_counter()
    if isinstance(labels, pd.Series) and not labels.index.equals(frame.index):
        raise ValueError(f"labels of model '{spec.name}' must be on the index of its training rows, in the same order")
    truth = _truth(spec, labels)
    _check(spec, frame, truth)
    # The order in which rows lie in a table is nobody's decision: it must not make another model.
    rows = frame.reset_index(drop=True)
    if not is_in_time_order(rows, spec.event_time):
        rows = rows.sort_values([spec.event_time, "ra_row_id"], kind="stable")
        truth = truth[rows.index.to_numpy()]
        rows = rows.reset_index(drop=True)
    classes = _classes(spec, truth)
    draws = search(spec, rows, truth, source=source) if spec.estimator.search is not None else ()
    pipeline = build_pipeline(spec, source=source, params=draws[0].params if draws else None)
    try:
        pipeline.fit(rows, truth)
    except ValueError as error:
        error.add_note(f"while model '{spec.name}' fitted {spec.estimator.class_} on {len(rows)} rows")
        raise
    _check_learned(spec, pipeline)
    return FittedModel(
        pipeline=pipeline,
        classes=classes,
        features=tuple(pipeline.named_steps["features"].features_),
        params=pipeline.named_steps["estimator"].get_params(deep=False),
        rows=len(rows),
        fit_seconds=time.perf_counter() - started,
        draws=draws,
    )


def _check(spec: ModelSpec, frame: pd.DataFrame, truth: npt.NDArray[Any]) -> None:
    if len(frame) == 0:
        raise InsufficientDataError(f"model '{spec.name}' has no training rows")
    what = f"training rows of model '{spec.name}' must"
    hidden = [name for name in spec.hidden_columns if name in frame.columns]
    if hidden:
        raise ValueError(f"{what} not show hidden columns (got {', '.join(hidden)})")
    if "ra_row_id" not in frame.columns or spec.event_time not in frame.columns:
        raise ValueError(f"{what} have ra_row_id and {spec.event_time} (got {', '.join(map(str, frame.columns))})")
    if "ra_reserved" in frame.columns and frame["ra_reserved"].astype(bool).any():
        raise ValueError(f"{what} not hold reserved rows (got {int(frame['ra_reserved'].sum())})")
    missing = int(pd.isna(truth).sum())
    if truth.shape != (len(frame),) or missing:
        raise ValueError(f"{what} have one label each (got {truth.size} for {len(frame)} rows, {missing} missing)")


def _check_learned(spec: ModelSpec, pipeline: Pipeline) -> None:
    """An encoder keeps the categories that it saw: with the model they would leave the store of the rows."""
    learned = [name for name in pipeline.named_steps["features"].categorical_ if name in spec.personal_columns]
    if learned:
        message = (
            f"must not name {', '.join(learned)}, which personal_columns names: the encoder would write the values "
            "into the model. Derive a feature in a transform, under another name"
        )
        raise DeclarationError([Problem(field="features.columns", message=message)])


def _truth(spec: ModelSpec, labels: npt.ArrayLike) -> npt.NDArray[Any]:
    if spec.task == "regression":
        return np.asarray(labels, dtype=np.float64)
    truth = np.asarray(labels)
    # Tables give labels back as objects: booleans or numbers among them are what they were.
    return np.asarray(truth.tolist()) if truth.dtype == object and not pd.isna(truth).any() else truth


def _classes(spec: ModelSpec, truth: npt.NDArray[Any]) -> tuple[Any, ...]:
    """The classes as plain Python values, in the order of the estimator's columns."""
    if spec.task == "regression":
        return ()
    classes: list[Any] = np.unique(truth).tolist()
    if len(classes) < 2:
        raise InsufficientDataError(
            f"model '{spec.name}' needs training rows of at least two classes (all {len(truth)} are {classes[0]!r})"
        )
    return tuple(classes)
