"""What no column shows by itself: changed correlations, and whatever a classifier can learn."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.drift import compare, prepare, rows
from retrain_assets.drift.classifier import judge_separability
from retrain_assets.drift.correlation import judge_correlations, past_correlations
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.stream_sample import rows_needed
from retrain_assets.drift.together import row_of


def days(count: int, *, rho: float = 0.0, wander: float = 0.0, rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Days of five columns of which the first two correlate by `rho`, each day by `wander` more or less."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(count * rows, 4)), columns=list("abcd"))
    each = np.repeat(np.clip(rho + wander * rng.normal(size=count), -0.95, 0.95), rows)
    frame["b"] = each * frame["a"] + np.sqrt(1 - each**2) * frame["b"]
    return frame.assign(k=rng.choice(list("xy"), count * rows), day=np.repeat(np.arange(count), rows))


def joint(reference: pd.DataFrame, current: pd.DataFrame, **options: Any) -> JointDrift:
    given: dict[str, Any] = {"batch": "day", **options}
    found = compare(reference, current, **given).joint
    assert found is not None
    return found


def test_a_changed_correlation_is_seen_where_no_column_has_moved() -> None:
    report = compare(days(15), days(1, rho=0.4, seed=1), batch="day")
    assert report.drifted is True
    assert not any(column.verdict == "drift" for column in report.columns.values())
    assert report.joint is not None
    assert report.joint.named[0] == "a ~ b"
    assert report.reason.startswith("the columns have drifted together by their correlation; 0 of 5 columns drifted; ")
    assert report.joint.reason.startswith("the correlation of a and b was ")


@pytest.mark.parametrize("batch", ["day", None])
def test_unchanged_correlations_seldom_alarm(batch: str | None) -> None:
    """At a tenth of alpha = 0.2; of 60 windows 1.2 alarms are expected, 6 or more have a probability of 0.002."""
    reference = days(15, rho=0.5)
    alarms = sum(
        bool(joint(reference, days(1, rho=0.5, seed=100 + seed), batch=batch, alpha=0.2).drifted) for seed in range(60)
    )
    assert alarms <= 5


def test_a_file_that_is_sorted_is_the_same_reference() -> None:
    """Blocks of sorted rows have hardly any correlation each, and the window has that of all rows."""
    reference, current = days(12, rho=0.5), days(4, rho=0.5, seed=1)
    for column in ("a", "day"):
        assert joint(reference.sort_values(column), current, batch=None, columns=["a", "b", "c"]).drifted is False
    assert joint(reference.sort_values("a"), days(4, rho=0.1, seed=1), batch=None, columns=["a", "b"]).drifted is True


@pytest.mark.parametrize("of", [pd.DataFrame, pa.table], ids=["pandas", "arrow"])
@pytest.mark.parametrize(
    ("hours", "min_rows", "sampled"), [(200, 30, (33, 30)), (200, 40, (25, 40)), (50, 10, (50, 20))]
)
def test_of_many_small_batches_some_are_taken_and_not_some_rows_of_each(
    of: Any, hours: int, min_rows: int, sampled: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only a thousand rows are looked at, two hundred hours of forty rows would leave five of each."""
    monkeypatch.setattr(rows, "MAX_ROWS", 1_000)
    reference = days(hours, rows=40).sample(frac=1, random_state=0, ignore_index=True)
    parts = rows.matrices_of(of(reference), ["a", "b"], "day", at_least=min_rows)
    assert parts is not None
    assert (len(parts), {len(part) for part in parts.values()}) == (sampled[0], {sampled[1]})
    for rho, drifted in ((0.0, False), (0.9, True)):
        found = joint(of(reference), of(days(1, rho=rho, rows=400, seed=1)), min_rows=min_rows)
        assert found.drifted is drifted, found


def test_correlations_that_wander_between_days_are_no_drift() -> None:
    reference = days(20, wander=0.3, seed=3)
    wanders = [joint(reference, days(1, rho=0.3, seed=seed)) for seed in range(5)]
    assert not any(found.drifted for found in wanders)
    assert joint(days(20, seed=3), days(1, rho=0.3)).drifted is True


def test_a_small_change_of_a_correlation_is_below_its_floor() -> None:
    many = days(10, rows=20_000), days(1, rows=20_000, rho=0.06, seed=1)
    assert joint(*many, correlation_floor=0.1).drifted is False
    assert joint(*many, correlation_floor=0.01).drifted is True


@pytest.mark.parametrize("of", [pd.DataFrame, pa.table], ids=["pandas", "arrow"])
def test_as_many_independent_rows_are_looked_at_as_a_change_by_the_floor_takes(of: Any) -> None:
    """So that it is seen; of twice the rows every second one, wherever it stands."""
    needed = rows_needed(0.2, 30)
    assert 3_000 < needed < 4_000
    before, after = days(1, rows=2 * needed), [days(1, rows=2 * needed, rho=0.2, seed=1 + seed) for seed in range(8)]
    parts = rows.matrices_of(of(before), list("abcd"), None, unbatched=needed)
    assert parts is not None
    assert (len(parts[""]), abs(before["a"].mean() - parts[""][:, 0].mean()) < 0.05) == (needed, True)
    found = [joint(of(before), of(each), batch=None, correlation_floor=0.2) for each in after]
    assert all(each.p_value is not None and each.p_value <= 0.005 for each in found), found


@pytest.mark.parametrize(
    ("settings", "drifted"),
    [({"correlation_floor": 0.5}, True), ({"correlation_floor": 2.0}, False), ({"min_rows": 3_000}, True)],
)
@pytest.mark.parametrize("of", [pa.table, lambda frame: pa.table(frame).to_reader()], ids=["table", "stream"])
def test_whatever_floor_and_rows_are_declared_there_are_blocks_to_judge_by(
    of: Any, settings: dict[str, Any], drifted: bool
) -> None:
    before, after = (pa.table(days(1, rows=60_000, rho=rho, seed=place)) for place, rho in enumerate((0.0, 0.9)))
    found = joint(of(before), of(after), batch=None, columns=["a", "b"], **settings)
    assert (found.drifted, found.p_value is not None) == (drifted, True), found


def test_no_row_is_drawn_twice() -> None:
    for count in (101, 150, 199, 200, 1_000):
        places = rows.drawn_places(count, 100, np.random.default_rng(0))
        assert (len(np.unique(places)), places.max() < count, np.all(np.diff(places) > 0)) == (100, True, True)


def test_rows_that_come_in_turns_are_judged_by_all_of_them() -> None:
    """Every twentieth comes from a machine that is dead: its zeros say nothing of where the others lie."""

    def turns(rho: float, seed: int) -> pd.DataFrame:
        made = days(20, rows=5_000, rho=rho, seed=seed)
        made[["a", "b"]] += 50
        made.loc[np.arange(len(made)) % 20 == 0, ["a", "b"]] = 0.0
        return made

    found = joint(turns(0.2, 1), turns(0.7, 2), columns=["a", "b"])
    assert found.drifted is True, found


def test_single_far_rows_do_not_make_a_correlation() -> None:
    current = days(1, seed=1)
    current.loc[:1, ["a", "b"]] = 1e6
    assert joint(days(15), current).drifted is False


def _without(frame: pd.DataFrame, value: float) -> pd.DataFrame:
    return frame.assign(a=frame["a"].mask(np.random.default_rng(0).random(len(frame)) < 0.3, value))


@pytest.mark.parametrize("batch", ["day", None])
@pytest.mark.parametrize(
    "change",
    [
        lambda now: now.assign(a=now["a"] + 3 * now["a"].std()),
        lambda now: now.assign(a=now["a"] * 10),
        lambda now: now.assign(a=now["a"] * 5, b=now["b"] * 5),
        lambda now: _without(now, np.nan),
        lambda now: _without(now, np.inf),
        lambda now: now.assign(a=np.nan),
    ],
    ids=["shift", "scale", "both", "missing", "infinite", "gone"],
)
def test_a_column_that_moves_as_a_whole_or_has_gaps_hangs_together_with_the_others_as_before(
    change: Callable[[pd.DataFrame], pd.DataFrame], batch: str | None
) -> None:
    reference, current = days(20, rho=0.8, rows=1_000), days(1, rho=0.8, rows=4_000, seed=1)
    found = joint(reference, change(current), columns=["a", "b", "c"], batch=batch)
    assert found.drifted is False, found
    back = joint(change(reference), current, columns=["a", "b", "c"], batch=batch)
    assert back.drifted is False, back


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_changed_correlation_is_seen_behind_shift_scale_and_gaps(value: float) -> None:
    moved = _without(days(1, rho=0.5, rows=4_000, seed=1), value)
    moved = moved.assign(a=moved["a"] * 10, b=moved["b"] + 5)
    found = joint(days(20, rho=0.8, rows=1_000), moved, columns=["a", "b", "c"])
    assert (found.drifted, found.named[0]) == (True, "a ~ b")
    assert found.reason.startswith("the correlation of a and b was +0.80 and is +0.49")


def test_a_correlation_just_below_zero_is_not_written_as_minus_nothing() -> None:
    found = joint(days(15, seed=6), days(1, rho=0.4, seed=7))
    assert found.reason.startswith("the correlation of a and b was +0.00 and is +0.44")


def test_a_column_without_values_has_no_correlation() -> None:
    reference, current = days(8), days(1, seed=1).assign(a=np.nan)
    found = joint(reference, current, columns=["a", "b"])
    assert found.drifted is None
    assert found.reason == "no two columns vary and have 30 rows with both values on both sides"
    assert joint(reference, current, columns=["a", "b", "c"]).reason.endswith("; of a too little is known")


def test_what_is_not_there_every_day_is_judged_by_the_days_that_have_it() -> None:
    """A column of workdays; one that fewer than half of the days know says nothing."""
    reference, current = days(21, rho=0.7), days(1, rho=0.2, seed=1)
    for kept, seen in ((5, True), (3, False)):
        gaps = reference.assign(a=reference["a"].where(reference["day"] % 7 < kept))
        found = joint(gaps, current, columns=["a", "b", "c"])
        assert (found.drifted, "of a too little is known" in found.reason) == (seen, not seen), found


def test_a_column_of_mostly_zeros_has_the_scale_of_its_others() -> None:
    def sparse(rho: float, seed: int, unit: float) -> pd.DataFrame:
        made = days(10 if seed == 0 else 1, rho=rho, seed=seed, rows=1_000)
        return made.assign(a=np.where(made["a"] > 1.2, made["a"] * unit, 0.0))

    assert joint(sparse(0.8, 0, 1.0), sparse(0.8, 1, 1_000.0), columns=["a", "b"]).drifted is False
    assert joint(sparse(0.8, 0, 1.0), sparse(0.2, 1, 1.0), columns=["a", "b"]).drifted is True


@pytest.mark.parametrize("method", ["correlation", "classifier"])
def test_what_cannot_be_told_is_unknown(method: Literal["correlation", "classifier"]) -> None:
    few = joint(days(1, rows=150), days(1, rows=150, seed=1), joint=method, min_rows=100)
    assert few.drifted is None
    assert few.reason == (
        "the reference has 150 rows, and it takes 2,000 where rows are taken for independent: 20 blocks of 100 rows"
    )
    single = compare(
        pd.DataFrame({"x": ["a", "b"] * 50}), pd.DataFrame({"x": ["a", "b"] * 50}), joint="correlation"
    ).joint
    assert single is not None
    assert single.reason == "it takes two numeric columns that vary"


@pytest.mark.parametrize("method", ["correlation", "classifier"])
def test_rows_of_batches_that_are_too_small_count_together(method: Literal["correlation", "classifier"]) -> None:
    found = joint(days(300, rows=20), days(1, rows=1_000, rho=0.95, seed=1), joint=method)
    assert found.drifted is True, found


def test_names_of_columns_are_quoted_where_a_reader_would_obey_them() -> None:
    name = "a" + chr(27) + "[31m"
    reference, current = (days(12, rho=rho).rename(columns={"a": name}) for rho in (0.0, 0.9))
    found = joint(reference, current)
    assert found.reason.startswith("the correlation of 'a\\x1b[31m' and b was ")
    assert found.named[0] == f"{name} ~ b"
    assert row_of(found, Settings()).after.startswith("'a\\x1b[31m ~ b', ")


def test_a_classifier_names_the_columns_that_tell_the_windows_apart() -> None:
    """An interaction without any correlation: the product of two signs."""
    reference, current = days(12, rows=600), days(1, rows=600, seed=1)
    current["b"] = current["b"].abs() * np.sign(current["a"] * current["c"])
    found = joint(reference, current, joint="classifier")
    assert found.drifted is True
    assert set(found.named[:3]) == {"a", "b", "c"}
    assert found.score is not None
    assert found.score > 0.6


def test_a_classifier_sees_nothing_in_another_day_of_the_same() -> None:
    reference = days(10, rho=0.5, wander=0.2)
    found = joint(reference, days(1, rho=0.5, wander=0.2, seed=7), joint="classifier")
    assert found.drifted is False
    assert found.reason.startswith("a classifier tells the windows apart with an area of 0.")
    assert joint(reference, days(1, rho=0.5, seed=7), joint="classifier", seed=1) == joint(
        reference, days(1, rho=0.5, seed=7), joint="classifier", seed=1
    )


def test_a_classifier_copes_with_columns_that_have_no_value_or_a_single_one() -> None:
    reference, current = (each.assign(z=np.nan, same=0.0) for each in (days(6, rows=60), days(1, rows=60, seed=1)))
    # Values so rare that no sampled row need have one.
    rare = np.where(np.arange(len(reference)) < 2, [1.0, 2.0] * (len(reference) // 2), np.nan)
    moved = current.assign(same=5.0, rare=np.nan)
    found = joint(reference.assign(rare=rare), moved, joint="classifier")
    assert (found.drifted, found.named[0]) == (True, "same")
    assert not {"z", "rare"} & set(found.named)
    nothing = joint(reference, current, joint="classifier", columns=["z"])
    assert (nothing.drifted, nothing.score) == (False, 0.5)


def test_the_first_classifier_of_a_process_runs_in_one_thread_too() -> None:
    """In a fresh process: a limit that was set before OpenMP is loaded binds nothing."""
    code = """
import numpy as np, pandas as pd
from threadpoolctl import threadpool_info
from retrain_assets.drift import classifier, compare

def area(window, others, size, rng, *, wanted=False):
    threads.append(max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"))
    return 0.5, np.zeros(window[0].shape[1])

threads, classifier.area = [], area
frame = pd.DataFrame({"day": np.repeat(np.arange(9), 50), "x": np.random.default_rng(0).normal(size=450)})
compare(frame[frame["day"] < 8], frame[frame["day"] == 8], batch="day", joint="classifier")
print(set(threads))
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "4"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "{1}"


def test_a_prepared_reference_takes_its_correlations_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reference, taken = days(15), []

    def counted(*given: Any, **options: Any) -> Any:
        taken.append(given)
        return past_correlations(*given, **options)

    monkeypatch.setattr("retrain_assets.drift.correlation.past_correlations", counted)
    prepared = prepare(reference, batch="day")
    windows = [days(1, seed=seed).drop(columns="day") for seed in (1, 2, 3)]
    found = [compare(prepared, window).joint for window in windows]
    assert len(taken) == 1
    assert found == [compare(prepare(reference, batch="day"), window).joint for window in windows]
    # Of other columns, or of rows taken for independent, they are others.
    compare(prepared, windows[0].drop(columns="d"))
    compare(prepared, windows[0], significance="rows")
    assert len(taken) == 6


@pytest.mark.parametrize("independent", [True, False])
def test_a_side_without_any_batch_is_unknown(independent: bool) -> None:
    """Profiles are kept longer than the rows that a joint test is made on."""
    some = {str(place): np.random.default_rng(place).normal(size=(100, 2)) for place in range(8)}
    names, settings = ["a", "b"], Settings()
    for before, after in (({}, some), (some, {}), ({}, {})):
        past = past_correlations(names, before, settings, independent=independent)
        correlated = judge_correlations(names, past, after, settings, alpha=0.05)
        separated = judge_separability(names, before, after, settings, alpha=0.05, independent=independent, seed=0)
        assert (correlated.drifted, separated.drifted) == (None, None)
