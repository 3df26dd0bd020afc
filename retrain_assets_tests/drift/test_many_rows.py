"""Days of so many rows that chance within a day is nothing: what is left is how the days differ."""

import numpy as np
import pytest
from scipy.special import ndtr

from retrain_assets.data import sketch
from retrain_assets.data.bins import Bins
from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.profile import TableProfile
from retrain_assets.drift import compare, prepare
from retrain_assets.drift.cells import FittedColumn
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.summaries import summarize


def huge_day(levels: np.ndarray, rng: np.random.Generator, rows: int = 1_000_000) -> TableProfile:
    """The profile that so many normal rows would have: the counts of fixed bins are multinomial."""
    ends = np.arange(-6, 6.01, 0.05)
    keys = np.sort(sketch.collapsed(sketch.keys_of(ends[:-1] + 20.025), sketch.FINEST, 9))
    columns: list[ColumnProfile] = []
    for place, level in enumerate(levels):
        reached = ndtr(ends - level)
        reached[0], reached[-1] = 0.0, 1.0
        counts = rng.multinomial(rows, np.diff(reached))
        held = np.flatnonzero(counts)
        columns.append(
            ColumnProfile(
                name=f"c{place}", kind="numeric", rows=rows, missing=0, mean=20.0, precision=9,
                minimum=float(ends[held[0]]) + 20, maximum=float(ends[held[-1] + 1]) + 20,
                bins=Bins(keys[held], counts[held]),
            )
        )  # fmt: skip
    return TableProfile(rows=rows, columns=tuple(columns))


def test_days_of_a_million_rows_that_differ_in_level_do_not_differ_in_shape() -> None:
    """There is no noise in which the squares of the levels could hide: their tails are heavy."""
    alarms = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        levels = 0.1 * rng.normal(size=(35, 20))
        reference = prepare([huge_day(level, rng) for level in levels[:30]])
        alarms += sum(bool(compare(reference, huge_day(level, rng), joint="none").drifted) for level in levels[30:])
    assert alarms <= 3  # of 30, at a level of 0.05


@pytest.mark.parametrize("level", [0.1, -0.3])
def test_a_shift_of_normal_scores_is_neither_a_widening_nor_another_shape(level: float) -> None:
    rng = np.random.default_rng(0)
    reference = [huge_day(np.zeros(1), rng) for _ in range(10)]
    window = huge_day(np.array([level]), rng)
    column = FittedReference(reference, Settings()).column("c0")
    assert isinstance(column, FittedColumn)
    summaries = summarize([column.cells(window["c0"])])
    moved, widened = summaries.current_scores[:, 0] - summaries.scores[:, 0].mean(axis=1)
    shape = float(((summaries.current_roots - summaries.roots.mean(axis=1)) ** 2).sum())
    assert moved == pytest.approx(level, rel=0.03)
    # What a million rows differ by chance, and little of what is of the third order.
    assert abs(widened) < 0.005
    assert shape < 4 * 17 / 4e6
