"""Batches that resemble the one before: it is noticed, weekly cycles are none of it, and what it widens holds."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import profile_table
from retrain_assets.drift import Monitor, compare
from retrain_assets.drift.directions import independent_columns
from retrain_assets.drift.resemblance import Resemblance, resemblance, wandering
from retrain_assets.drift.variation import judge_scalars


def autoregression(rng: np.random.Generator, r: float, days: int, columns: int) -> np.ndarray:
    """Levels of variance 1, shape (days, columns)."""
    levels = rng.normal(size=(days, columns))
    for day in range(1, days):
        levels[day] = r * levels[day - 1] + np.sqrt(1 - r**2) * levels[day]
    return levels


def told(levels: np.ndarray, by_rows: float = 0.0) -> Resemblance:
    away = (levels - levels.mean(axis=0)).T
    return resemblance(away, np.full(len(away), by_rows), independent_columns(away))


@pytest.mark.parametrize("batches", [20, 30, 90])
@pytest.mark.parametrize("r", [0.0, 0.3, 0.7])
def test_how_much_batches_resemble_the_one_before_is_told_on_average(r: float, batches: int) -> None:
    rng = np.random.default_rng(batches)
    found = [told(autoregression(rng, r, batches, 12)).level.mean() for _ in range(60)]
    assert np.mean(found) == pytest.approx(r, abs=0.07)


def test_what_rows_add_does_not_hide_the_resemblance_of_levels() -> None:
    """Half of the variance is of rows: the levels resemble each other as before, and the sums wander half as far."""
    rng = np.random.default_rng(1)
    found = [told(autoregression(rng, 0.7, 60, 20) + rng.normal(size=(60, 20)), by_rows=0.5) for _ in range(30)]
    assert np.mean([each.level.mean() for each in found]) == pytest.approx(0.7, abs=0.07)
    wide = np.mean([each.wandering(30).mean() for each in found])
    assert wide == pytest.approx(1 + (float(wandering(0.7, 30)) - 1) / 2, rel=0.15)
    assert Resemblance(np.array(0.7), np.array(0.5)).undiluted < 0.7
    assert Resemblance(np.array(0.7), np.array(1.0)).undiluted == pytest.approx(0.7)


def test_a_weekly_cycle_few_batches_and_what_does_not_vary_resemble_nothing() -> None:
    rng = np.random.default_rng(2)
    cycle = np.sin(2 * np.pi * (np.arange(30)[:, None] / 7 + rng.random(12))) + 0.1 * rng.normal(size=(30, 12))
    assert told(cycle).level.max() == 0
    assert told(autoregression(rng, 0.9, 19, 12)).level.max() == 0
    constant = resemblance(np.full((3, 30), 1e-17), np.full(3, np.inf), 1.0)
    assert constant.level.tolist() == constant.part.tolist() == [0, 0, 0]


def test_order_is_what_tells() -> None:
    levels = autoregression(np.random.default_rng(3), 0.8, 60, 12)
    shuffled = np.random.default_rng(3).permutation(levels)
    assert told(levels).level.mean() > 0.6
    assert told(shuffled).level.mean() < 0.15


@pytest.mark.parametrize("days", [1, 7])
def test_windows_of_days_that_resemble_each_other_hold_their_level(days: int) -> None:
    """The mean of a week that is independent of the reference; without the mend a fifth of the weeks is beyond .05."""
    rng, p_values = np.random.default_rng(4), list[float]()
    for _ in range(150):
        past = autoregression(rng, 0.7, 30, 8)
        window = autoregression(rng, 0.7, days, 8).mean(axis=0)
        many = np.full((8, 30), 1e9)
        tested = judge_scalars(past.T, window, many, many[:, 0], unit=1.0, merged=np.full(8, float(days)))
        p_values += tested.p_values.tolist()
    # Columns of one reference share what is told: some 300 independent ones.
    assert np.mean(np.array(p_values) < 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)
    assert np.mean(np.array(p_values) < 0.01) <= 0.01 + 2 * np.sqrt(0.01 * 0.99 / 300)


def rows_of(rng: np.random.Generator, levels: np.ndarray, first: int = 0) -> pd.DataFrame:
    values = np.repeat(levels, 200, axis=0) + rng.normal(size=(200 * len(levels), levels.shape[1]))
    return pd.DataFrame(values, columns=list("abcdefgh")).assign(day=np.repeat(first + np.arange(len(levels)), 200))


def test_a_week_of_days_that_resemble_each_other_is_compared_fairly() -> None:
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        rows = rows_of(rng, 0.5 * autoregression(rng, 0.7, 37, 8))
        alarms += compare(rows[rows["day"] < 30], rows[rows["day"] >= 30], batch="day", joint="none").drifted is True
    # Of a rate of .05 six or more of forty have a probability of .01; without the mend it is about six.
    assert alarms <= 4


def test_a_year_of_days_that_resemble_each_other_alarms_about_as_often_as_declared() -> None:
    """Two years of eight columns; of a Poisson number with the mean 2 more than 5 has a probability of .02."""
    alarms = 0
    for seed in range(2):
        rng = np.random.default_rng(seed)
        levels = 0.1 * autoregression(rng, 0.7, 30 + 365, 8)
        days = [profile_table(rows_of(rng, level[None]).drop(columns="day")) for level in levels]
        monitor = Monitor(days[:30], checks_per_year=365, false_alarms_per_year=1)
        alarms += sum(monitor.check(day).alarm for day in days[30:])
    assert alarms <= 5
