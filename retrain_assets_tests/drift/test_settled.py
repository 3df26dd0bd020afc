"""References that have moved and settled: what leaves their latest level is seen."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from retrain_assets.data.arrow_profiling import profile_arrow
from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare
from retrain_assets.drift.settled import has_settled, judge_settled
from retrain_assets.drift.variation import judge_scalars

DAYS, COLUMNS, ROWS = 30, 20, 500.0


def levels(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Of each column on thirty days and the next, as 500 rows show them, shape (columns, days)."""
    time, phase = np.arange(DAYS + 1), rng.random((COLUMNS, 1))
    rise = 0.5 * np.minimum(time / 15, 1)
    level = {
        "level": 0.0 * time,
        "settled": rise,
        "rises on": 0.5 * time / 30,
        "rises on, slower": rise + 0.02 * np.maximum(time - 15, 0),
        "a step in the latest half": rise + 0.3 * (time >= 24),
        "week": 0.5 * np.sin(2 * np.pi * (time / 7 + phase)),
        "week after a rise": rise + 0.1 * np.sin(2 * np.pi * (time / 7 + phase)),
        "part of a year": 0.5 * np.sin(2 * np.pi * (time / 180 + phase)),
        "seven weeks": 0.5 * np.sin(2 * np.pi * (time / 49 + phase)),
    }[kind]
    return level + 0.05 * rng.normal(size=(COLUMNS, DAYS + 1)) + rng.normal(size=(COLUMNS, DAYS + 1)) / np.sqrt(ROWS)


def p_values(seen: np.ndarray, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Of the next day, which the first column leaves by so much; and the same by all batches."""
    rows, now = np.full((COLUMNS, DAYS), ROWS), seen[:, -1] + shift * (np.arange(COLUMNS) == 0)
    given = seen[:, :-1], now, rows, rows[:, 0]
    merged = np.ones(COLUMNS)
    by_all = judge_scalars(*given, unit=1.0, merged=merged, bounded=True).p_values
    return judge_settled(*given, unit=1.0, merged=merged).p_values, by_all


@pytest.mark.parametrize(("shift", "most", "least"), [(0.3, 0.05, 0.6), (0.5, 0.5, 0.85)])
def test_what_leaves_the_level_that_a_rise_has_come_to_is_seen(shift: float, most: float, least: float) -> None:
    found, by_all = np.array([
        [each[0] for each in p_values(levels("settled", np.random.default_rng(seed)), shift)] for seed in range(60)
    ]).T  # fmt: skip
    assert (found <= 0.001).mean() > least
    assert (by_all <= 0.001).mean() < most


@pytest.mark.parametrize(
    "kind", ["level", "rises on", "rises on, slower", "a step in the latest half", "week", "seven weeks"]
)  # fmt: skip
def test_what_is_not_level_has_not_settled(kind: str) -> None:
    settled = [has_settled(levels(kind, np.random.default_rng(seed))[:, :-1]).mean() for seed in range(60)]
    assert np.mean(settled) < 0.03


@pytest.mark.parametrize("kind", ["settled", "part of a year", "rises on", "rises on, slower", "week after a rise"])
def test_the_next_day_is_no_more_often_unusual_than_chance_has_it(kind: str) -> None:
    found, by_all = [], []
    for seed in range(150):
        each = p_values(levels(kind, np.random.default_rng(seed)), 0.0)
        found.append(each[0])
        by_all.append(each[1])
    for level in (0.01, 0.001):
        chance = level + 3 * np.sqrt(level / np.size(found))
        # What swings for a year leaves its month without any of this.
        assert (np.array(found) <= level).mean() <= max(chance, (np.array(by_all) <= level).mean() + 0.0005)


def test_one_column_that_rises_on_is_not_taken_for_one_of_the_level_ones() -> None:
    settled = []
    for seed in range(60):
        seen = levels("settled", np.random.default_rng(seed))
        seen[0] = levels("rises on, slower", np.random.default_rng([1, seed]))[0]
        settled.append(has_settled(seen[:, :-1]))
    assert np.mean(settled, axis=0)[0] < 0.05
    assert np.mean(settled, axis=0)[1:].min() > 0.7


def test_a_return_to_where_the_reference_was_is_no_news() -> None:
    """The latest days alone would call it drift."""
    seen = levels("settled", np.random.default_rng(0))
    found, by_all = p_values(seen, -0.35)
    assert by_all[0] > 0.1
    assert found[0] >= by_all[0]


def test_few_batches_a_constant_and_straight_lines_have_not_settled() -> None:
    assert not has_settled(np.array([[0.0] * 9 + [1.0, 1.1] * 5])).any(), "nineteen batches are too few"
    assert not has_settled(np.zeros((2, 30))).any()
    assert not has_settled(np.array([[0.0] * 15 + [1.0] * 15])).any(), "nothing tells how much the latest differ"
    assert not has_settled(np.concatenate([np.linspace(0, 5, 15), np.linspace(5, 6, 15)])[None]).any()


def test_batches_out_of_order_have_not_settled() -> None:
    """Nothing is told by their order then, and they are judged by all batches, as they were before."""
    settled = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        settled.append(has_settled(levels("settled", rng)[:, rng.permutation(DAYS)]))
    assert np.mean(settled) < 0.01


@pytest.mark.parametrize("of", [pd.DataFrame, pl.DataFrame, pa.table, lambda rows: pa.table(rows).to_reader()])
def test_numbered_batches_are_in_the_order_of_their_numbers(of) -> None:
    rng = np.random.default_rng(3)
    level = 0.5 * np.minimum(np.arange(DAYS) / 15, 1) + 0.05 * rng.normal(size=DAYS)
    days = np.repeat(np.arange(DAYS), 1_000)
    reference = pd.DataFrame({"day": days, "x": rng.normal(level[days])}).sample(frac=1, random_state=0)
    window = pd.DataFrame({"day": DAYS, "x": rng.normal(0.9, 1, 1_000)})
    found = compare(of(reference.reset_index(drop=True)), of(window), batch="day").columns["x"]
    assert found.verdict == "drift"
    assert "by the latest 15 reference batches alone" in found.reason


def of_normal(rng: np.random.Generator, level: float) -> TableProfile:
    return profile_table(pd.DataFrame({"x": rng.normal(level, 1, 2_000)}))


def test_the_hour_that_comes_twice_in_autumn_is_two_batches() -> None:
    hours = pd.date_range("2024-10-27 00:00", "2024-10-27 04:00", freq="h", tz="Europe/Berlin").as_unit("us")
    table = pa.table({"hour": pa.array(hours), "x": np.arange(len(hours), dtype=float)})
    assert len(hours) == 6
    assert {key: each.rows for key, each in profile_arrow([table], batch="hour", name="rows").items()} == dict.fromkeys(
        map(str, hours), 1
    )


def test_a_verdict_says_which_batches_it_rests_on() -> None:
    rng = np.random.default_rng(3)
    days = 0.5 * np.minimum(np.arange(DAYS) / 15, 1) + 0.05 * rng.normal(size=DAYS)
    reference = [of_normal(rng, day) for day in days]
    shifted = compare(reference, of_normal(rng, 0.9)).columns["x"]
    assert shifted.verdict == "drift"
    assert shifted.aspect == "location"
    assert (
        "by the latest 15 reference batches alone (the column moved before them, and is level since)" in shifted.reason
    )
    usual = compare(reference, of_normal(rng, 0.5)).columns["x"]
    assert usual.verdict == "stable"
    assert "latest" not in usual.reason
