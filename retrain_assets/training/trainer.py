"""From a frozen training set to a fitted pipeline with an identity."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.errors import InsufficientDataError
from retrain_assets.spec import ModelSpec
from retrain_assets.training.baseline import NaiveBaseline
from retrain_assets.training.environment import library_versions, thread_count
from retrain_assets.training.golden import golden_rows
from retrain_assets.training.model_hash import hash_model
from retrain_assets.training.pipeline import build_pipeline
from retrain_assets.training.predict import predict
from retrain_assets.training.search import Draw, search
from retrain_assets.training.source import TransformSource

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedModel:
    """What training made: enough for a bundle's manifest and for the run's record."""

    pipeline: Pipeline
    classes: tuple[Any, ...]
    features: tuple[str, ...]
    params: Mapping[str, Any]
    baseline: NaiveBaseline
    model_hash: str
    seed: int
    threads: int
    libraries: Mapping[str, str]
    rows: int
    fit_seconds: float
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    draws: tuple[Draw, ...] = ()


def train(
    spec: ModelSpec, frame: pd.DataFrame, labels: pd.Series[Any], *, source: TransformSource | None = None
) -> FittedModel:
    """Searches (where declared), fits and identifies one model; deterministic by rows, declaration and seed.

    Args:
        spec: The declaration.
        frame: Validated training rows with `ra_row_id` and without reserved rows; in any order.
        labels: One label for each row, on the index of `frame`.
        source: The text of the declared transform.

    Raises:
        DeclarationError: the declaration does not suit the rows or the estimator.
        DataError: the transform failed on the rows.
        InsufficientDataError: no rows, or labels of one class only.
        ValueError: what no caller may pass: reserved rows, hidden columns, labels of other rows or missing labels.
    """
    started = time.perf_counter()
    _check(spec, frame, labels)
    # The order in which rows lie in a table is nobody's decision: it must not make another model.
    order = frame.sort_values([spec.event_time, "ra_row_id"], kind="stable").index
    rows = frame.loc[order].reset_index(drop=True)
    truth = _truth(spec, labels.loc[order])
    classes = _classes(spec, truth)
    draws = search(spec, rows, truth, source=source) if spec.estimator.search is not None else ()
    pipeline = build_pipeline(spec, source=source, params=draws[0].params if draws else None)
    try:
        pipeline.fit(rows, truth)
    except ValueError as error:
        error.add_note(f"while model '{spec.name}' fitted {spec.estimator.class_} on {len(rows)} rows")
        raise
    estimator: Any = pipeline[-1]
    params = {name: value for name, value in estimator.get_params(deep=False).items()}
    golden = predict(pipeline, golden_rows(rows), classes)
    return FittedModel(
        pipeline=pipeline,
        classes=classes,
        features=tuple(pipeline.named_steps["features"].features_),
        params=params,
        baseline=NaiveBaseline.fit(truth, spec.metric, classes),
        model_hash=hash_model(pipeline, params, golden.values),
        seed=spec.estimator.seed,
        threads=thread_count(),
        libraries=library_versions(spec.estimator.class_),
        rows=len(rows),
        fit_seconds=time.perf_counter() - started,
        sources={} if source is None else {source.module: source.text},
        draws=draws,
    )


def _check(spec: ModelSpec, frame: pd.DataFrame, labels: pd.Series[Any]) -> None:
    if len(frame) == 0:
        raise InsufficientDataError(f"model '{spec.name}' has no training rows")
    hidden = [name for name in spec.hidden_columns if name in frame.columns]
    if hidden:
        raise ValueError(f"training rows of model '{spec.name}' must not show hidden columns (got {', '.join(hidden)})")
    if "ra_row_id" not in frame.columns or spec.event_time not in frame.columns:
        raise ValueError(f"training rows of model '{spec.name}' must have ra_row_id and {spec.event_time}")
    if "ra_reserved" in frame.columns and frame["ra_reserved"].astype(bool).any():
        raise ValueError(f"training rows of model '{spec.name}' must not hold reserved rows")
    if not frame.index.is_unique or len(labels) != len(frame) or not labels.index.sort_values().equals(frame.index.sort_values()):
        raise ValueError(f"labels of model '{spec.name}' must be one for each training row, on the same unique index")
    if labels.isna().any():
        raise ValueError(f"labels of model '{spec.name}' must not be missing ({int(labels.isna().sum())} are)")


def _truth(spec: ModelSpec, labels: pd.Series[Any]) -> npt.NDArray[Any]:
    if spec.task == "regression":
        return labels.to_numpy(dtype=np.float64)
    values = np.asarray(labels.tolist())
    return values if values.dtype.kind in "biufU" else np.asarray(labels.tolist(), dtype=object)


def _classes(spec: ModelSpec, truth: npt.NDArray[Any]) -> tuple[Any, ...]:
    """The classes as plain Python values, in the order of the estimator's columns."""
    if spec.task == "regression":
        return ()
    classes = tuple(np.unique(truth).tolist())
    if len(classes) < 2:
        raise InsufficientDataError(
            f"model '{spec.name}' needs training rows of at least two classes (all {len(truth)} are {classes[0]!r})"
        )
    return classes
