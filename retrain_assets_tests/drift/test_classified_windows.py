"""A classifier on a window of several batches: stable where its batches are like those of the reference."""

import numpy as np
import pytest

from retrain_assets.drift.classifier import judge_separability
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.settings import Settings


def days(rng: np.random.Generator, count: int, *, shift: float = 0.0, rows: int = 150) -> dict[str, np.ndarray]:
    """Days of three columns whose means differ by three tenths of a deviation from day to day."""
    levels = 0.3 * rng.normal(size=(count, 3)) + np.array([shift, 0.0, 0.0])
    return {str(day): rng.normal(size=(rows, 3)) + level for day, level in enumerate(levels)}


def judged(reference: int, window: int, *, seed: int, shift: float = 0.0, alpha: float = 0.05) -> JointDrift:
    rng = np.random.default_rng(seed)
    past, now = days(rng, reference), days(rng, window, shift=shift)
    return judge_separability(
        ["a", "b", "c"], past, now, Settings(min_batches=4), alpha=alpha, independent=False, seed=seed
    )


@pytest.mark.slow
def test_stable_windows_of_several_days_do_not_alarm_many_times_as_often_as_declared() -> None:
    """Of twelve windows at a level of 0.1 five or more alarm with a probability of 0.004; at 0.5 with one of 0.8."""
    found = [judged(8, 3, seed=seed, alpha=0.1) for seed in range(12)]
    assert sum(bool(each.drifted) for each in found) <= 4, [each.reason for each in found]


def test_a_window_of_many_days_shows_a_shift_that_a_day_of_it_does_not() -> None:
    week, day = (judged(12, batches, seed=1, shift=0.8) for batches in (6, 1))
    assert (week.drifted, week.named[0]) == (True, "a"), week.reason
    assert day.drifted is False, day.reason


@pytest.mark.parametrize(("reference", "window"), [(4, 9), (5, 2)])
def test_a_window_of_more_batches_than_the_reference_is_judged_by_some_of_them(reference: int, window: int) -> None:
    for shift, drifted in ((0.0, False), (6.0, True)):
        found = judged(reference, window, seed=1, shift=shift)
        assert found.drifted is drifted, found.reason
        assert found.p_value is not None


def test_batches_of_too_few_rows_are_left_out_of_the_window() -> None:
    rng = np.random.default_rng(0)
    past, now = days(rng, 8), days(rng, 3)
    few = {f"few {place}": rows + 9.0 for place, rows in enumerate(days(rng, 4, rows=5).values())}
    found = [
        judge_separability(["a", "b", "c"], past, window, Settings(), alpha=0.05, independent=False, seed=0)
        for window in (now, now | few)
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("window", [1, 3])
def test_batches_of_two_rows_tell_nothing_and_crash_nothing(window: int) -> None:
    """Each of three folds needs a row of either side."""
    rng = np.random.default_rng(0)
    settings = Settings(min_batches=3, min_rows=2)
    for rows, known in ((2, False), (3, True)):
        past, now = days(rng, 12, rows=rows), days(rng, window, rows=rows)
        found = judge_separability(["a", "b", "c"], past, now, settings, alpha=0.05, independent=False, seed=0)
        assert (found.drifted is None) is not known
    three = days(rng, 3), days(rng, 1)
    found = judge_separability(["a", "b", "c"], *three, settings, alpha=0.05, independent=False, seed=0)
    assert found.reason == "the reference has 3 batches of at least 3 rows, and it takes 4"
