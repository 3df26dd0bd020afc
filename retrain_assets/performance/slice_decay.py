"""A slice that decays while the whole looks well: what each slice loses beyond the whole, over batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.spec import DecaySpec

LEAST_BATCHES = 4
"""Earlier batches from which a slice's usual excess is told."""


LEAST_ROWS = 20
"""Of a slice in a batch; fewer say nothing."""


def slice_excess(losses: npt.NDArray[np.float64], columns: pd.DataFrame) -> dict[str, float]:
    """By slice, the mean loss of its rows beyond the mean of all; a missing value is a slice of its own.

    >>> slice_excess(np.array([1.0] * 30 + [3.0] * 30), pd.DataFrame({"kind": ["a"] * 30 + ["b"] * 30}))
    {'kind=a': -1.0, 'kind=b': 1.0}
    """
    excess = losses - losses.mean() if len(losses) else losses
    return {
        name: float(excess[chosen].mean()) for name, chosen in _rows_of_slices(columns) if chosen.sum() >= LEAST_ROWS
    }


def _rows_of_slices(columns: pd.DataFrame) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Each slice, `column=value`, with the mask of its rows, by column and value."""
    for column in columns.columns:
        values = slice_values(columns[column]).to_numpy()
        for value in sorted(set(values.tolist())):
            yield f"{column}={value}", values == value


def slice_values(column: pd.Series) -> pd.Series:
    """The text of each value, by which a slice is named; a missing value is one too."""
    return column.astype("string").fillna("missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceDecay:
    """`fired` is None where no slice has enough batches yet; `slices` are those that decay, the worst first."""

    fired: bool | None
    slices: tuple[str, ...]
    reason: str


def slice_decay(history: Sequence[Mapping[str, float]], loss: float | None, spec: DecaySpec) -> SliceDecay:
    """Whether a slice has become worse against the whole than it used to be.

    With d_j the mean loss of the slice's rows beyond the mean of the whole batch j (so that a batch which is hard for
    everybody says nothing), k newest batches and n before them with mean m and standard deviation s, a slice decays
    where mean(newest d) - m exceeds q s sqrt(1/k + 1/n) and `spec.floor` of `loss`; q is the quantile of Student's t
    with n - 1 degrees of freedom for the level that `spec.standard_errors` gives one comparison, shared over the
    slices by Bonferroni: one of many alarms by chance no more often than a single one would.

    Args:
        history: the excess of each slice, one mapping a batch, oldest first.
        loss: mean loss of the whole, to which the floor is relative; None where it is not known.
        spec: `batches` newest ones are looked at together.
    """
    from scipy.special import stdtrit  # SciPy takes a while, and a code location only names triggers

    names = sorted({name for batch in history for name in batch})
    judged = {name: values for name in names if len(values := _values(history, name)) >= spec.batches + LEAST_BATCHES}
    if not judged:
        needed = spec.batches + LEAST_BATCHES
        return SliceDecay(fired=None, slices=(), reason=f"no slice has {needed} matured batches yet")
    level = NormalDist().cdf(-spec.standard_errors) / len(judged)
    found: list[tuple[float, str, str]] = []
    for name, values in judged.items():
        newest, before = values[-spec.batches :], values[: -spec.batches]
        excess = float(newest.mean() - before.mean())
        error = float(before.std(ddof=1)) * math.sqrt(1 / len(newest) + 1 / len(before))
        limit = -float(stdtrit(len(before) - 1, level)) * error
        if excess > limit and excess >= spec.floor * (loss or 0.0):
            found.append((excess, name, f"{name} by {excess:.3g} (chance allows {limit:.3g})"))
    found.sort(reverse=True)
    if not found:
        said = f"none of {len(judged)} slices loses more beyond the whole than it used to"
        return SliceDecay(fired=False, slices=(), reason=said)
    told = "; ".join(reason for _, _, reason in found[:3])
    return SliceDecay(
        fired=True,
        slices=tuple(name for _, name, _ in found),
        reason=f"{len(found)} of {len(judged)} slices lose more beyond the whole than they used to: {told}",
    )


def _values(history: Sequence[Mapping[str, float]], name: str) -> np.ndarray:
    return np.array([batch[name] for batch in history if name in batch])
