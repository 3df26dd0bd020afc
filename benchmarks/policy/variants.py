"""Streams made of a stream: fewer rows, no order, or another target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

TARGET, BATCH = "y", "batch"
KNOWN = "known_y"
"""The file's target where another one is predicted."""
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


def regression(frame: pd.DataFrame, first: int, *, rank: int = 1) -> pd.DataFrame:  # noqa: ARG001 - asked like `multiclass`, which needs it
    """Predicts the numeric column of the most distinct values from the others; the file's target is left out.

    With a `rank` of 2 or 3 the one of the next most.
    """
    quantity = _quantity(frame, rank)
    return frame.drop(columns=[TARGET, quantity]).assign(**{TARGET: frame[quantity].astype(np.float64)})


def multiclass(frame: pd.DataFrame, first: int) -> pd.DataFrame:
    """Four classes: the file's target, and that column above its median of the batches that train the first model."""
    quantity = _quantity(frame, 1)
    classes = 2 * pd.factorize(frame[TARGET], sort=True)[0] + _high(frame, quantity, first)
    return frame.drop(columns=[TARGET, quantity]).assign(**{TARGET: classes})


def high(frame: pd.DataFrame, first: int, *, rank: int = 1) -> pd.DataFrame:
    """Two classes: that column above its early median. The file's target becomes a feature."""
    quantity = _quantity(frame, rank)
    known = frame.drop(columns=quantity).rename(columns={TARGET: KNOWN})
    return known.assign(**{TARGET: _high(frame, quantity, first)})


VARIANTS: Mapping[str, Callable[[pd.DataFrame, int], pd.DataFrame]] = {
    "as_it_is": as_it_is,
    "regression": regression,
    "regression_2": partial(regression, rank=2),
    "regression_3": partial(regression, rank=3),
    "multiclass": multiclass,
    "high": high,
    "high_2": partial(high, rank=2),
    "high_3": partial(high, rank=3),
}
OTHER_TARGETS = frozenset({"high", "high_2", "high_3"})
"""Binary as the files' own targets are, and made of other columns."""


def _high(frame: pd.DataFrame, column: str, first: int) -> npt.NDArray[np.int64]:
    values, batches = frame[column].to_numpy(dtype=np.float64), frame[BATCH].to_numpy()
    return (values > np.nanmedian(values[batches < np.unique(batches)[first]])).astype(np.int64)


def _quantity(frame: pd.DataFrame, rank: int) -> str:
    distinct = frame.drop(columns=[TARGET, BATCH]).select_dtypes("number").nunique()
    distinct = distinct[distinct >= CLASSES_LIKE].sort_values(ascending=False, kind="stable")
    if len(distinct) < rank:
        raise SystemExit(
            f"--tasks must name no target of rank {rank}: {len(distinct)} numeric columns have {CLASSES_LIKE} distinct "
            "values to predict"
        )
    return str(distinct.index[rank - 1])
