"""References that have moved and settled: the latest half tells how much batches differ now.

Batches of a column that rose for weeks and has been level since differ by the rise, but a new one does not. Where the
latest half is level, a window that lies beyond all reference batches is judged by that half as well, and both p-values
count twice (Bonferroni's correction for two tests; Dunn 1961, "Multiple comparisons among means", JASA 56). Batches
must be in order of time: out of it hardly any column has settled, and all are judged by all batches alone. Whether a
column has settled is told by its reference alone, so that no window chooses how it is judged; that it lies beyond all
batches can only take verdicts away. What returns to where the reference was, as cycles and seasons do, is no news.

A half is level where its batches differ from the ones before them as much as from any others, and do not rise or fall.
The first is the ratio of von Neumann 1941, "Distribution of the ratio of the mean square successive difference to the
variance", Annals of Mathematical Statistics 12: of n independent normal batches it has the mean 2 and the variance
`4 (n - 2) / (n^2 - 1)`, and steps, wandering levels and parts of a cycle make it smaller. The second is the slope over
its standard error, by least squares: the ratio hardly sees a slow trend that goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain_assets.drift.bounds import MIN_BATCHES
from retrain_assets.drift.directions import independent_columns
from retrain_assets.drift.variation import Array, judge_scalars

Mask = npt.NDArray[np.bool_]

APART = 3.0
"""So many standard errors lie the halves of a reference apart that has moved."""
CALMER = 0.25
"""At most this part of the variance of all batches is left in its latest half: else that half tells nothing more."""
WANDERING = 3.0
"""So many standard deviations below 2 the mean ratio of the columns that have moved is no chance: they all wander."""
UNSTEADY = 2.0
"""The same of a single column, where one in forty level ones is left out."""
RISING = 2.5
"""So many standard errors has the slope of a half that is not level."""
TESTS = 2
"""By all batches, and by the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One test of several columns: p-values, the statistic among all reference batches, and where the latest decide.

    `resemblance` is that of the batches to the one before: of the other columns where one has settled. `tails` are
    degrees of freedom of the levels' tails.
    """

    p_values: Array
    statistic: Array
    by_latest: Mask
    resemblance: Array
    tails: float


def latest_of(batches: int) -> int:
    """So many batches are the latest half."""
    return batches // 2


def judge_settled(
    batches: Array, current: Array, rows: Array, current_rows: Array, *, unit: float, merged: Array
) -> Placed:
    """Two-sided test of one summary by column, which may keep to a bound, and may have settled.

    Args:
        batches: the summary of each reference batch in order of time, shape (columns, batches).
        current: of the current window, shape (columns,).
        rows: that the reference summaries were computed from, shape (columns, batches).
        current_rows: shape (columns,).
        unit: sampling variance of the summary of a single row.
        merged: batches that the current summary is the mean of, shape (columns,).
    """
    tested = judge_scalars(batches, current, rows, current_rows, unit=unit, merged=merged, bounded=True)
    p_values, settled = tested.p_values, has_settled(batches)
    by_latest = settled & ((current > batches.max(axis=1)) | (current < batches.min(axis=1)))
    # What has moved looks like wandering: its latest half is as alike as the others are.
    others = tested.resemblance[~settled]
    alike = np.where(settled, others.mean() if len(others) else 0.0, tested.resemblance)
    if by_latest.any():
        half = latest_of(batches.shape[1])
        # Of all columns: what they share tells how much batches differ.
        latest = judge_scalars(batches[:, -half:], current, rows[:, -half:], current_rows, unit=unit, merged=merged)
        by_latest &= latest.p_values < p_values
        p_values = np.where(by_latest, latest.p_values, p_values)
    p_values = np.where(settled, np.minimum(TESTS * p_values, 1.0), p_values)
    return Placed(
        p_values=p_values, statistic=tested.statistic, by_latest=by_latest, resemblance=alike, tails=tested.tails
    )


def has_settled(batches: Array) -> Mask:
    """Whether each column has moved in the earlier half and is level in the latest one, shape (columns,).

    None has with fewer than `MIN_BATCHES`, nor where those that have moved wander on.

    Args:
        batches: summaries in order of time, shape (columns, batches).
    """
    columns, count = batches.shape
    if count < MIN_BATCHES:
        return np.zeros(columns, dtype=bool)
    half = latest_of(count)
    early, latest = batches[:, :-half], batches[:, -half:]
    before, now = early.var(axis=1, ddof=1), latest.var(axis=1, ddof=1)
    error = np.sqrt(before / early.shape[1] + now / half)
    settled = np.abs(latest.mean(axis=1) - early.mean(axis=1)) > APART * error
    settled &= (now > 0) & (now < CALMER * batches.var(axis=1, ddof=1))
    if settled.any():
        settled[settled] = _level(latest[settled])
    return settled


def _level(latest: Array) -> Mask:
    """Whether each column neither wanders nor rises nor falls; shape (columns, batches) in, (columns,) out."""
    count = latest.shape[1]
    away = latest - latest.mean(axis=1, keepdims=True)
    squares = (away**2).sum(axis=1)
    ratio = (np.diff(away, axis=1) ** 2).sum(axis=1) / squares
    chance = 2 * np.sqrt((count - 2) / (count**2 - 1))
    if ratio.mean() < 2 - WANDERING * chance / np.sqrt(independent_columns(away)):
        return np.zeros(len(latest), dtype=bool)
    time = np.arange(count) - (count - 1) / 2
    explained = (away @ time) ** 2 / (time @ time)
    # A half that is a straight line leaves nothing: it rises, whatever its error.
    level = explained * (count - 2) < RISING**2 * (squares - explained)
    return level & (ratio > 2 - UNSTEADY * chance)
