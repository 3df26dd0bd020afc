"""Where the relation of inputs to outcome last changed, told from batch to batch without any model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

LEVEL = 0.01
"""Probability with which a history that never changed shows a change."""
LEAST_BATCHES = 3
"""On either side of a change; fewer cannot be told from a hard week."""
LEAST_ROWS = 20
"""Of a batch, and of a category within it, that say something."""
MOST_CATEGORIES = 20
_FARTHEST = 0.999999


def relations(inputs: pd.DataFrame, outcome: pd.Series) -> dict[str, float]:
    """How each input of one batch hangs together with the outcome, and where the outcome lies.

    For each number, and each category as 0 or 1, Fisher's z = artanh(r) of its correlation with the outcome; for the
    outcome itself its mean. Of classes each one, but the first, is an outcome of 0 or 1. Numbers are of rows that are
    known; what does not vary, and what fewer than 20 rows show, is left out.

    >>> made = relations(pd.DataFrame({"x": range(40)}), pd.Series([k % 2 for k in range(40)]))
    >>> {name: round(value, 3) for name, value in made.items()}
    {'1': 0.5, '1 ~ x': 0.043}
    """
    found: dict[str, float] = {}
    if len(outcome) < LEAST_ROWS:
        return found
    columns = dict(_columns(inputs))
    for name, series in _outcomes(outcome):
        found[name] = float(series.mean())
        for column, values in columns.items():
            known = np.isfinite(values)
            if known.sum() >= LEAST_ROWS and np.ptp(values[known]) > 0 and np.ptp(series[known]) > 0:
                r = float(np.corrcoef(values[known], series[known])[0, 1])
                found[f"{name} ~ {column}"] = math.atanh(min(max(r, -_FARTHEST), _FARTHEST))
    return found


def since_change(history: Sequence[Mapping[str, float]], rows: Sequence[int], *, least_rows: int) -> int:
    """Position of the first batch to train on: the newest change, or earlier where too few rows have come since.

    A change is where the means of some relation before and after differ most, in standard errors of batches whose
    deviation is told from the differences of successive ones (von Neumann), and by more than Student's t allows a
    history without change with a probability of .01, shared over all relations and places (Bonferroni). What comes
    after it is searched anew until nothing is found: the newest change counts (binary segmentation, Scott and Knott,
    Biometrics 30, 1974). Batches of which no relation is known are passed over.

    Args:
        history: relations of each batch, oldest first.
        rows: training rows of each batch.
        least_rows: so many must be trained on; older batches make up for what is missing.
    """
    known = [place for place, batch in enumerate(history) if batch]
    first = 0
    while (change := _change([history[place] for place in known])) is not None:
        known = known[change:]
        first = known[0]
    while first > 0 and sum(rows[first:]) < least_rows:
        first -= 1
    return first


def _columns(inputs: pd.DataFrame) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    for name in map(str, inputs.columns):
        values = inputs[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            continue
        if pd.api.types.is_numeric_dtype(values):
            yield name, values.to_numpy(dtype=np.float64, na_value=np.nan)
            continue
        texts = values.astype("string").fillna("missing")
        counts = texts.value_counts()
        for value in sorted(counts.index[counts >= LEAST_ROWS][:MOST_CATEGORIES]):
            yield f"{name}={value}", (texts == value).to_numpy(dtype=np.float64)


def _outcomes(outcome: pd.Series) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    if pd.api.types.is_float_dtype(outcome):
        yield "outcome", outcome.to_numpy(dtype=np.float64)
        return
    classes = sorted(outcome.unique().tolist(), key=str)
    for each in classes[1:] or classes:
        yield str(each), (outcome == each).to_numpy(dtype=np.float64)


def _change(history: Sequence[Mapping[str, float]]) -> int | None:
    """Position of the first batch after the change that chance explains least; None where it may be chance."""
    if len(history) < 2 * LEAST_BATCHES:
        return None
    names = sorted({name for batch in history for name in batch})
    tested = [_chances(np.array([batch.get(name, np.nan) for batch in history])) for name in names]
    chances = np.array([each for each in tested if each is not None])
    if not len(chances):
        return None
    place = int(chances.min(axis=0).argmin())
    return LEAST_BATCHES + place if chances.min() * chances.size < LEVEL else None


def _chances(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """The chance of a difference as large at each place where a change may be; None where nothing varies."""
    from scipy.special import stdtr  # SciPy takes a while, and only a declared window asks for it

    known = np.isfinite(values)
    steps = np.diff(values[known])
    deviation = math.sqrt(float(np.square(steps).mean()) / 2) if len(steps) else 0.0
    if len(steps) < 2 * LEAST_BATCHES - 1 or not deviation > 0:
        return None
    places = np.arange(LEAST_BATCHES, len(values) - LEAST_BATCHES + 1)
    sums, counts = np.cumsum(np.where(known, values, 0.0)), np.cumsum(known)
    older, newer = counts[places - 1], counts[-1] - counts[places - 1]
    enough = (older > 1) & (newer > 1)
    older, newer = np.maximum(older, 1), np.maximum(newer, 1)
    apart = np.abs((sums[-1] - sums[places - 1]) / newer - sums[places - 1] / older)
    # Differences of neighbours share their members: two thirds of them are as good as independent (Hald 1952).
    chance = 2 * stdtr(2 * len(steps) / 3, -apart / (deviation * np.sqrt(1 / older + 1 / newer)))
    return np.where(enough, chance, 1.0)
