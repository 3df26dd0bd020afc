"""A stream from a bare file: a table, the column to predict, and the column that tells the batch."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.reserved import is_reserved
from retrain_assets.errors import DataError, did_you_mean
from retrain_assets.replay.file_table import ENDLESS, NO_FEATURES, infinite, left_out
from retrain_assets.replay.stream import EVENT_TIME, LEAST_BATCHES, Stream, one_batch_each
from retrain_assets.replay.windows import Window
from retrain_assets.spec import ModelSpec

MOST_CLASSES = 20
LEAST_ROWS_OF_A_CLASS = 10
"""On average: of fewer no class can be learned, and a model of each takes very long."""
GATE_ROWS = 50
ESTIMATORS: dict[str, dict[str, str]] = {
    "hist_gradient_boosting": {
        "classification": "sklearn.ensemble.HistGradientBoostingClassifier",
        "regression": "sklearn.ensemble.HistGradientBoostingRegressor",
    },
    "random_forest": {
        "classification": "sklearn.ensemble.RandomForestClassifier",
        "regression": "sklearn.ensemble.RandomForestRegressor",
    },
    "linear": {
        "classification": "sklearn.linear_model.LogisticRegression",
        "regression": "sklearn.linear_model.Ridge",
    },
}
PARAMS: dict[str, dict[str, Any]] = {
    "sklearn.linear_model.LogisticRegression": {"max_iter": 1000},
    "sklearn.ensemble.RandomForestClassifier": {"min_samples_leaf": 5},
    "sklearn.ensemble.RandomForestRegressor": {"min_samples_leaf": 5},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """How a bare file is replayed; `window` counts batches, None is all history.

    `least_rows` are those that a window since the newest change holds at least.
    """

    target: str
    batch: str
    label_delay: int = 1
    window: Window = None
    least_rows: int = 10
    metric: str | None = None
    estimator: str = "hist_gradient_boosting"
    seed: int = 0
    first: int | None = None


def stream_of_frame(frame: pd.DataFrame, settings: FileSettings) -> Stream:
    """The stream of a table.

    Numbers and booleans are numeric features, text and categories categorical; a linear model also takes integers of
    one or two bytes as category codes. Columns that are none of these, hold one value or name the rows, and rows
    without target, are left out; infinite values are missing ones. Batches are in order of their values, text in that
    of the numbers in it, ordered categories in theirs.

    Raises:
        DataError: the table cannot be replayed, and why.
    """
    require_columns(frame, settings.target, settings.batch)
    labelled, keys, position = in_batches(frame, settings.target, settings.batch)
    task = task_of(labelled[settings.target], settings.metric)
    if len(labelled) < 2 * len(keys):
        raise DataError(
            f"--batch must name what many rows share, such as their week ({len(labelled):,} rows have {len(keys):,} "
            f"values in {settings.batch!r})"
        )
    if len(keys) < LEAST_BATCHES + settings.label_delay:
        raise DataError(
            f"a replay needs at least {LEAST_BATCHES + settings.label_delay} batches with labels, of which some train "
            f"the first model (got {len(keys)} in {settings.batch!r})"
        )
    spec = _declaration(settings, task)
    features = _features(labelled.drop(columns=[settings.target, settings.batch]), settings)
    batches = one_batch_each(spec, len(keys))
    times = pd.DatetimeIndex([batch.start for batch in batches])
    row_ids = pd.Series(np.arange(len(labelled)))
    starts = np.searchsorted(position, np.arange(len(keys) + 1))
    reserved = is_reserved(row_ids.astype(str), spec.reserve.share)
    return Stream(
        spec=_judged_by_enough(spec, reserved, starts, settings.window),
        frame=features.assign(ra_row_id=row_ids, **{EVENT_TIME: times[position]}),
        labels=_labels(labelled[settings.target], task),
        starts=starts,
        keys=tuple(str(key) for key in keys),
        reserved=reserved,
        label_delay=settings.label_delay,
        window=settings.window,
        batches=batches,
    )


def in_batches(
    frame: pd.DataFrame, target: str, batch: str
) -> tuple[pd.DataFrame, tuple[Hashable, ...], npt.NDArray[np.intp]]:
    """The rows with a target in order of their batches, the batches, and the position of each row's among them."""
    labelled = frame[frame[target].notna()]
    codes, found = pd.factorize(labelled[batch])
    values = found.tolist()
    ranks, kind = [_natural(value) for value in values], labelled[batch].dtype
    if isinstance(kind, pd.CategoricalDtype) and kind.ordered:
        ranks = kind.categories.get_indexer(found)
    try:
        order = [k for _, k in sorted(zip(ranks, range(len(values)), strict=True))]
    except TypeError as error:
        raise DataError(f"the batches in {batch!r} must be values of one kind that have an order: {error}") from error
    position = np.argsort(order)[codes]
    rows = np.argsort(position, kind="stable")
    return labelled.iloc[rows].reset_index(drop=True), tuple(values[k] for k in order), position[rows]


def _natural(value: Any) -> Any:
    """What a batch is ordered by: of text the numbers in it as numbers, so that week 10 comes after week 9."""
    if not isinstance(value, str):
        return value
    return [int(part) if k % 2 else part for k, part in enumerate(re.split(r"([0-9]+)", value))]


def _judged_by_enough(
    spec: ModelSpec, reserved: npt.NDArray[np.bool_], starts: npt.NDArray[np.int64], window: Window
) -> ModelSpec:
    """Where batches are small, as many of the newest judge a candidate as hold the reserved rows that the gate asks.

    None of these is older than a window of so many batches: there a candidate would be judged by what it has not seen
    because it is of another time. Where the window holds too few rows, the gate says so.
    """
    before = np.concatenate([[0], np.cumsum(reserved)])[starts]
    batches, most = spec.window.holdout_batches, len(starts) - 1
    if isinstance(window, int):
        most = min(most, window)
    while batches < most and np.quantile(before[batches:] - before[:-batches], 0.1) < GATE_ROWS:
        batches += 1
    return spec.model_copy(update={"window": spec.window.model_copy(update={"holdout_batches": batches})})


def require_columns(frame: pd.DataFrame, target: str, batch: str) -> None:
    """A table that can be replayed has a target, and a batch for each row.

    Raises:
        DataError: it has not.
    """
    for role, name in (("target", target), ("batch", batch)):
        if name not in frame.columns:
            raise DataError(f"--{role} names no column of the file (got {name!r}).{did_you_mean(name, frame.columns)}")
    if target == batch:
        raise DataError(f"--target and --batch must be two columns (got {target!r} for both)")
    if frame[batch].isna().any():
        missing = int(frame[batch].isna().sum())
        raise DataError(f"every row must have a batch ({missing:,} of {len(frame):,} have none in {batch!r})")


def task_of(target: pd.Series, metric: str | None) -> str:
    """Told by the metric; without one, numbers of more than twenty values are a regression.

    Raises:
        DataError: the target has one value, is text of more values, a quantity that is to be judged by log-loss, or
            neither numbers nor text.
    """
    kind = re.sub(r"\d+$", "", pd.api.types.infer_dtype(target, skipna=True))
    if kind in NO_FEATURES:
        raise DataError(f"the target must be numbers, text or true and false (got {NO_FEATURES[kind]})")
    counted = target.nunique()
    if counted < 2:
        got = counted or "none: no row of the file has one"
        raise DataError(f"the target must have at least two values (got {got})")
    if metric == "log_loss":
        _require_classes(target, counted)
    if metric is not None:
        return "classification" if metric == "log_loss" else "regression"
    if counted <= MOST_CLASSES:
        return "classification"
    if pd.api.types.is_numeric_dtype(target) and not pd.api.types.is_bool_dtype(target):
        return "regression"
    raise DataError(
        f"a target that is no number must have at most {MOST_CLASSES} classes (got {counted:,} values): if they are "
        "classes indeed, say so with --metric log_loss"
    )


def _require_classes(target: pd.Series, counted: int) -> None:
    fractions = pd.api.types.is_float_dtype(target) and bool((target != target.round()).any())
    held = f"log_loss judges classes, and the target holds {counted:,} values in {len(target):,} rows"
    if fractions and counted > MOST_CLASSES:
        raise DataError(f"{held}, with fractions: a quantity is judged by --metric squared_error or absolute_error")
    if len(target) < counted * LEAST_ROWS_OF_A_CLASS:
        raise DataError(
            f"{held}: each must have {LEAST_ROWS_OF_A_CLASS} rows on average; join the rare ones, or judge a number by "
            "--metric squared_error or absolute_error"
        )


def _labels(target: pd.Series, task: str) -> Any:
    if task == "regression":
        try:
            values = target.to_numpy(dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"the target of a regression must be numbers: {error}") from error
        _require_finite(values)
        return values
    if pd.api.types.is_float_dtype(target):
        _require_finite(target.to_numpy(dtype=np.float64))
    if pd.api.types.is_float_dtype(target) and (target != target.round()).any():
        # Classes such as 0.5 and 1.0: the lifecycle reads them as text, and estimators take them for quantities.
        target = target.astype(str)
    return np.asarray(target.tolist())


def _require_finite(target: npt.NDArray[np.float64]) -> None:
    infinite = int(np.isinf(target).sum())
    if infinite:
        raise DataError(
            f"the target must be finite numbers ({infinite:,} of {len(target):,} are infinite): leave these rows out "
            "of the file"
        )


def _features(frame: pd.DataFrame, settings: FileSettings) -> pd.DataFrame:
    frame = frame.rename(columns=str)
    reserved = [name for name in frame.columns if name.startswith("ra_")]
    if reserved:
        raise DataError(f"columns must not begin with 'ra_' (got {', '.join(reserved)}): rename them")
    features = frame.drop(columns=list(left_out(frame)))
    features = features.assign(**{name: features[name].replace(ENDLESS, np.nan) for name in infinite(features)})
    if features.empty or not len(features.columns):
        raise DataError("the file has no column to learn from: only times, columns of one value, target and batch")
    if settings.estimator == "linear":
        codes = [name for name in features.columns if str(features[name].dtype) in ("int8", "int16", "uint8", "uint16")]
        features = features.assign(**{name: features[name].astype(str) for name in codes})
    return features


def _declaration(settings: FileSettings, task: str) -> ModelSpec:
    path = ESTIMATORS.get(settings.estimator, {}).get(task, settings.estimator)
    linear = settings.estimator == "linear"
    gradient = settings.estimator == "hist_gradient_boosting"
    window = f"{settings.window} days" if isinstance(settings.window, int) else settings.window or "all_history"
    return ModelSpec.model_validate(
        {
            "name": "replayed",
            # A batch without a calendar is a day: policies count batches.
            "batches": {"every": "day", "start": "2000-01-01"},
            "source": {"type": "python", "load": "nothing:loads"},
            "schema": {EVENT_TIME: {"type": "datetime"}},
            "event_time": EVENT_TIME,
            "target": {"column": settings.target, "label_delay": f"{settings.label_delay} days"},
            "features": {
                "impute": "none" if gradient else "median",
                "encode": "one_hot" if linear else "ordinal",
                "scale": linear,
            },
            "estimator": {"class": path, "params": PARAMS.get(path, {}), "seed": settings.seed},
            "metric": settings.metric or ("log_loss" if task == "classification" else "squared_error"),
            "window": {"train": window, "min_rows": settings.least_rows},
            "retrain": {"when": "staleness"},
            "promote": {"require": "not_worse_than_champion", "min_rows": GATE_ROWS},
        }
    )


def column_kinds(stream: Stream) -> tuple[Sequence[str], Sequence[str]]:
    """Numeric and categorical features, as they were found."""
    names = [name for name in stream.frame.columns if not name.startswith("ra_")]
    numeric = [name for name in names if pd.api.types.is_numeric_dtype(stream.frame[name])]
    return numeric, [name for name in names if name not in numeric]
