"""Levels some of which lie far off: how heavy their tails are is told without the bias of few batches."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kurtosis

from retrain_assets.data.profile import profile_table
from retrain_assets.drift import Monitor
from retrain_assets.drift.tails import _excess, freedom_of_lengths, freedom_of_tails


@pytest.mark.parametrize("batches", [15, 30, 90])
@pytest.mark.parametrize("freedom", [3.0, 5.0])
def test_the_degrees_of_freedom_are_told_on_average(freedom: float, batches: int) -> None:
    rng = np.random.default_rng(batches)
    levels = rng.standard_t(freedom, size=(600, batches))
    away = levels - levels.mean(axis=1, keepdims=True)
    assert freedom_of_tails(away, 600.0) == pytest.approx(freedom, rel=0.15)


def test_the_excess_kurtosis_is_that_of_scipy() -> None:
    levels = np.random.default_rng(2).standard_t(4, size=(50, 12))
    away = levels - levels.mean(axis=1, keepdims=True)
    assert _excess(away) == pytest.approx(kurtosis(levels, axis=1, bias=False), rel=1e-12)


def test_what_rows_add_does_not_hide_them() -> None:
    rng = np.random.default_rng(0)
    levels = rng.standard_t(3, size=(600, 30)) / np.sqrt(3) + rng.normal(size=(600, 30))
    away = levels - levels.mean(axis=1, keepdims=True)
    assert freedom_of_tails(away, 600.0) > 4
    assert freedom_of_tails(away, 600.0, np.ones(600)) == pytest.approx(3, abs=0.9)


def test_normal_levels_and_what_is_rare_have_none() -> None:
    """One batch of twelve with a missing value lies far out, and varies less than rows explain."""
    rng = np.random.default_rng(1)
    assert freedom_of_tails(rng.normal(size=(20, 30)), 20.0) == np.inf
    rare = np.zeros((1, 12))
    rare[0, 3] = 0.058
    away = rare - rare.mean()
    assert freedom_of_tails(away, 1.0) < 5
    assert freedom_of_tails(away, 1.0, np.array([0.25 / 300])) == np.inf
    assert freedom_of_tails(np.zeros((3, 30)), 1.0) == np.inf
    assert freedom_of_tails(rng.standard_t(2, size=(20, 7)), 20.0) == np.inf, "seven batches do not tell"


@pytest.mark.parametrize("directions", [1, 3])
def test_those_of_vectors_are_told_by_their_lengths(directions: int) -> None:
    rng = np.random.default_rng(directions)
    normal = rng.normal(size=(400, 30, directions))
    heavy = normal / np.sqrt(rng.chisquare(4, size=(400, 30, 1)) / 4)
    dimension = np.full(400, float(directions))
    found = freedom_of_lengths((heavy**2).sum(axis=2), dimension, 400.0)
    assert found == pytest.approx(4, rel=0.3)
    assert freedom_of_lengths((normal**2).sum(axis=2), dimension, 400.0) > 50


def test_a_year_of_heavy_tailed_days_alarms_about_as_often_as_declared() -> None:
    """Two years of eight columns, two of them categories; more than 5 of a mean of 2 has a probability of .02."""
    alarms = 0
    for seed in range(2):
        rng = np.random.default_rng(seed)
        days = list[pd.DataFrame]()
        for level in 0.1 / np.sqrt(3) * rng.standard_t(3, size=(30 + 365, 8)):
            values = rng.normal(size=(250, 8)) + level
            cut = {name: np.digitize(values[:, place], [-1, 0, 1]).astype(str) for place, name in ((6, "g"), (7, "h"))}
            days.append(pd.DataFrame(values, columns=list("abcdefgh")).assign(**cut))
        profiles = [profile_table(day) for day in days]
        monitor = Monitor(profiles[:30], checks_per_year=365, false_alarms_per_year=1)
        alarms += sum(monitor.check(profile).alarm for profile in profiles[30:])
    assert alarms <= 5
