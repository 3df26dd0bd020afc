"""A current window of several batches is stable where each of its batches is, and drift where they have moved."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare, prepare


def days(
    rng: np.random.Generator,
    count: int,
    *,
    rows: int = 400,
    unlike: float = 0.0,
    missing: float = 0.0,
    shift: float = 0,
) -> list[TableProfile]:
    """Days of four normal columns and one of categories; `unlike` is the deviation of the days' means."""
    made: list[TableProfile] = []
    for level in unlike * rng.normal(size=(count, 4)):
        values = rng.normal(size=(rows, 4)) + level + shift
        values[rng.random(values.shape) < missing] = np.nan
        made.append(profile_table(pd.DataFrame(values, columns=list("abcd")).assign(k=rng.choice(list("xyz"), rows))))
    return made


def alarms(*, unlike: float = 0.0, missing: float = 0.0) -> list[str]:
    """The aspects that alarm in seven windows of thirty days, each against thirty of its own, at a level of 0.05."""
    found: list[str] = []
    for seed in range(7):
        rng = np.random.default_rng(seed)
        reference, current = (days(rng, 30, unlike=unlike, missing=missing) for _ in range(2))
        report = compare(reference, current, joint="none")
        found += [f"{column.name}: {column.aspect}" for column in report.columns.values() if column.verdict == "drift"]
    return found


@pytest.mark.parametrize("kinds", [{}, {"missing": 0.005}, {"unlike": 0.4}], ids=["iid", "some missing", "days differ"])
def test_thirty_stable_days_against_thirty_of_the_same_are_no_drift(kinds: dict[str, float]) -> None:
    """More than two of seven windows alarm with a probability of 0.004."""
    assert len(found := alarms(**kinds)) <= 2, found


def test_batches_of_another_size_miss_no_more_where_nothing_is_missing() -> None:
    rng = np.random.default_rng(0)
    reference = prepare(days(rng, 30))
    for rows in (60, 4_000):
        column = compare(reference, days(rng, 20, rows=rows), joint="none").columns["a"]
        assert column.aspect != "missing"
        assert column.verdict == "stable"


def test_a_window_of_many_batches_sees_what_one_of_them_does_not() -> None:
    rng = np.random.default_rng(0)
    reference = prepare(days(rng, 30, unlike=0.2))
    month = days(rng, 30, unlike=0.2, shift=0.3)
    report, first = (compare(reference, window, joint="none") for window in (month, month[:1]))
    assert [column.name for column in report.columns.values() if (column.p_value or 0) < 1e-4] == list("abcd")
    assert not [column.name for column in first.columns.values() if (column.p_value or 0) < 1e-4]


def test_batches_of_too_few_rows_say_as_little_in_the_window_as_in_the_reference() -> None:
    rng = np.random.default_rng(0)
    reference, week = days(rng, 20), days(rng, 7)
    few = compare(reference, [*week, *days(rng, 3, rows=5, shift=1)], joint="none", effect_floor=0)
    assert few.columns["a"].p_value == compare(reference, week, joint="none", effect_floor=0).columns["a"].p_value
    assert compare(reference, days(rng, 40, rows=10, shift=1), joint="none").drifted is True


def test_the_extremes_of_a_window_of_many_more_rows_are_not_novel() -> None:
    """Thirty times the rows of a reference day lie thirty times as often beyond what all of them have reached."""
    found: list[str] = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        reference = prepare(days(rng, 15))
        for _ in range(4):
            report = compare(reference, days(rng, 1, rows=12_000), joint="none")
            found += [str(column.aspect) for column in report.columns.values() if column.verdict == "drift"]
    assert found == []


@pytest.mark.parametrize("window", [1, 30])
def test_novel_rows_are_seen_in_windows_of_many_more_rows(window: int) -> None:
    """Sixty of them; of single ones chance is the better explanation."""
    rng = np.random.default_rng(0)
    reference = days(rng, 30)
    for share, drifted in ((0.0, False), (0.005, True)):
        frame = pd.DataFrame({"a": rng.normal(size=12_000)})
        frame.loc[rng.random(12_000) < share, "a"] = 9.0
        parts = [profile_table(frame.iloc[place::window]) for place in range(window)]
        report = compare(reference, parts, columns=["a"], joint="none")
        assert report.drifted is drifted
        assert not drifted or report.columns["a"].aspect == "novel"


def test_days_that_share_a_level_do_not_change_the_correlation_of_a_month() -> None:
    """Within a day the two columns do not hang together; over the rows of thirty days they do."""
    verdicts: list[bool | None] = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        day = np.repeat(np.arange(60), 300)
        level = 0.4 * rng.normal(size=60)[day, None]
        frame = pd.DataFrame(rng.normal(size=(len(day), 2)) + level, columns=["x", "y"]).assign(day=day)
        report = compare(frame[day < 30], frame[day >= 30], batch="day")
        assert report.joint is not None
        verdicts.append(report.joint.drifted)
        tied = frame.assign(y=0.2 * frame["x"] + frame["y"])[day >= 30]
        moved = compare(frame[day < 30], tied, batch="day").joint
        assert moved is not None
        assert moved.drifted is True
        assert moved.named == ("x ~ y",)
    assert verdicts == [False] * 5


def test_a_window_of_small_batches_only_is_judged_as_one_and_says_so() -> None:
    rng = np.random.default_rng(0)
    days = pd.DataFrame({"day": np.repeat(np.arange(12), 100), "x": rng.normal(size=1_200)})
    small = pd.DataFrame({"day": np.repeat(np.arange(50), 5), "x": rng.normal(size=250) + 1})
    few = "all 50 batches of the window have fewer than 30 rows and are judged as one"
    report = compare(days, small, batch="day")
    assert (report.drifted, report.reason.endswith(few)) == (True, True), report.reason
    assert few not in compare(days, small, batch="day", min_rows=5).reason
    left_out = compare(pd.concat([days, small.head(5).assign(day=99)]), days[days["day"] == 0], batch="day").reason
    assert "(1 more of fewer than 30 rows left out)" in left_out
