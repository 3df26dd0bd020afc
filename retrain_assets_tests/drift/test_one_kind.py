"""The same values as another type: compared as the same, or unknown with a reason; never drift."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import Monitor, compare
from retrain_assets.drift.comparison import Comparison
from retrain_assets.drift.truths import batches_of_window

ROWS = 400
RNG = np.random.default_rng(0)
TRUTHS = RNG.random(ROWS) < 0.4
GAPS = RNG.random(ROWS) < 0.1
DIGITS = RNG.integers(0, 9, ROWS)
DAYS = pd.Timestamp("2024-01-01") + pd.to_timedelta(DIGITS, unit="D")
GAP: Any = None  # pandas-stubs know no array of numbers and None
TAKEN = "0 and 1 on one side are False and True on the other: the distance 0 is below the floor 0.01"


def frame(values: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(values)})


def both_ways(first: pd.DataFrame, second: pd.DataFrame) -> list[Comparison]:
    """As pandas and as Arrow, from the one to the other and back; days only where they are asked for."""
    tables = [pa.Table.from_pandas(side, preserve_index=False) for side in (first, second)]
    pairs = ((first, second), (second, first), tuple(tables), (first, tables[1]))
    return [compare(before, after, columns=["x"], joint="none") for before, after in pairs]


@pytest.mark.parametrize(
    "numbers",
    [TRUTHS.astype(int), TRUTHS.astype("float32"), pd.array(TRUTHS.astype(int), dtype="Int8")],
    ids=["whole", "float", "nullable"],
)
def test_truth_values_are_the_same_as_0_and_1(numbers: Any) -> None:
    for report in both_ways(frame(TRUTHS), frame(numbers)):
        column = report.columns["x"]
        assert (report.drifted, column.kind, column.score, column.reason) == (False, "boolean", 0.0, TAKEN)
        assert column.before == column.after


def test_a_classifier_is_not_told_by_the_type_and_does_not_see_what_cannot_be_compared() -> None:
    other = np.random.default_rng(2).normal(size=2 * ROWS)
    truths = np.tile(TRUTHS, 2)
    before = pd.DataFrame({"x": truths, "y": other.astype(str), "z": other})
    after = pd.DataFrame({"x": truths.astype(float), "y": other, "z": other})
    report = compare(before, after, joint="classifier")
    assert report.columns["y"].verdict == "unknown"
    assert report.joint is not None
    assert (report.joint.drifted, report.drifted) == (False, False)


def test_gaps_beside_truth_values_are_the_same_in_every_type() -> None:
    nullable = frame(pd.array(np.where(GAPS, GAP, TRUTHS), dtype="boolean"))
    for numbers in (np.where(GAPS, np.nan, TRUTHS), pd.array(np.where(GAPS, GAP, TRUTHS), dtype="Int64")):
        assert all(report.columns["x"].score == 0 for report in both_ways(nullable, frame(numbers)))
    lost = compare(frame(TRUTHS), frame(np.where(GAPS, np.nan, TRUTHS)))
    assert (lost.drifted, lost.columns["x"].aspect) == (True, "missing")
    never = compare(frame(TRUTHS), frame(np.zeros(ROWS)))
    assert (never.drifted, never.columns["x"].after) == (True, "False 100 %, True 0 %")


@pytest.mark.parametrize("other", [0.5, 1.0 + 1e-9, -1.0, 1e-40, np.inf, 2.0])
def test_truth_values_and_any_other_number_are_unknown(other: float) -> None:
    report = compare(frame(TRUTHS), frame(np.append(TRUTHS[1:].astype(float), other)))
    assert report.drifted is None
    assert report.columns["x"].reason.endswith("with other numbers than 0 and 1: the two cannot be compared")


def test_batches_may_change_between_truth_values_and_0_and_1() -> None:
    rng = np.random.default_rng(1)
    days = [rng.random(ROWS) < 0.4 for _ in range(9)]
    mixed = [profile_table(frame(day.astype(int) if place % 2 else day)) for place, day in enumerate(days)]
    same = [profile_table(frame(day)) for day in days]
    for reference, current in ((mixed, same[:3]), (same, mixed[:3]), (mixed, mixed[:3])):
        report = compare(reference, current)
        assert report.columns["x"].score == compare(same, same[:3]).columns["x"].score
    assert Monitor(same, checks_per_year=365).check(mixed[1]).drifted is False


def test_batches_of_the_current_window_that_do_not_agree_leave_the_column_unknown() -> None:
    other = {"y": TRUTHS.astype(int), "z": DIGITS}
    whole = profile_table(pd.DataFrame({"x": DIGITS, **other}))
    odd = profile_table(pd.DataFrame({"x": DIGITS.astype(str), **other}))
    for reference, mixed in ((whole, [whole, odd, whole]), ([whole] * 9, {"a": odd, "b": whole})):
        report = compare(reference, mixed)
        assert (report.drifted, report.columns["x"].verdict, report.columns["z"].verdict) == (
            False,
            "unknown",
            "stable",
        )
        assert report.columns["x"].reason.startswith(
            "the batches of the current window do not agree: column 'x' is categorical in one batch and numeric in "
        )
        assert (report.columns["x"].before[:5], report.columns["x"].after) == ("mean ", "of several kinds")
    report = compare([whole] * 9 + [odd], whole)
    assert report.columns["x"].reason.startswith("the reference batches do not agree: column 'x' is categorical in one")
    assert (report.columns["x"].before, report.columns["x"].after[:5]) == ("of several kinds", "mean ")
    assert report.to_record()["columns"][-1]["measures"]["before"] is None
    times = profile_table(pd.DataFrame({"x": DAYS, **other}))
    assert compare(times, [times, odd]).columns["x"].verdict == "unknown"


@pytest.mark.parametrize("names", [("false", "true"), ("no", "yes")])
def test_truth_values_and_texts_that_name_them_otherwise_are_unknown(names: tuple[str, str]) -> None:
    for report in both_ways(frame(TRUTHS), frame(np.array(names)[TRUTHS.astype(int)])):
        assert report.drifted is None
        assert "with other texts than True and False: give both sides one type" in report.columns["x"].reason


def test_batches_of_many_columns_are_made_alike_column_by_column_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(TableProfile, "names", property(lambda table: asked.append(1) or ()))
    truths, numbers = profile_table(frame(TRUTHS)), profile_table(frame(TRUTHS.astype(int)))
    wide = [TableProfile(rows=each.rows, columns=(*each.columns,) * 50) for each in (truths, numbers)]
    made, _ = batches_of_window([*wide, truths])
    assert [{column.kind for column in table.columns} for table in made] == [{"boolean"}] * 3
    assert made[1].columns[7].categories == truths.columns[0].categories
    assert batches_of_window([wide[0], truths]) == ([wide[0], truths], {})
    assert not asked  # which makes a list of all names each time


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (DIGITS, DIGITS.astype(float)),
        (np.where(GAPS, np.nan, DIGITS), pd.array(np.where(GAPS, GAP, DIGITS), dtype="Int64")),
        (pd.Categorical(np.array(list("abc"))[DIGITS % 3]), np.array(list("abc"))[DIGITS % 3]),
        (pd.Categorical(DIGITS), pd.Categorical(DIGITS.astype(float))),
        (pd.Categorical(DIGITS), DIGITS.astype(str)),
        (pd.Categorical(TRUTHS), TRUTHS),
        (TRUTHS, TRUTHS.astype(str)),
        (DAYS.date, DAYS),
        (DAYS.tz_localize("UTC"), DAYS),
        (DAYS.to_period("D"), DAYS),
        (pd.cut(DIGITS, 3), pd.cut(DIGITS, 3).astype(str)),
        ([Decimal(int(digit)) / 4 for digit in DIGITS], DIGITS / 4),
        (pd.to_timedelta(DIGITS, unit="s"), DIGITS.astype(float)),

    ],
    ids=[
        "whole and float", "whole with gaps", "categories and texts", "categories of numbers", "categories and digits",
        "categories of truths", "truths and their names", "dates and times", "zone and none",
        "periods and times", "intervals and texts",
        "decimals and floats", "durations and seconds",
    ],
)  # fmt: skip
def test_the_same_values_in_another_type_have_not_drifted(first: Any, second: Any) -> None:
    for report in both_ways(frame(first), frame(second)):
        assert (report.drifted, report.columns["x"].score) == (False, 0.0)
