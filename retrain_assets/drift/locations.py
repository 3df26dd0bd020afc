"""The locations of all numbers at once: many that have moved a little, where no single one shows it.

The deviation of each number's location is taken over the standard deviation that it has between batches. The squared
length of all of them is judged as that of a vector (see `retrain_assets.drift.variation`), by as many directions as
they vary in: numbers that go together from batch to batch count as one.

Where numbers have moved and settled, they are judged by the latest half of the reference as well, by what goes on the
way that they went (see `retrain_assets.drift.settled`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from retrain_assets.data.profile import TableProfile
from retrain_assets.drift.columns import ColumnsCompared
from retrain_assets.drift.directions import independent_columns_at_least
from retrain_assets.drift.fitted_reference import Basis
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.settled import TESTS, has_settled, latest_of
from retrain_assets.drift.summaries import Summaries
from retrain_assets.drift.variation import Array, Tested, judge_scalars, judge_vectors
from retrain_assets.drift.wording import plural, probability

LOCATION_SHARE = 0.4
"""The part of the level of each number that this test gets."""
_LEAST_COLUMNS = 3
"""Fewer numbers show by themselves what they do."""
_LEAST_FREEDOM = 2.5
"""The variance of a t-distribution is finite above two."""
_OF_EACH = 3.0
"""Each deviation is over what few batches tell of its variance: at .02 the sum of such squares is about as far out as
with so many times the degrees of freedom of each, or less; beside five batches at .005 up to about twice as often."""
_NAMED = 5


def located(names: Sequence[str], past: Sequence[TableProfile], current: TableProfile, basis: Basis) -> frozenset[str]:
    """The numbers among the columns that are judged together: on both sides, and of more than one value in the past.

    None where they are fewer than three, and where rows are taken for independent, which do not tell how the numbers of
    a row depend on each other.

    Args:
        names: of the columns.
        past: profiles of the reference batches.
        current: profile of the window.
        basis: what significance rests on.
    """
    numbers = frozenset(name for name in names if _varies(name, past, current))
    return numbers if basis.significance == "batches" and len(numbers) >= _LEAST_COLUMNS else frozenset()


def _varies(name: str, past: Sequence[TableProfile], current: TableProfile) -> bool:
    if name not in current or current[name].kind != "numeric" or not current[name].present:
        return False
    batches = [batch[name] for batch in past if name in batch and batch[name].present]
    ends = {end for batch in batches for end in (batch.minimum, batch.maximum)}
    return all(batch.kind == "numeric" for batch in batches) and len(ends - {None}) > 1


def judge_locations(
    found: ColumnsCompared, numbers: Collection[str], settings: Settings, *, alpha: float
) -> JointDrift | None:
    """Tests the locations of the compared numbers together.

    Args:
        found: in the columns, with what each batch has of them.
        numbers: names of those that are judged together, as `located` says.
        settings: with the floor, which the mean distance of the numbers must reach.
        alpha: level of all compared columns together, of which the numbers give their part.

    Returns:
        What was found; None where there is no such test.
    """
    if found.summaries is None:
        return None
    known = ~np.isnan(found.summaries.current_scores[0])
    there = np.flatnonzero(known & [column.name in numbers for column in found.compared])
    if len(there) < _LEAST_COLUMNS:
        return None
    alpha *= LOCATION_SHARE * len(there) / len(found.compared)
    p_value, judged_by, away = _by_all_or_latest(found.summaries.of(there))
    names = [found.compared[place].name for place in there]
    distances = {column.name: column.score or 0.0 for column in found.drifts}
    distance, floor = float(np.mean([distances[name] for name in names])), settings.effect_floor
    reached = f"{distance:.3g}, {'reaches' if distance >= floor else 'is below'} the floor {floor:g}"
    relation = f"{probability(p_value)} {'is at most' if p_value <= alpha else 'is above'} {alpha:.2g}"
    as_unusual = _as_unusual(judged_by) if p_value <= alpha and distance >= floor else 0
    others = plural(as_unusual, "reference batch is", "reference batches are")
    return JointDrift(
        method="location",
        drifted=distance >= floor and p_value <= alpha and not as_unusual,
        score=distance,
        p_value=p_value,
        named=tuple(names[place] for place in np.argsort(-np.abs(away))[:_NAMED]),
        reason=f"the mean distance of {len(names)} numbers, {reached}; of their locations together {relation}"
        + (f", but {others} as unusual" if as_unusual else ""),
    )


def _by_all_or_latest(numbers: Summaries) -> tuple[float, Summaries, Array]:
    """The p-value, the batches that gave it, and how far each number is away, over its deviation."""
    tested, away = _length(numbers)
    p_value, settled = float(tested.p_values[0]), np.flatnonzero(has_settled(numbers.scores[0]))
    if len(settled) < _LEAST_COLUMNS:
        return p_value, numbers, away
    half, moved = latest_of(numbers.scores.shape[2]), numbers.of(settled)
    latest = moved.latest(half)
    level = latest.scores[0].mean(axis=1)
    went = level - moved.scores[0, :, :-half].mean(axis=1)
    by_latest, farther = _length(latest, still=np.sign(moved.current_scores[0] - level) != np.sign(went))
    if by_latest.p_values[0] < p_value:
        p_value, numbers, away = float(by_latest.p_values[0]), latest, np.zeros(len(away))
        away[settled] = farther
    return min(TESTS * p_value, 1.0), numbers, away


def _length(numbers: Summaries, *, still: Array | None = None) -> tuple[Tested, Array]:
    """The test of all locations as one vector, and the deviation of each.

    Args:
        numbers: their summaries.
        still: those that count as if they were where the reference is.
    """
    batches, count = numbers.scores[0], len(numbers.rows)
    centre = batches.mean(axis=1)
    current = numbers.current_scores[0] if still is None else np.where(still, centre, numbers.current_scores[0])
    own = judge_scalars(batches, current, numbers.rows, numbers.current_rows, unit=1.0, merged=numbers.merged)
    away, moved = ((each - centre) / np.sqrt(own.variance) for each in (batches.T, current))
    # A new batch is farther away, by what few degrees of freedom leave open of the variance.
    freedom = np.maximum(own.freedom, _LEAST_FREEDOM)
    moved /= np.sqrt(freedom / (freedom - 2))
    # Rows that explain as much of the length as those of all numbers do.
    rows = count / (1.0 / (numbers.rows.T * own.variance)).sum(axis=1)
    current_rows = count / (1.0 / (numbers.current_rows * own.variance)).sum()
    merged = 1.0 / (1.0 / numbers.merged).mean()
    tested = judge_vectors(
        away[None] / 2, moved[None] / 2, rows[None], np.array([current_rows]),
        cells=np.array([float(count)]), merged=merged, tails=min(own.tails, _OF_EACH * count / (1 / freedom).sum()),
        directions=np.array([_directions(away, count * (1.0 / rows).mean(), count * merged / current_rows)]),
    )  # fmt: skip
    return tested, moved


def _directions(away: Array, by_rows: float, of_window: float) -> float:
    """Effective number of directions in which windows vary, at least, `tr(C)^2 / tr(C^2)`; that of batches is observed.

    The rows of a window that has fewer than the batches make more of its variance, and how unevenly numbers vary by
    rows is not known: at most as unevenly as all that is observed (of which rows are a part), and in a single
    direction. With the observed S, its part R by rows, and k times as much by the rows of the window

        tr((S + (k - 1) R)^2)^(1/2) <= min(k tr(S^2)^(1/2), tr(S^2)^(1/2) + (k - 1) tr(R))    for k > 1

    and at most `tr(S^2)^(1/2)` for smaller k.

    Args:
        away: of the batches, shape (batches, columns).
        by_rows: variance that rows explain, of all columns together.
        of_window: the same of the window, in which so many batches make it.
    """
    total = float((away**2).sum() / (len(away) - 1))
    if total == 0:
        return 1.0
    root = total / np.sqrt(independent_columns_at_least(away.T))
    by_rows = min(by_rows, total)
    times = of_window / max(by_rows, 1e-300)
    more = (times - 1) * by_rows
    longest = root if times <= 1 else min(times * root, root + more)
    return max(1.0, ((total + more) / longest) ** 2)


def _as_unusual(numbers: Summaries) -> int:
    """So many reference batches differ from all others, with the window among these, as much as the window does."""
    everything = numbers.with_current()
    batches = everything.scores.shape[2]
    lengths = [float(_length(everything.without(batch))[0].statistic[0]) for batch in range(batches)]
    return sum(length >= lengths[-1] for length in lengths[:-1])
