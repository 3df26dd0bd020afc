"""Rows that are taken for independent: no more false alarms than declared, however few rows a side has."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import profile_table
from retrain_assets.drift import compare
from retrain_assets.drift.aspects import ASPECTS
from retrain_assets.drift.cells import FittedColumn
from retrain_assets.drift.independent import judge_independent

SHAPE = ASPECTS.index("shape")


def shapes(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """P-values of the shape, by window."""
    sides = [[profile_table(pd.DataFrame({"x": rows}))["x"] for rows in side] for side in (reference, current)]
    cells = [
        FittedColumn(merged=before, batches=[before], bins=20).cells(after)
        for before, after in zip(*sides, strict=True)
    ]
    return judge_independent(cells)[0][SHAPE]


@pytest.mark.parametrize(("before", "now"), [(100, 100), (500, 100), (5_000, 100), (100, 5_000), (500, 500)])
def test_the_shape_of_numbers_alarms_as_seldom_as_declared_where_a_side_has_few_rows(before: int, now: int) -> None:
    """Twenty cells of a hundred rows have five each: which of them are too small is not for the window to choose."""
    rng = np.random.default_rng(before + now)
    p_values = shapes(rng.normal(size=(400, before)), rng.normal(size=(400, now)))
    for level in (0.05, 0.01):
        assert np.mean(p_values <= level) <= level + 4 * (level * (1 - level) / 400) ** 0.5


def test_a_change_of_shape_alone_is_seen_in_few_rows() -> None:
    """Two humps of the same mean and deviation."""
    rng = np.random.default_rng(1)
    humps = 0.95 * rng.choice([-1.0, 1.0], (50, 150)) + 0.31 * rng.normal(size=(50, 150))
    assert np.mean(shapes(rng.normal(size=(50, 500)), humps) <= 0.001) > 0.9


def test_a_report_without_batches_keeps_its_rate_in_few_rows() -> None:
    """At alpha = 0.2 over six columns; of 60 windows 12 alarms are expected, 23 or more have a probability of 0.001."""
    rng = np.random.default_rng(2)

    def rows(count: int) -> pd.DataFrame:
        return pd.DataFrame(rng.normal(size=(count, 6)), columns=list("abcdef"))

    reports = [compare(rows(500), rows(100), alpha=0.2, joint="none") for _ in range(60)]
    assert sum(report.drifted is True for report in reports) < 23


@pytest.mark.parametrize(("before", "now", "share"), [(100, 100, 0.05), (500, 500, 0.02), (100, 1_000, 0.1)])
def test_columns_of_mostly_zeros_alarm_as_seldom_as_declared(before: int, now: int, share: float) -> None:
    """Twenty columns at alpha = 0.05; of 60 windows 3 alarms are expected, 9 or more have a probability of 0.003."""
    rng = np.random.default_rng(3)

    def rows(count: int) -> pd.DataFrame:
        return pd.DataFrame((rng.random((count, 20)) < share).astype(int)).rename(columns=str)

    reports = [compare(rows(before), rows(now), joint="none") for _ in range(60)]
    assert sum(report.drifted is True for report in reports) < 9
    assert compare(rows(500), rows(500).assign(**{"3": rng.random(500) < 5 * share}), joint="none").drifted is True


@pytest.mark.parametrize("sizes", [(50, 1_000, 1_000), (500, 40, 30, 20), (1,) * 400], ids=["few", "unequal", "tiny"])
def test_independent_rows_say_the_same_in_whatever_batches_they_came(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(4)

    def rows(count: int, shift: float = 0.0) -> pd.DataFrame:
        x = rng.normal(shift, 1, count)
        gaps = np.where(rng.random(count) < 0.1, np.nan, rng.choice([1.0, np.inf, -np.inf], count))
        rare, c = rng.poisson(0.1, count), rng.choice(list("abc"), count)
        return pd.DataFrame({"x": x, "rare": rare, "gaps": gaps, "c": c})

    reference, current = rows(sum(sizes)), rows(500, shift=0.3)
    reference.loc[: sizes[0], ["x", "gaps"]] -= 0.2  # the first batch stands for none of the others
    days = reference.assign(day=np.repeat(np.arange(len(sizes)), sizes))
    by_day = compare(days, current.assign(day=0), batch="day", joint="none")
    assert by_day.basis is not None
    assert by_day.basis.significance == "rows"
    assert by_day.columns["x"].verdict == "drift"
    for name, column in compare(reference, current, joint="none").columns.items():
        assert by_day.columns[name].p_value == pytest.approx(column.p_value, rel=1e-9), name
    declared = compare(days, current.assign(day=0), batch="day", significance="rows", joint="none")
    assert [column.p_value for column in declared.ranked] == [column.p_value for column in by_day.ranked]
