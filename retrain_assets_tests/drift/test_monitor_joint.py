"""Over time: a change of correlations alone, by what single windows show, and by what they add up to."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from retrain_assets.data.profile import profile_table
from retrain_assets.drift import Monitor, prepare
from retrain_assets.drift.accumulation import REMEMBERED
from retrain_assets.drift.frames import Prepared
from retrain_assets.drift.monitor import Check
from retrain_assets.errors import DataError


def day(rng: np.random.Generator, *, rho: float = 0.0, shift: float = 0.0, rows: int = 250) -> pd.DataFrame:
    """Four columns of which the first two correlate by `rho`; each day has levels of its own."""
    values = rng.normal(size=(rows, 4))
    values[:, 1] = rho * values[:, 0] + np.sqrt(1 - rho**2) * values[:, 1]
    return pd.DataFrame(values + 0.1 * rng.normal(size=4) + [shift, 0, 0, 0], columns=list("abcd"))


def days(rng: np.random.Generator, count: int = 30, **changed: Any) -> Prepared:
    return prepare(pd.concat([day(rng, **changed).assign(day=place) for place in range(count)]), batch="day")


def together(check: Check) -> bool | None:
    assert check.joint is not None
    return check.joint.drifted


def test_a_change_of_correlation_alone_alarms_once_and_a_second_one_again() -> None:
    rng = np.random.default_rng(0)
    monitor = Monitor(days(rng), checks_per_year=365)
    moved = [monitor.check(day(rng, rho=0.6)) for _ in range(3)]
    calm = [monitor.check(day(rng)) for _ in range(25)]
    again = [monitor.check(day(rng, rho=0.6)) for _ in range(2)]
    assert [check.alarm for check in (*moved, *again)] == [True, False, False, True, False]
    assert all(together(check) for check in (*moved, *again))
    assert not any(check.alarm for check in calm)
    assert calm[-1].drifted is False
    assert {column.verdict for check in moved for column in check.columns.values()} == {"stable"}
    said = "the columns have drifted together by their correlation; 0 of 4 columns drifted; measured against"
    assert moved[0].reason.startswith(said)
    assert moved[0].joint is not None
    assert moved[0].joint.named[0] == "a ~ b"


def test_evidence_finds_a_correlation_that_no_single_check_shows() -> None:
    rng = np.random.default_rng(0)
    monitor = Monitor(days(rng), checks_per_year=365)
    checks = [monitor.check(day(rng, rho=0.15)) for _ in range(25)]
    first = next(place for place, check in enumerate(checks) if check.alarm)
    assert first > 0
    assert sum(check.alarm for check in checks) == 1
    for check in checks[: first + 1]:
        assert check.joint is not None
        assert (check.joint.p_value or 0.0) > 0.1 / 365 / 2
        told = "reaches the floor 0.05, and the evidence of this and earlier checks" in check.joint.reason
        assert told is check.alarm


def test_stable_windows_seldom_drift_together() -> None:
    """A tenth of 24 false alarms in 365 checks is declared: of 0.8 in 120 four or more have a probability of 0.01."""
    found = 0
    for seed in range(2):
        rng = np.random.default_rng(seed)
        monitor = Monitor(days(rng, rho=0.5), checks_per_year=365, false_alarms_per_year=24)
        drifted = [together(monitor.check(day(rng, rho=0.5))) for _ in range(60)]
        found += sum(
            now is True and before is not True for before, now in zip([False, *drifted], drifted, strict=False)
        )
    assert found <= 3


def test_a_shift_of_a_column_is_no_joint_drift() -> None:
    rng = np.random.default_rng(2)
    monitor = Monitor(days(rng, rho=0.5), checks_per_year=365)
    checks = [monitor.check(day(rng, rho=0.5, shift=3.0)) for _ in range(5)]
    assert [(check.drifted, check.columns["a"].verdict, together(check)) for check in checks] == [
        (True, "drift", False)
    ] * 5
    assert checks[0].reason.startswith("1 of 4 columns drifted (a); measured against")


@pytest.mark.parametrize(
    "monitored",
    [
        lambda reference: Monitor(reference.profiles, 365),
        lambda reference: Monitor(prepare(reference.profiles), 365),
        lambda reference: Monitor(reference, 365, joint="none"),
    ],
)
def test_without_rows_or_without_the_test_all_false_alarms_are_for_the_columns(
    monitored: Callable[[Prepared], Monitor],
) -> None:
    """Rows and their profiles are the same to it then, and correlations nothing."""
    rng = np.random.default_rng(3)
    reference = days(rng)
    windows = [day(rng, rho=0.9, shift=shift) for shift in (0.0, 0.25, 0.25, 0.25, 3.0)]
    plain = Monitor(list(reference.profiles.values()), 365)
    expected = [plain.check(profile_table(window)) for window in windows]
    for made in (lambda rows: rows, profile_table):
        monitor = monitored(reference)
        assert [monitor.check(made(window)) for window in windows] == expected
    assert {check.joint for check in expected} == {None}
    # Beside a joint test they have nine tenths.
    shared = Monitor(reference, 365).check(windows[-1])
    for check, level in ((expected[-1], 0.5 / 365), (shared, 0.45 / 365)):
        assert check.columns["a"].reason.endswith(f"is at most {level:.2g}")


def test_a_window_of_profiles_is_unknown_together_and_keeps_what_was_known() -> None:
    rng = np.random.default_rng(4)
    reference, windows = days(rng), [day(rng, rho=0.2) for _ in range(20)]
    plain, interrupted = (Monitor(reference, checks_per_year=365) for _ in range(2))
    expected = [plain.check(window).joint for window in windows]
    found = []
    for window in windows:
        found.append(interrupted.check(window).joint)
        unknown = interrupted.check(profile_table(window))
        assert unknown.joint is not None
        assert (unknown.joint.drifted, unknown.joint.reason) == (None, "profiles do not keep the rows that it needs")
    assert found == expected
    assert any(joint is not None and "the evidence of this and earlier" in joint.reason for joint in expected)


def test_what_stays_unknown_together_is_forgotten() -> None:
    """An alarm is not held open by what nobody can see any more."""
    rng = np.random.default_rng(5)
    monitor = Monitor(days(rng), checks_per_year=365)
    moved = day(rng, rho=0.6)
    assert [monitor.check(window).alarm for window in (moved, profile_table(day(rng)), moved)] == [True, False, False]
    for _ in range(REMEMBERED + 1):
        monitor.check(profile_table(day(rng)))
    assert monitor.check(moved).alarm is True


@pytest.mark.parametrize(
    "given",
    [
        pl.from_pandas,
        lambda rows: pl.from_pandas(rows).lazy(),
        pa.table,
        lambda rows: pa.table(rows).to_reader(),
        lambda rows: rows.assign(day=99),
        lambda rows: pa.table(rows.assign(day=99)).to_reader(),
        prepare,
    ],
)
def test_a_window_is_whatever_compare_takes(given: Callable[[pd.DataFrame], Any]) -> None:
    rng = np.random.default_rng(6)
    reference, window = days(rng), day(rng, rho=0.6)
    assert Monitor(reference, 365).check(given(window)) == Monitor(reference, 365).check(window)


def test_a_window_of_several_batches_is_judged_by_each_of_them() -> None:
    rng = np.random.default_rng(7)
    reference, week = days(rng), [day(rng, rho=0.25).assign(day=100 + place) for place in range(7)]
    one, all_of_them = (Monitor(reference, 365).check(window) for window in (week[0], pd.concat(week)))
    assert [together(check) for check in (one, all_of_them)] == [False, True]
    assert one.joint is not None
    assert all_of_them.joint is not None
    assert (all_of_them.joint.p_value or 0.0) < 0.01 * (one.joint.p_value or 0.0)
    assert {column.verdict for column in all_of_them.columns.values()} == {"stable"}


def test_a_column_in_which_the_batches_of_a_window_do_not_agree_is_unknown() -> None:
    rng = np.random.default_rng(8)
    reference, today = days(rng), day(rng)
    texts = [profile_table(today), profile_table(today.assign(a="text"))]
    check = Monitor(reference, 365).check(texts)
    assert (check.drifted, check.columns["a"].verdict, check.columns["b"].verdict) == (False, "unknown", "stable")


def test_too_few_rows_and_too_few_columns_are_unknown() -> None:
    rng = np.random.default_rng(9)
    reference = days(rng)
    small = Monitor(reference, 365).check(day(rng, rows=20))
    assert (small.drifted, small.joint, small.reason) == (
        None,
        None,
        "the window has 20 rows, fewer than min_rows = 30",
    )
    single = Monitor(reference, 365).check(day(rng)[["a"]])
    assert single.joint is not None
    assert (single.joint.drifted, single.joint.reason) == (None, "it takes two numeric columns that vary")


@pytest.mark.parametrize(
    ("joint", "said"),
    [
        ("classifier", "joint must be 'correlation' or 'none' .got 'classifier'.: the dozens of fits of a classifier"),
        ("both", "joint must be 'correlation' or 'none' .got 'both'.$"),
        (None, "joint must be 'correlation' or 'none' .got None.$"),
    ],
)
def test_another_joint_test_is_refused(joint: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Monitor([], 365, joint=joint)


def test_a_window_that_cannot_be_read_is_refused_and_changes_nothing() -> None:
    rng = np.random.default_rng(10)
    reference, window = days(rng), day(rng, rho=0.2)
    monitor = Monitor(reference, 365)
    with pytest.raises(DataError, match=r"'day' must have a value in every row of the window \(1 have none"):
        monitor.check(window.assign(day=np.where(np.arange(250) < 1, np.nan, 1.0)))
    anything: Any = "today.parquet"
    with pytest.raises(TypeError, match="the window must be a pandas or Polars data frame"):
        monitor.check(anything)
    assert monitor.check(window) == Monitor(reference, 365).check(window)
