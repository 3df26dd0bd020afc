"""Streams made of a stream: fewer rows, no order, or another target."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

TARGET, BATCH = "y", "batch"
CLASSES_LIKE = 20
"""A column of fewer values is no quantity to predict."""


def thinned(frame: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most so many rows of each batch, drawn without replacement; all of them for 0."""
    if not most:
        return frame
    drawn = pd.Series(np.random.default_rng(seed).random(len(frame)), index=frame.index)
    return frame[drawn.groupby(frame[BATCH]).rank(method="first") <= most].reset_index(drop=True)


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same rows in any order: batches keep their sizes, and nothing drifts."""
    order = np.random.default_rng(seed).permutation(len(frame))
    return frame.drop(columns=BATCH).iloc[order].reset_index(drop=True).assign(**{BATCH: frame[BATCH].to_numpy()})


def as_it_is(frame: pd.DataFrame, first: int) -> pd.DataFrame:  # noqa: ARG001 - every variant is asked alike
    """The target of the file."""
    return frame


def regression(frame: pd.DataFrame, first: int) -> pd.DataFrame:  # noqa: ARG001 - every variant is asked alike
    """Predicts the numeric column of the most distinct values from the others; the file's target is left out."""
    quantity = _quantity(frame)
    return frame.drop(columns=[TARGET, quantity]).assign(**{TARGET: frame[quantity].astype(np.float64)})


def multiclass(frame: pd.DataFrame, first: int) -> pd.DataFrame:
    """Four classes: the file's target, and that column above its median of the batches that train the first model."""
    quantity = _quantity(frame)
    values, batches = frame[quantity].to_numpy(dtype=np.float64), frame[BATCH].to_numpy()
    high = values > np.nanmedian(values[batches < np.unique(batches)[first]])
    classes = 2 * pd.factorize(frame[TARGET], sort=True)[0] + high.astype(np.int64)
    return frame.drop(columns=[TARGET, quantity]).assign(**{TARGET: classes})


VARIANTS: Mapping[str, Callable[[pd.DataFrame, int], pd.DataFrame]] = {
    "as_it_is": as_it_is,
    "regression": regression,
    "multiclass": multiclass,
}


def _quantity(frame: pd.DataFrame) -> str:
    candidates = frame.drop(columns=[TARGET, BATCH]).select_dtypes("number")
    distinct = candidates.nunique()
    if distinct.empty or distinct.max() < CLASSES_LIKE:
        raise SystemExit(f"no numeric column has {CLASSES_LIKE} distinct values to predict: leave --tasks at as_it_is")
    return str(distinct.idxmax())
