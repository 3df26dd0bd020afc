"""A column of many values is stable where it is, whichever of them happened to be frequent; and its changes show."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare
from retrain_assets.drift.frequent import frequent_categories


def days(
    count: int, rows: int, values: int, rng: np.random.Generator, first: int = 0, power: float = 0
) -> pd.DataFrame:
    """Days of one column; with a power the values are as frequent as its inverse of their rank."""
    shares = 1 / np.arange(1, values + 1) ** power if values < 10**6 else None
    drawn = rng.choice(values, count * rows, p=None if shares is None else shares / shares.sum())
    return pd.DataFrame({"day": np.repeat(np.arange(first, first + count), rows), "x": drawn.astype(str)})


@pytest.mark.parametrize(
    ("values", "rows", "batches"),
    [(100, 300, 1), (300, 3_000, 1), (1_000, 1_000, 1), (10**9, 2_000, 1), (250, 500, 8), (1_000, 1_000, 8)],
)
def test_many_values_that_are_as_frequent_as_before_have_not_drifted(values: int, rows: int, batches: int) -> None:
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(5):
        before, after = days(batches, rows, values, rng), days(1, rows, values, rng, first=batches)
        alarms += compare(before, after, batch="day", joint="none", alpha=0.005).drifted is not False
    assert alarms == 0


@pytest.mark.parametrize("batches", [1, 10])
def test_changes_of_frequent_ones_among_many_values_are_seen(batches: int) -> None:
    rng = np.random.default_rng(1)
    before, after = (days(count, 2_000, 5_000, rng, first, power=1.0) for count, first in ((batches, 0), (1, batches)))
    assert compare(before, after, batch="day", joint="none").drifted is False
    lost = after.assign(x=after["x"].where(after["x"] != "1", "4999"))
    new = after.assign(x=after["x"].where(after.index % 10 > 0, "new"))
    for changed in (lost, new):
        assert compare(before, changed, batch="day", joint="none").drifted is True


def test_a_classifier_is_not_told_by_what_was_frequent_by_luck() -> None:
    rng = np.random.default_rng(2)
    before, after = days(1, 2_000, 1_000, rng), days(1, 2_000, 1_000, rng)
    joint = compare(before[["x"]], after[["x"]], joint="classifier").joint
    assert joint is not None
    assert joint.drifted is False
    assert joint.score == pytest.approx(0.5, abs=0.05)


def test_only_what_every_part_names_for_certain_is_compared_by_name() -> None:
    whole = ColumnProfile(name="x", kind="categorical", rows=100, missing=0, categories={"a": 60, "b": 30, "c": 10})
    part = ColumnProfile(name="x", kind="categorical", rows=100, missing=0, categories={"b": 50, "a": 9}, other=41)
    assert frequent_categories([whole, whole], 2, among=None) == ("a", "b")
    assert frequent_categories([whole, whole], 5, among=frozenset("bc")) == ("b", "c")
    # The rarest that the second part names has 9 rows: it is sure of what has 23.6 of a hundred, 47.1 of both.
    assert frequent_categories([whole, part], 5, among=None) == ("b", "a")
    assert frequent_categories([whole, part, part], 5, among=None) == ("b", "a")
    assert frequent_categories([whole, part, part, part], 5, among=None) == ("b",)


def days_of(values: Callable[[], np.ndarray], days: int) -> list[TableProfile]:
    return [profile_table(pd.DataFrame({"c": np.char.add("k", values().astype(str))})) for _ in range(days)]


@pytest.mark.parametrize("categories", [205, 300, 1_000])
def test_very_many_categories_that_were_all_replaced_are_drift(categories: int) -> None:
    """None of them is frequent, and each may be one that the reference does not name: all of them cannot."""
    rng = np.random.default_rng(categories)
    days = days_of(lambda: rng.integers(0, categories, 5_000), 21)
    stable = compare(days[:20], days[20]).columns["c"]
    replaced = compare(days[:20], days_of(lambda: rng.integers(categories, 2 * categories, 5_000), 1)[0]).columns["c"]
    assert (stable.verdict, replaced.verdict, replaced.aspect) == ("stable", "drift", "novel")


def test_of_a_single_batch_only_what_its_unnamed_rows_cannot_be_is_unseen() -> None:
    rng = np.random.default_rng(0)
    before, after, replaced = (rng.integers(low, low + 205, 5_000) for low in (0, 0, 205))
    frames = [pd.DataFrame({"c": np.char.add("k", values.astype(str))}) for values in (before, after, replaced)]
    assert compare(frames[0], frames[1]).columns["c"].verdict == "stable"
    assert compare(frames[0], frames[2]).columns["c"].verdict == "drift"


def test_identifiers_that_are_always_new_are_none() -> None:
    rng = np.random.default_rng(0)
    days = days_of(lambda: rng.integers(0, 10**9, 5_000), 21)
    assert compare(days[:20], days[20]).columns["c"].verdict == "stable"
