"""A prepared reference says what the reference says, and does its part of the work once."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import compare, fitted_reference, prepare, rows
from retrain_assets.drift.cells import FittedColumn
from retrain_assets.errors import DataError

RNG = np.random.default_rng(11)
DAYS = pd.DataFrame(
    {
        "day": np.repeat(np.arange(12), 200),
        "x": RNG.normal(size=2_400),
        "y": RNG.lognormal(size=2_400),
        "c": RNG.choice(list("abc"), 2_400),
    }
)
PROFILES = {str(day): profile_table(part.drop(columns="day")) for day, part in DAYS.groupby("day")}
TODAY = DAYS[DAYS["day"] == 3].assign(day=99, x=lambda frame: frame["x"] + 2)


@pytest.mark.parametrize("reference", [DAYS, PROFILES, list(PROFILES.values())], ids=["rows", "by name", "list"])
def test_a_prepared_reference_gives_the_same_report(reference: pd.DataFrame | dict[str, TableProfile]) -> None:
    once, again = prepare(reference, batch="day"), compare(reference, TODAY, batch="day")
    for _ in range(2):
        assert compare(once, TODAY, batch="day").to_json() == again.to_json()
    assert (
        compare(once, TODAY, batch="day", bins=5).to_json() == compare(reference, TODAY, batch="day", bins=5).to_json()
    )
    assert prepare(once) is once


def test_what_is_prepared_is_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    once = prepare(DAYS, batch="day")
    expected = compare(once, TODAY, batch="day").to_json()

    def again(*_: object, **__: object) -> None:
        raise AssertionError("the reference was merged or sampled again")

    monkeypatch.setattr(fitted_reference, "merge_columns", again)
    monkeypatch.setattr(FittedColumn, "_count", again)
    matrix = rows._matrix
    monkeypatch.setattr(
        rows, "_matrix", lambda frame, *rest: again() if len(frame) == len(DAYS) else matrix(frame, *rest)
    )
    assert compare(once, TODAY, batch="day").to_json() == expected


def test_the_batches_of_a_prepared_reference_are_known_where_the_window_has_none() -> None:
    window = TODAY.drop(columns="day")
    named = compare(DAYS, TODAY, batch="day")
    for once in (prepare(DAYS, batch="day"), prepare(pa.table(DAYS), batch="day")):
        for report in (compare(once, window), compare(once, TODAY, batch="day")):
            assert report.joint == named.joint
            assert report.basis == named.basis
        coded = rows.codes_of((once, window), ["x", "c"], (list(PROFILES.values()), profile_table(window)), None)
        assert coded is not None
        assert [len(side) for side in coded[1:]] == [12, 1]
    assert named.joint is not None
    assert named.joint.p_value is not None


@pytest.mark.parametrize(("prepared", "compared"), [(None, "day"), ("week", "day")])
def test_another_batch_column_than_the_prepared_one_is_refused(prepared: str | None, compared: str) -> None:
    once = prepare(DAYS.assign(week=DAYS["day"] // 2), batch=prepared)
    for call in (lambda: compare(once, TODAY, batch=compared), lambda: prepare(once, batch=compared)):
        with pytest.raises(DataError, match=f"was prepared with, {prepared!r} \\(got 'day'\\): call prepare"):
            call()


@pytest.mark.parametrize("of", [pd.DataFrame, pl.DataFrame, pa.table, lambda rows: pa.table(rows).to_reader()])
def test_a_window_that_has_the_prepared_batch_column_is_told_apart_by_it(of: Any) -> None:
    rng = np.random.default_rng(0)
    days = pd.DataFrame({"day": np.repeat(np.arange(12), 100), "x": rng.normal(size=1_200)})
    window, prepared = days[days["day"] >= 10], prepare(days[days["day"] < 10], batch="day")
    report = compare(prepared, of(window))
    assert "day" not in report.columns
    assert report.to_json() == compare(prepared, of(window), batch="day").to_json()
    assert "day" not in compare(prepared, of(window.drop(columns="day"))).columns
