"""What a regression loses before its labels are there, from how its errors have depended on the inputs.

A predicted value does not tell how wrong it may be; the model's own errors on labelled batches do. Direct loss
estimation: a second model learns the loss of a row from its inputs and its prediction. Like every estimate without
labels it sees batches that are harder, and no relation that has changed since the newest label.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.estimation import MOST_ERRORS, NEWEST, LossEstimate

LEAST_BATCHES = 4
"""Labelled batches from which errors are learned and tested; with fewer there is no estimate."""
MOST_ROWS = 1000
"""Of a batch; an estimate then takes some tenths of a second."""
FOLDS = 4
Array = npt.NDArray[np.float64]
_FAR = 1e300
"""Between what is farther, infinite values too, the trees find no middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledErrors:
    """One labelled batch: inputs and prediction of its rows, in an order that says nothing, and the loss of each."""

    inputs: pd.DataFrame
    losses: Array


def estimate_by_errors(
    batch: str, known: Sequence[LabelledErrors], current: pd.DataFrame, *, confidence: float = 0.95
) -> LossEstimate | None:
    """The loss of a batch from the errors on the (up to) eight newest labelled ones; None where those are fewer than 4.

    With E the mean loss that the second model expects on the batch, g_j the loss of labelled batch j less what a second
    model that was fitted without it expects there, n of them, and v the variance of a batch's gap (von Neumann's, and
    no less than their rows give),

        value = E + mean g,  standard error = sqrt(v (1 + 1 / n)),

    with Student's t of n - 1 degrees of freedom for the interval. It assumes that errors depend on the inputs as they
    did. The newest batch tests that: where its gap differs from the others' by more than three standard errors the
    estimate is not trusted.

    Args:
        batch: the batch without labels.
        known: labelled batches after the training, oldest first.
        current: inputs and prediction of the batch's rows.
        confidence: of the interval.
    """
    from scipy.special import stdtrit
    from threadpoolctl import threadpool_limits

    known = [each for each in known[-NEWEST:] if len(each.losses)]
    if len(known) < LEAST_BATCHES or current.empty:
        return None
    *matrices, now = _encoded([*(each.inputs.iloc[:MOST_ROWS] for each in known), current.iloc[:MOST_ROWS]])
    losses = [each.losses[:MOST_ROWS] for each in known]
    importlib.import_module("sklearn.ensemble")
    # Fits this small lose more to waiting threads than they gain. The limit binds what is loaded before it.
    with threadpool_limits(limits=1):
        gaps = _gaps(matrices, losses)
        expected = float(_fitted(matrices, losses)(now).mean())
    count = len(gaps)
    variance = _variance(gaps, losses)
    value = expected + float(gaps.mean())
    error = math.sqrt(variance * (1 + 1 / count))
    moved = float(gaps[-1] - gaps[:-1].mean())
    allowed = MOST_ERRORS * math.sqrt(_variance(gaps[:-1], losses[:-1]) * (1 + 1 / (count - 1)))
    trusted = abs(moved) <= allowed
    told = f"the newest of {count} labelled batches lost {moved:+.4g} against what the errors of the others foretold"
    return LossEstimate.around(
        batch,
        value,
        error,
        deviate=float(stdtrit(count - 1, 0.5 + confidence / 2)),
        trusted=trusted,
        reason=f"{told}, within the {allowed:.4g} that chance allows"
        if trusted
        else f"{told}, more than the {allowed:.4g} that chance allows: errors do not depend on the inputs as they did",
    )


def _gaps(matrices: Sequence[Array], losses: Sequence[Array]) -> Array:
    """Of each batch, its loss less what the errors of other batches expect of it."""
    folds = np.arange(len(losses)) % min(FOLDS, len(losses))
    gaps = np.empty(len(losses))
    for fold in sorted(set(folds.tolist())):
        others = np.flatnonzero(folds != fold).tolist()
        expects = _fitted([matrices[j] for j in others], [losses[j] for j in others])
        for j in np.flatnonzero(folds == fold).tolist():
            gaps[j] = losses[j].mean() - expects(matrices[j]).mean()
    return gaps


def _variance(gaps: Array, losses: Sequence[Array]) -> float:
    rows = float(np.mean([each.var() / len(each) for each in losses]))
    return max(rows, float(np.square(np.diff(gaps)).mean() / 2))


def _fitted(matrices: Sequence[Array], losses: Sequence[Array]) -> Callable[[Array], Array]:
    """The loss that inputs make expect; a column without a value in the rows of the fit has no part in it."""
    model = importlib.import_module("sklearn.ensemble").HistGradientBoostingRegressor(
        max_iter=40, max_leaf_nodes=8, min_samples_leaf=40, early_stopping=False, random_state=0
    )
    learnt = np.concatenate(matrices)
    seen = ~np.isnan(learnt).all(axis=0)  # the prediction always is
    model.fit(learnt[:, seen], np.concatenate(losses))
    return lambda matrix: np.asarray(model.predict(matrix[:, seen]), dtype=np.float64)


def _encoded(frames: Sequence[pd.DataFrame]) -> list[Array]:
    """Numbers as they are (within `_FAR`), anything else by the order of its values; times are left out."""
    whole = pd.concat(frames, ignore_index=True)
    columns: list[Array] = []
    for name in whole.columns:
        values = whole[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            continue
        if pd.api.types.is_numeric_dtype(values):
            columns.append(values.to_numpy(dtype=np.float64, na_value=np.nan))
        else:
            codes = pd.factorize(values.astype("string"), sort=True)[0].astype(np.float64)
            columns.append(np.where(codes < 0, np.nan, codes))
    matrix = np.column_stack(columns).clip(-_FAR, _FAR)
    return np.split(matrix, np.cumsum([len(frame) for frame in frames])[:-1])
