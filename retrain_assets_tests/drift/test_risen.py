"""A new category among very many is seen where it is frequent, however long the reference is, and it is named."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.drift import compare
from retrain_assets.drift.report import ColumnDrift

ROWS, VALUES = 1_000, 2_000


def days(count: int, rng: np.random.Generator, *, power: float = 0.5) -> list[list[str]]:
    shares = 1 / np.arange(1, VALUES + 1) ** power
    drawn = rng.choice(VALUES, (count, ROWS), p=shares / shares.sum())
    return [[f"sku{place}" for place in day] for day in drawn.tolist()]


def found(past: list[list[str]], now: list[str], *, by_day: bool = True) -> ColumnDrift:
    before = pd.DataFrame({"day": np.repeat(np.arange(len(past)), ROWS), "k": np.concatenate(past)})
    after = pd.DataFrame({"day": len(past), "k": now})
    if by_day:
        return compare(before, after, batch="day", joint="none").columns["k"]
    return compare(before[["k"]], after[["k"]], joint="none").columns["k"]


@pytest.mark.parametrize(("batches", "by_day"), [(8, True), (60, True), (150, True), (10, False)])
@pytest.mark.parametrize("share", [0.05, 0.6])
def test_a_new_category_among_thousands_is_drift_and_is_named(batches: int, share: float, by_day: bool) -> None:
    past, now = days(batches, np.random.default_rng(0)), days(1, np.random.default_rng(1))[0]
    new = int(share * ROWS)
    drift = found(past, ["UNKNOWN"] * new + now[new:], by_day=by_day)
    assert drift.verdict == "drift"
    assert drift.score is not None
    assert drift.score > 0.1
    assert drift.before.startswith("UNKNOWN hardly any")
    assert drift.after.startswith(f"UNKNOWN {100 * share:.3g} %")
    assert found(past, now, by_day=by_day).verdict == "stable"


def test_a_category_that_was_rare_is_seen_as_one_that_is_new() -> None:
    rng = np.random.default_rng(2)
    past, now = days(30, rng), days(1, rng)[0]
    past = [["UNKNOWN", *day[1:]] for day in past]
    drift = found(past, ["UNKNOWN"] * 100 + now[100:])
    assert (drift.verdict, drift.aspect) == ("drift", "novel")
    assert drift.after.startswith("UNKNOWN 10 %")


def test_each_day_with_a_new_frequent_category_is_what_days_are() -> None:
    rng = np.random.default_rng(3)
    trends = [[f"trend{place}"] * 100 + day[100:] for place, day in enumerate(days(31, rng))]
    drift = found(trends[:-1], trends[-1])
    assert drift.verdict == "stable"


def test_no_category_is_risen_by_chance() -> None:
    rng = np.random.default_rng(4)
    for power in (0.0, 0.5, 1.0, 1.5):
        for _ in range(5):
            past = days(10, rng, power=power)
            for by_day in (True, False):
                assert found(past, days(1, rng, power=power)[0], by_day=by_day).aspect != "novel"


@pytest.mark.parametrize(("values", "rows"), [(1_000, 1_000), (5_000, 5_000)])
def test_rare_categories_that_a_small_reference_lacks_do_not_make_the_others_rarer(values: int, rows: int) -> None:
    """At a level of 0.05; of 20 windows more than 5 alarm with a probability of 0.0003."""
    rng = np.random.default_rng(5)
    shares = 1 / np.arange(1, values + 1) ** 1.5
    alarms = 0
    for _ in range(20):
        before, after = (
            pd.DataFrame({"k": rng.choice(values, drawn, p=shares / shares.sum()).astype(str)})
            for drawn in (1_000, rows)
        )
        column = compare(before, after, joint="none").columns["k"]
        alarms += column.verdict == "drift" and column.aspect == "shape"
    assert alarms <= 5


def test_what_shows_among_more_rows_than_the_batches_have_is_not_new() -> None:
    """Days that differ much, in a window of ten times their rows: of a category with 1 % each day has hardly a row."""
    rng = np.random.default_rng(6)

    def drawn(rows: int) -> list[str]:
        shares = np.exp(0.8 * rng.standard_normal(250)) / np.arange(1, 251) ** 0.5
        return rng.choice(250, rows, p=shares / shares.sum()).astype(str).tolist()

    alarms = 0
    for _ in range(20):
        past = np.concatenate([drawn(300) for _ in range(8)])
        before = pd.DataFrame({"day": np.repeat(np.arange(8), 300), "k": past})
        after = pd.DataFrame({"day": 8, "k": drawn(3_000)})
        column = compare(before, after, batch="day", joint="none").columns["k"]
        alarms += column.verdict == "drift" and column.aspect == "novel"
    assert alarms <= 3


@pytest.mark.parametrize("rows", [300, 1_000, 3_000])
def test_a_window_of_another_size_with_a_burst_as_each_day_has_is_what_days_are(rows: int) -> None:
    rng = np.random.default_rng(7)
    past = [[f"trend{place}"] * 100 + day[100:] for place, day in enumerate(days(20, rng))]
    now = np.concatenate(days(3, rng)).tolist()[:rows]
    usual = rows // 10
    assert found(past, ["trend20"] * usual + now[usual:]).verdict == "stable"
    assert found(past, ["trend20"] * 8 * usual + now[8 * usual :]).verdict == "drift"
