"""All numbers at once: a small shift in all of them is found, and stable days of any kind are left alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare, prepare
from retrain_assets.drift.comparison import Comparison
from retrain_assets.drift.locations import _OF_EACH, _directions

COLUMNS = 16


def day(levels: np.ndarray, rng: np.random.Generator, *, rows: int = 300, alike: float = 0.0) -> TableProfile:
    """Numbers whose rows have a part in common."""
    common = np.sqrt(alike) * rng.normal(size=(rows, 1))
    values = levels + common + np.sqrt(1 - alike) * rng.normal(size=(rows, len(levels)))
    return profile_table(pd.DataFrame(values, columns=[f"x{place}" for place in range(len(levels))]))


def judged(levels: np.ndarray, seed: int, *, shift: float = 0.0, days: int = 30, **options: Any) -> Comparison:
    """The last day, against those before.

    Args:
        levels: of the days, shape (days, columns).
        seed: of the rows.
        shift: of all columns on the last day.
        days: of the reference.
        options: of `day`.
    """
    rng = np.random.default_rng(seed)
    reference = [day(level, rng, **options) for level in levels[:days]]
    return compare(reference, day(levels[days] + shift, rng, **options))


def stable(kind: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(1_000 + seed)
    drawn = rng.normal(size=(31, COLUMNS))
    return {
        "alike": 0.0 * drawn,
        "mild": 0.1 * drawn,
        "shared": 0.1 * np.repeat(drawn[:, :1], COLUMNS, axis=1),
        "uneven": 0.1 * drawn * np.exp(rng.normal(size=COLUMNS)),
        "risen": 0.5 * np.minimum(np.arange(31) / 15, 1.0)[:, None] + 0.05 * drawn,
    }[kind]


@pytest.mark.parametrize("alike", [0.0, 0.8])
@pytest.mark.parametrize("kind", ["alike", "mild", "shared", "uneven", "risen"])
def test_stable_days_are_unusual_no_more_often_than_declared(kind: str, alike: float) -> None:
    """Also where the numbers of a row go together: thirty days tell by how much."""
    found = [judged(stable(kind, seed), seed, alike=alike).locations for seed in range(40)]
    p_values = np.array([each.p_value for each in found if each is not None])
    assert len(p_values) == 40
    # Of a rate of .1 nine or more of forty have a probability of .02, of .01 three or more one of .008.
    assert (p_values <= 0.1).sum() <= 8
    assert (p_values <= 0.01).sum() <= 2


@pytest.mark.parametrize("batches", [6, 10, 20])
def test_few_batches_whose_levels_have_common_causes_are_no_more_often_unusual(batches: int) -> None:
    """Three causes, of which each number has its own mixture and size; by chance they vary little in the reference."""
    p_values: list[float] = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        mixture = rng.normal(size=(3, 30))
        sizes = 0.1 * np.exp(0.7 * rng.normal(size=30)) / np.sqrt((mixture**2).sum(axis=0))
        levels = sizes * (rng.normal(size=(batches + 1, 3)) @ mixture)
        days = [day(level, rng) for level in levels]
        found = compare(days[:batches], days[batches], joint="none").locations
        assert found is not None
        p_values.append(found.p_value or 0.0)
    # Of a rate of .01 four or more of sixty have a probability of .003.
    assert sum(p_value <= 0.01 for p_value in p_values) <= 3


def test_few_batches_of_numbers_that_vary_unevenly_are_no_more_often_unusual() -> None:
    """What one of them varies by tells nothing of another: each deviation is over what a few batches tell of it."""
    p_values: list[float] = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        levels = 0.1 * rng.normal(size=(6, 20)) * np.exp(rng.normal(size=20))
        days = [day(level, rng, rows=1_000) for level in levels]
        found = compare(days[:5], days[5], joint="none").locations
        assert found is not None
        p_values.append(found.p_value or 0.0)
    # Of a rate of .01 ten or more of 400 have a probability of .008.
    assert sum(p_value <= 0.01 for p_value in p_values) <= 9


@pytest.mark.parametrize("batches", [5, 8, 30])
@pytest.mark.parametrize("numbers", [3, 20])
def test_squares_over_what_few_batches_tell_are_about_as_far_out_as_they_are_taken_for(
    numbers: int, batches: int
) -> None:
    rng, freedom = np.random.default_rng(batches), batches - 1
    away = rng.normal(size=(50_000, numbers)) / np.sqrt(rng.chisquare(freedom, (50_000, numbers)) / freedom)
    length = (away**2 * (freedom - 2) / freedom).mean(axis=1)
    p_values = f.sf(length, numbers, min(numbers * freedom, _OF_EACH * freedom))
    assert (p_values <= 0.02).mean() <= 0.02 * 1.25
    assert (p_values <= 0.005).mean() <= 0.005 * 2.25


@pytest.mark.parametrize(("kind", "shift"), [("alike", 0.1), ("mild", 0.2), ("risen", 0.15)])
def test_a_small_shift_in_all_numbers_is_found_where_hardly_one_of_them_shows(kind: str, shift: float) -> None:
    reports = [judged(stable(kind, seed), seed, shift=shift) for seed in range(30)]
    together = sum(report.locations is not None and report.locations.drifted is True for report in reports)
    alone = [report for report in reports if any(column.verdict == "drift" for column in report.columns.values())]
    assert together >= 20
    assert len(alone) <= together - 10
    quiet = next(report for report in reports if report.drifted and report not in alone)
    assert quiet.reason.startswith("the columns have drifted together by their location; 0 of 16 columns drifted; ")
    assert quiet.locations is not None
    assert quiet.locations.reason.startswith("the mean distance of 16 numbers, ")
    assert quiet.locations.reason.endswith(" is at most 0.018")
    assert f"! location: {quiet.locations.reason}" in repr(quiet)
    assert quiet.to_record()["locations"]["method"] == "location"


def test_what_returns_to_where_the_reference_was_is_no_news() -> None:
    """By the latest half a day of the early one is far away; by all of it, it is not."""
    for seed in range(10):
        levels = stable("risen", seed)
        levels[30] = levels[5]
        found = judged(levels, seed).locations
        assert found is not None
        assert (found.drifted, found.p_value is not None and found.p_value > 0.05) == (False, True)


def test_a_column_that_drifts_by_itself_is_told_alone() -> None:
    levels = stable("alike", 0)
    levels[30, 3] += 2.0
    report = judged(levels, 0)
    assert report.locations is not None
    assert report.locations.drifted is True
    assert report.locations.named[0] == "x3"
    assert report.reason.startswith("1 of 16 columns drifted (x3); ")


def test_a_week_is_judged_by_the_mean_of_its_days() -> None:
    rng = np.random.default_rng(5)
    reference, week = 0.1 * rng.normal(size=(30, COLUMNS)), 0.1 * rng.normal(size=(7, COLUMNS))
    days = {f"{place:03}": day(level, rng) for place, level in enumerate(reference)}
    for shift, drifted in ((0.0, False), (0.3, True)):
        window = {f"{100 + place}": day(level + shift, rng) for place, level in enumerate(week)}
        found = compare(prepare(days), window).locations
        assert found is not None
        assert (found.drifted, found.p_value is not None and found.p_value < 1e-6) == (drifted, drifted)


def test_the_floor_is_that_of_the_columns() -> None:
    rng = np.random.default_rng(6)
    reference = [day(np.zeros(COLUMNS), rng) for _ in range(30)]
    moved = day(np.full(COLUMNS, 0.3), rng)
    found = compare(reference, moved, effect_floor=0.9).locations
    assert found is not None
    assert found.drifted is False
    assert f"{found.score:.3g}, is below the floor 0.9; " in found.reason


def test_a_reference_batch_as_far_away_speaks_against_it() -> None:
    levels = np.zeros((31, COLUMNS))
    levels[[3, 30]] = 1.0
    found = judged(levels, 7).locations
    assert found is not None
    assert found.drifted is False
    # Fifteen quiet days and an odd one: where the p-value were low, the odd one would be as unusual.
    levels[3] = 0.0
    alone = judged(levels, 7).locations
    assert alone is not None
    assert alone.drifted is True


def test_fewer_than_three_numbers_have_no_such_test_and_the_whole_level() -> None:
    rng = np.random.default_rng(8)
    reference = [day(np.zeros(3), rng) for _ in range(12)]
    moved = day(np.ones(3), rng)
    for columns, kept in ((["x0", "x1"], 1.0), (["x0", "x1", "x2"], 0.6)):
        report = compare(reference, moved, columns=columns, joint="none")
        assert (report.locations is None) is (len(columns) == 2)
        assert smallest_adjusted(report) == pytest.approx(len(columns) / kept)
    by_rows = compare(reference, moved, significance="rows", joint="none", columns=["x0", "x1", "x2"])
    assert by_rows.locations is None
    assert smallest_adjusted(by_rows) == pytest.approx(3.0)


def smallest_adjusted(report: Comparison, names: Sequence[str] = ()) -> float:
    """So many times the p-value of the clearest column is what it counts for."""
    p_values = [
        (column.p_value, column.adjusted_p_value)
        for name, column in report.columns.items()
        if column.p_value is not None and column.adjusted_p_value is not None and (not names or name in names)
    ]
    single, adjusted = min(p_values)
    return adjusted / single


@pytest.mark.parametrize("outputs", [(), ("score",)])
def test_only_numbers_give_a_part_of_their_level_to_the_test_of_all(outputs: tuple[str, ...]) -> None:
    """Three of four inputs give two fifths of it; a quarter of the whole level is of outputs, which give nothing."""
    rng = np.random.default_rng(10)

    def frame(place: int, shift: float, label: str) -> pd.DataFrame:
        made = pd.DataFrame({name: rng.normal(shift, 1.0, 200) for name in ("a", "b", "d")}).assign(day=place)
        made["c"] = np.where(rng.random(200) < 0.5, "known", label)
        return made.assign(score=rng.normal(shift, 1.0, 200)) if outputs else made

    past = pd.concat([frame(place, 0.0, "other") for place in range(20)])
    category = compare(past, frame(20, 0.0, "third"), batch="day", outputs=outputs, joint="none")
    assert category.columns["c"].verdict == "drift"
    assert smallest_adjusted(category, ["c"]) == pytest.approx(4.0)
    number = compare(past, frame(20, 1.0, "other"), batch="day", outputs=outputs, joint="none")
    assert smallest_adjusted(number, ["a", "b", "d"]) == pytest.approx(4 / 0.6)
    assert number.locations is not None
    share = 0.75 if outputs else 1.0
    assert number.locations.reason.endswith(f" is at most {0.05 * share * 0.4 * 3 / 4:.2g}")
    if outputs:
        assert smallest_adjusted(number, ["score"]) == pytest.approx(1.0)


def test_only_numbers_that_vary_on_both_sides_are_judged_together() -> None:
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"day": np.repeat(np.arange(13), 100)})
    for name in ("a", "b", "c"):
        frame[name] = rng.normal(size=1_300)
        frame[f"time {name}"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**6, 1_300), unit="s")
    frame["constant"] = 1.0
    past, now = frame[frame["day"] < 12], frame[frame["day"] == 12]
    for columns, told in (
        (["a", "b", "c"], True),
        (["time a", "time b", "time c"], False),
        (["a", "b", "time c"], False),
        (["a", "b", "constant"], False),
    ):
        report = compare(past, now, batch="day", columns=columns, joint="none", effect_floor=0.0)
        assert (report.locations is not None) is told
    gone = compare(past[["day", "a"]], now.drop(columns=["time a", "time b", "time c"]), batch="day", joint="none")
    assert gone.locations is None
    assert compare(past, now.assign(b="text"), batch="day", columns=["a", "b", "c"]).locations is None


def test_batches_that_are_all_the_same_vary_in_no_direction() -> None:
    frame = pd.DataFrame({"day": np.repeat(np.arange(9), 100)})
    for name in "abcd":
        frame[name] = np.tile(np.arange(100.0), 9)
    found = compare(frame[frame["day"] < 8], frame[frame["day"] == 8], batch="day", joint="none").locations
    assert found is not None
    assert (found.drifted, found.p_value) == (False, 1.0)


def test_what_a_category_shows_does_not_hide_that_all_numbers_moved() -> None:
    rng = np.random.default_rng(3)

    def frame(place: int, shift: float, label: str) -> pd.DataFrame:
        numbers = pd.DataFrame(rng.normal(shift, 1, size=(300, COLUMNS))).add_prefix("x")
        return numbers.assign(c=label, day=place)

    past = pd.concat([frame(place, 0.0, "known") for place in range(30)])
    report = compare(past, frame(30, 0.1, "new"), batch="day")
    assert report.columns["c"].verdict == "drift"
    assert report.locations is not None
    assert report.locations.drifted is True
    assert report.reason.startswith("the columns have drifted together by their location; 1 of 17 columns drifted (c)")


MATRICES = st.integers(0, 2**32).map(np.random.default_rng)


@given(MATRICES, st.integers(2, 8), st.floats(0.05, 30))
def test_windows_vary_in_no_fewer_directions_than_told(rng: np.random.Generator, columns: int, times: float) -> None:
    """Whatever the covariance by days and by rows, of which only the sum is observed."""

    def covariance() -> np.ndarray:
        root = rng.normal(size=(columns, columns)) * np.exp(2 * rng.normal(size=columns))
        return root @ root.T

    between, by_rows = covariance(), covariance()
    scale = 1 / np.sqrt(np.diag(between + by_rows))
    between, by_rows = (each * np.outer(scale, scale) for each in (between, by_rows))
    away = rng.normal(size=(20_000, columns)) @ np.linalg.cholesky(between + by_rows + 1e-12 * np.eye(columns)).T
    of_window = between + times * by_rows
    actual = np.trace(of_window) ** 2 / np.trace(of_window @ of_window)
    told = _directions(away - away.mean(axis=0), float(np.trace(by_rows)), times * float(np.trace(by_rows)))
    assert 1 <= told <= 1.05 * actual
