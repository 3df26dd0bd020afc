"""`compare` as a library of its own: one line in, a report out; bad input gives a reason or a clear error."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.data.profile import TableProfile, merge_tables, profile_table
from retrain_assets.drift import Monitor, compare, prepare
from retrain_assets.drift.comparison import Comparison
from retrain_assets.drift.distances import DISTANCES, measuring
from retrain_assets.drift.distances.total_variation import TotalVariation
from retrain_assets.errors import DataError


def days(count: int, *, rows: int = 400, first: int = 0, seed: int = 0, unlike: float = 0.0) -> pd.DataFrame:
    """Days of four columns; `unlike` is the deviation of the days' means."""
    rng = np.random.default_rng(seed)
    total = count * rows
    level = np.repeat(rng.normal(0, unlike, count), rows) if unlike else 0.0
    return pd.DataFrame(
        {
            "day": np.repeat(np.arange(first, first + count), rows),
            "a": rng.normal(size=total) + level,
            "b": rng.lognormal(size=total) * np.exp(level),
            "c": rng.choice(list("xyz"), total, p=[0.5, 0.3, 0.2]),
            "d": np.where(rng.random(total) < 0.1, np.nan, rng.poisson(4, total)),
        }
    )


REFERENCE = days(15)
CURRENT = days(1, first=15, seed=1)


def test_one_line_gives_a_report() -> None:
    report = compare(REFERENCE, CURRENT.assign(a=CURRENT["a"] + 1), batch="day")
    assert isinstance(report, Comparison)
    assert report.drifted is True
    assert report.reason == (
        "1 of 4 columns drifted (a); measured against how much 15 reference batches differ from each other"
    )
    column = report.columns["a"]
    assert (column.verdict, column.aspect) == ("drift", "location")
    assert set(column.scores) == set(DISTANCES)
    assert column.scores["wasserstein"] == pytest.approx(1, abs=0.2)
    assert report.columns["c"].verdict == "stable"
    assert "day" not in report.columns
    assert report.joint is not None
    assert report.joint.drifted is False


def test_a_stable_window_has_not_drifted() -> None:
    report = compare(REFERENCE, CURRENT, batch="day")
    assert report.drifted is False
    assert repr(report).startswith("no drift: 0 of 4 columns drifted; measured against")


@pytest.mark.parametrize(
    ("changed", "column", "aspect"),
    [
        (lambda rows: rows.assign(a=rows["a"] * 1.6), "a", "spread"),
        (
            lambda rows: rows.assign(a=np.where(rows.index % 2, rows["a"].abs() ** 0.5, -(rows["a"].abs() ** 0.5))),
            "a",
            "shape",
        ),
        (lambda rows: rows.assign(a=rows["a"].where(rows.index % 10 > 0)), "a", "missing"),
        (lambda rows: rows.assign(a=rows["a"].where(rows.index % 10 > 0, 1e6)), "a", "novel"),
        (lambda rows: rows.assign(c=rows["c"].where(rows.index % 4 > 0, "z")), "c", "shape"),
        (lambda rows: rows.assign(c=rows["c"].where(rows.index % 10 > 0, "new")), "c", "novel"),
    ],
)
def test_each_aspect_of_a_column_is_seen(changed, column: str, aspect: str) -> None:
    report = compare(REFERENCE, changed(CURRENT), batch="day")
    assert report.drifted is True
    assert [c.name for c in report.ranked if c.verdict == "drift"] == [column]
    assert report.columns[column].aspect == aspect


def test_days_that_differ_mildly_are_drift_for_a_textbook_and_not_for_batches() -> None:
    reference = days(20, unlike=0.2, seed=3)
    windows = [days(1, unlike=0.2, first=20, seed=seed) for seed in range(4, 28)]
    assert sum(compare(reference, each, batch="day", significance="rows").drifted is True for each in windows) >= 12
    # Of a rate of .05 four or more of 24 have a probability of .03.
    assert sum(compare(reference, each, batch="day").drifted is True for each in windows) <= 3


def test_what_could_not_be_compared_is_named_beside_the_verdict() -> None:
    report = compare(REFERENCE, CURRENT.assign(a=CURRENT["a"].astype(str), new=1), batch="day")
    assert report.drifted is False
    assert "columns drifted; 2 could not be compared (a, new); measured against" in report.reason
    assert "\n? a " in repr(report)
    assert "the column was numeric and is categorical now" in repr(report)


def test_numbers_without_order_are_refused_and_those_without_a_mean_are_told_by_their_range() -> None:
    numbers = pd.DataFrame({"x": np.random.default_rng(0).normal(size=100)})
    with pytest.raises(DataError, match="column 'x' holds complex numbers, which have no order"):
        compare(numbers + 1j, numbers + 1j)
    report = compare(numbers.clip(-1, 1) * 1.7e308, numbers.clip(-1, 1) * 1.7e308)
    assert "nan" not in repr(report)
    assert report.columns["x"].before.startswith("mean ")
    older = profile_table(numbers.clip(-1, 1) * 1.7e308).to_record()
    older["columns"][0] |= {"mean": np.inf, "m2": np.inf, "format": 3}
    of_older = compare(TableProfile.from_record(older), numbers)
    assert of_older.columns["x"].before == "from -1.7e+308 to 1.7e+308"
    assert of_older.to_record()["columns"][0]["measures"]["before"]["mean"] is None, "as in its JSON"
    assert of_older.to_record() == json.loads(of_older.to_json())
    with pytest.raises(ValueError, match="the importance of 'x' must be a number >= 0 and finite"):
        compare(numbers, numbers, importance={"x": float("inf")})


def test_batches_that_are_too_small_ask_for_coarser_ones() -> None:
    small = REFERENCE.assign(day=np.arange(len(REFERENCE)) // 20)
    report = compare(small, CURRENT.assign(day=-1), batch="day", joint="none")
    assert report.basis is not None
    assert report.basis.sentence == (
        f"rows are taken for independent: 0 reference batches of at least 30 rows ({len(REFERENCE) // 20} are smaller: "
        "coarser batches, as days for hours, have more rows), and it takes 5 to tell how much batches differ"
    )


def test_a_report_is_asked_for_its_verdict() -> None:
    report = compare(REFERENCE, CURRENT, batch="day", joint="none")
    with pytest.raises(TypeError, match=r"neither true nor false: ask \.drifted"):
        bool(report)


@pytest.mark.parametrize("to", [pd.DataFrame, pa.table, lambda rows: pa.table(rows).to_reader()])
@pytest.mark.parametrize("joint", ["none", "correlation"])
def test_a_window_without_the_batch_column_is_refused_with_what_takes_it(to, joint: Any) -> None:
    alone = CURRENT.drop(columns="day")
    said = r"'day' must be in the current window, .*: compare\(prepare\(reference, batch='day'\), current\)\.$"
    with pytest.raises(DataError, match=said):
        compare(to(REFERENCE), to(alone), batch="day", joint=joint)
    report = compare(prepare(to(REFERENCE), batch="day"), to(alone), joint=joint)
    assert report.reason == compare(to(REFERENCE), to(CURRENT), batch="day", joint=joint).reason


def test_without_batches_the_report_says_that_rows_were_taken_for_independent() -> None:
    report = compare(REFERENCE.drop(columns="day"), CURRENT.drop(columns="day"))
    assert report.drifted is False
    assert report.basis is not None
    assert report.basis.significance == "rows"
    assert "rows are taken for independent: 1 reference batch" in report.reason
    assert "(batch= names the column that says which rows came together" in report.reason
    assert report.basis.sentence in report.reason
    declared = compare(REFERENCE.drop(columns="day"), CURRENT.drop(columns="day"), significance="rows")
    few = compare(REFERENCE[REFERENCE["day"] < 3], CURRENT, batch="day")
    assert "batch=" not in declared.reason + few.reason


def test_pandas_arrow_and_profiles_say_the_same() -> None:
    moved = CURRENT.assign(a=CURRENT["a"] + 0.5)
    by_rows = compare(REFERENCE, moved, batch="day")
    by_arrow = compare(pa.table(REFERENCE), pa.table(moved), batch="day")
    stream = compare(
        pa.table(REFERENCE).to_reader(max_chunksize=777), pa.table(moved).to_reader(max_chunksize=333), batch="day"
    )
    profiles = [profile_table(rows.drop(columns="day")) for _, rows in REFERENCE.groupby("day")]
    by_profiles = compare(profiles, profile_table(moved.drop(columns="day")))
    for report in (by_arrow, stream, by_profiles):
        for name, column in by_rows.columns.items():
            assert report.columns[name].verdict == column.verdict
            assert report.columns[name].score == pytest.approx(column.score)
            assert report.columns[name].p_value == pytest.approx(column.p_value, rel=1e-6)
    assert by_arrow.joint == stream.joint == by_rows.joint
    assert by_profiles.joint is not None
    assert (by_profiles.joint.drifted, by_profiles.joint.p_value) == (None, None)


def test_merged_profiles_are_compared_by_textbook() -> None:
    profiles = [profile_table(rows.drop(columns="day")) for _, rows in REFERENCE.groupby("day")]
    report = compare(merge_tables(profiles), profile_table(CURRENT.drop(columns="day")))
    assert report.drifted is False
    assert report.basis is not None
    assert report.basis.significance == "rows"


def test_a_polars_frame_is_read_by_its_arrow_stream() -> None:
    class Polars:
        """All that is known of another library's frame is its protocol."""

        def __init__(self, frame: pd.DataFrame) -> None:
            self.columns = list(frame.columns)
            self._table = pa.table(frame)

        def __arrow_c_stream__(self, requested_schema=None):
            return self._table.__arrow_c_stream__(requested_schema)

    assert (
        compare(Polars(REFERENCE), Polars(CURRENT), batch="day").to_json()
        == compare(pa.table(REFERENCE), pa.table(CURRENT), batch="day").to_json()
    )


def test_the_order_of_rows_does_not_matter() -> None:
    shuffled = REFERENCE.sample(frac=1, random_state=2)
    one, other = (compare(side, CURRENT, batch="day", joint="none") for side in (REFERENCE, shuffled))
    for name, column in one.columns.items():
        assert (other.columns[name].verdict, other.columns[name].score) == (column.verdict, column.score)
        assert other.columns[name].p_value == pytest.approx(column.p_value)
    assert compare(pa.table(shuffled), pa.table(CURRENT), batch="day").drifted is False


def test_importance_leads_the_report_with_what_can_hurt() -> None:
    moved = CURRENT.assign(a=CURRENT["a"] + 2, c="x")
    assert [column.name for column in compare(REFERENCE, moved, batch="day").ranked[:2]] == ["a", "c"]
    weighted = compare(REFERENCE, moved, batch="day", importance={"a": 0.01, "c": 0.9})
    assert [column.name for column in weighted.ranked[:2]] == ["c", "a"]
    assert (weighted.columns["c"].importance, weighted.columns["b"].importance) == (0.9, 0.0)
    named = compare(REFERENCE, moved, batch="day", importance={"c": 1.0}).ranked
    assert [column.name for column in named[:2]] == ["c", "a"]
    assert "(c, a)" in weighted.reason
    with pytest.raises(ValueError, match="importance of 'a' must be a number >= 0"):
        compare(REFERENCE, moved, batch="day", importance={"a": -1.0})


def test_json_is_strict_and_whole() -> None:
    report = compare(REFERENCE, CURRENT.assign(a=np.inf), batch="day")
    record = json.loads(report.to_json())
    assert record["drifted"] is True
    assert {column["name"] for column in record["columns"]} == {"a", "b", "c", "d"}
    shape = next(column["shape"] for column in record["columns"] if column["name"] == "c")
    assert shape["cells"] == ["x", "y", "z", "all others", "unseen", "missing"]
    assert sum(shape["before"]) == pytest.approx(1)
    assert record["settings"]["distance"] == "jensen_shannon"


def test_the_figure_is_an_svg_with_a_panel_for_each_drifted_column() -> None:
    moved = CURRENT.assign(a=CURRENT["a"] + 2, c="<new> & \x00")
    figure = compare(REFERENCE, moved, batch="day").figure()
    root = ET.fromstring(figure._repr_svg_())
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a", "c"} <= set(texts)
    assert "b" not in texts
    assert str(compare(REFERENCE, CURRENT.iloc[:0], batch="day").figure()).startswith("<svg")


@pytest.mark.parametrize(("columns", "told"), [(12, None), (13, "and 1 more"), (60, "and 48 more")])
def test_a_figure_says_how_many_drifted_columns_it_does_not_draw(columns: int, told: str | None) -> None:
    before = pd.DataFrame(np.random.default_rng(0).normal(size=(500, columns))).rename(columns=str)
    report = compare(before, before + 3)
    texts = _texts(str(report.figure()))
    assert sum(text.startswith("mean ") for text in texts) == 12
    assert [text for text in texts if text.endswith(" more")] == ([] if told is None else [told])
    assert told is None or told in repr(report)


@pytest.mark.parametrize(
    ("low", "width", "step"),
    [
        (1_000_000, 100, 50),
        (1_700_000_000, 86_400, 40_000),
        (1_700_000_000_000, 86_400_000, 40_000_000),
        (20_240_101, 30, 15),
        (-1_000_000, 100, 50),
        (0.5, 1e-6, 5e-7),
        (1e300, 1e290, 5e289),
    ],
)
def test_where_the_range_has_changed_its_ends_are_told_apart(low: float, width: float, step: float) -> None:
    before = pd.DataFrame({"x": np.append(low + width * np.random.default_rng(0).random(998), [low, low + width])})
    found = compare(before, before.iloc[-300:] + step).columns["x"]
    assert (found.verdict, found.aspect) == ("drift", "novel")
    sides = [side.rpartition(", from ")[2].split(" to ") for side in (found.before, found.after)]
    ends = [float(end) for side in sides for end in side]
    assert len(set(ends)) == 4
    exact = [low, low + width, before["x"].iloc[-300:].min() + step, low + width + step]
    assert ends == pytest.approx(exact, rel=0, abs=width / 10)
    assert "e+" not in "".join(map(str, sides)) or low > 1e15


@pytest.mark.parametrize(
    ("change", "named"),
    [(np.inf, "infinite"), (np.nan, "missing"), (99.0, "above")],
    ids=["infinite", "missing", "far"],
)
def test_of_many_cells_a_figure_names_the_one_that_has_changed_most(change: float, named: str) -> None:
    """Its neighbour's name alone would be taken for its own."""
    rng = np.random.default_rng(3)
    before, after = (pd.DataFrame({"x": rng.normal(size=500)}) for _ in range(2))
    texts = _texts(str(compare(before, after.mask(after["x"] > 0.5, change)).figure()))
    assert [any(text.startswith(cell) for text in texts) for cell in ("infinite", "missing", "above")] == [
        cell == named for cell in ("infinite", "missing", "above")
    ], texts


def test_a_figure_has_the_reasons_in_full_and_the_names_of_few_categories() -> None:
    report = compare(REFERENCE, CURRENT.assign(a=CURRENT["a"] + 2, c="new"), batch="day")
    texts = [text.text or "" for text in ET.fromstring(str(report.figure())).iter("{http://www.w3.org/2000/svg}text")]
    assert {"x", "y", "z", "all others", "unseen", "missing", report.columns["a"].reason} <= set(texts)
    assert report.reason in " ".join(texts)


def test_the_library_loads_neither_dagster_nor_mlflow() -> None:
    code = (
        "import sys; from retrain_assets.drift import compare; import pandas as pd; "
        "r = compare(pd.DataFrame({'x': range(100)}), pd.DataFrame({'x': range(100)})); r.figure(); r.to_json(); "
        "assert r.drifted is False; "
        "print([m for m in ('dagster', 'mlflow', 'matplotlib', 'sklearn', 'deltalake') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(columns)


ANYTHING: list[Any] = [[1, 2], 7, "foo", 10.5, "0.1", None, pa.chunked_array([[1]]), pd.Series({"a": 1.0})]
PROFILES = [profile_table(REFERENCE[["a"]])]
ROWS = np.arange(200)
NOISE = np.random.default_rng(0).normal(size=200)
DAY = np.arange("2020-01-01", "2020-07-19", dtype="datetime64[D]")


def test_of_a_column_in_which_nothing_varies_the_reason_says_no_more_than_that() -> None:
    """Its distance is what the smoothing makes of two numbers of rows."""

    def rows(count: int) -> pd.DataFrame:
        return frame(
            nothing=[None] * count, one=[1.5] * count, word=["a"] * count, yes=[True] * count,
            some=[None, 1.5] * (count // 2), two=["a", "b"] * (count // 2),
        )  # fmt: skip

    report = compare(rows(2_000), rows(50))
    reasons = {name: column.reason for name, column in report.columns.items()}
    assert {column.verdict for column in report.columns.values()} == {"stable"}
    assert reasons["nothing"] == "neither side has a value in any row"
    assert {reasons[name] for name in ("one", "word", "yes")} == {"both sides have the same single value in every row"}
    assert "distance" in reasons["some"]
    assert "distance" in reasons["two"]


def test_among_a_million_categories_one_that_becomes_frequent_is_found() -> None:
    labels = np.array([f"id{place}" for place in range(2_000_000)], dtype=object)
    reference, current = frame(x=labels[:1_000_000]), frame(x=labels[1_000_000:])
    assert compare(reference, current, joint="none").drifted is False
    frequent = np.where(np.arange(1_000_000) % 50 > 0, current["x"], "one of them")
    report = compare(reference, frame(x=frequent), joint="none", effect_floor=0.0)
    assert report.drifted is True
    assert "one of them" in report.columns["x"].after


def test_of_values_that_were_cut_to_the_same_label_nobody_says_that_they_are_the_same() -> None:
    report = compare(*(frame(x=["a" * 100 + end] * 200) for end in "bc"))
    assert "distance" in report.columns["x"].reason


@pytest.mark.parametrize(
    ("reference", "current", "drifted", "said"),
    [
        (frame(x=np.ones(200)), frame(x=np.ones(200)), False, ""),
        (frame(x=np.ones(200)), frame(x=np.full(200, 2.0)), True, ""),
        (frame(x=[None] * 200), frame(x=[None] * 200), False, ""),
        (frame(x=[None] * 200), frame(x=NOISE), True, ""),
        (frame(x=NOISE), frame(x=np.full(200, np.nan)), True, ""),
        (frame(x=NOISE[:1]), frame(x=NOISE), None, "the reference has 1 row, fewer than min_rows = 30"),
        (frame(x=NOISE), frame(x=NOISE[:1]), None, "the current window has 1 row, fewer than min_rows = 30"),
        (frame(x=NOISE[:0]), frame(x=NOISE), None, "the reference has 0 rows"),
        (frame(x=NOISE), frame(x=NOISE[:0]), None, "the current window has 0 rows"),
        (frame(), frame(), None, "the reference has 0 rows"),
        (frame(x=[f"id{i}" for i in range(50_000)]), frame(x=[f"id{i}" for i in range(50_000, 100_000)]), False, ""),
        (frame(x=np.where(ROWS % 5, NOISE, np.inf)), frame(x=np.where(ROWS % 5, NOISE, -np.inf)), True, ""),
        (frame(x=np.where(ROWS % 5, NOISE, np.inf)), frame(x=np.where(ROWS % 5, NOISE, np.inf)), False, ""),
        (frame(x=np.full(200, np.inf)), frame(x=np.full(200, -np.inf)), True, ""),
        (frame(x=np.where(ROWS % 5, NOISE, np.nan)), frame(x=np.where(ROWS % 5, NOISE, np.inf)), True, ""),
        (frame(x=NOISE), frame(x=np.full(200, np.inf)), True, ""),
        (frame(x=[1, "a", 2.5, None] * 50), frame(x=[1, "a", 2.5, None] * 50), False, ""),
        (frame(x=NOISE), frame(y=NOISE), True, "1 of 1 column drifted (x)"),
        (frame(x=NOISE, y=NOISE), frame(x=NOISE, z=NOISE), True, "(y)"),
        (frame(x=ROWS), frame(x=ROWS.astype(float)), False, ""),
        (frame(x=[2**63 + i for i in range(200)]), frame(x=[2**64 + i for i in range(200)]), True, ""),
        (frame(x=[10**30 + i for i in range(200)]), frame(x=[10**30 + i for i in range(200)]), None, "are 1e+30 as"),
        (frame(x=NOISE), frame(x=["a"] * 200), None, "no column could be compared (x: the column was numeric and is"),
        (frame(t=DAY), frame(t=DAY), None, "there is none but times (t), which are compared where they are named"),
        (frame(t=DAY, x=NOISE), frame(t=["1.1.2020"] * 200, x=NOISE), False, "1 could not be compared (t)"),
        (frame(t=DAY, x=NOISE), frame(t=[None] * 200, x=NOISE), False, "0 of 1 column drifted"),
        (frame(x=NOISE * 1e300), frame(x=NOISE * 1e300), False, ""),
        (frame(x=NOISE * 1e-300), frame(x=NOISE * 1e-300), False, ""),
        (frame(x=["a"] * 200), frame(x=["a"] * 199 + ["b" * 10_000]), False, ""),
        (frame(x=[True, False] * 100), frame(x=["True", "False"] * 100), False, ""),
        (frame(**{"": NOISE}), frame(**{"": NOISE}), False, ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("batches", [1, 10])
def test_bad_input_has_a_result_with_its_reason(
    reference: pd.DataFrame, current: pd.DataFrame, drifted: bool | None, said: str, batches: int
) -> None:
    if batches == 1:
        report = compare(reference, current)
    else:
        many = pd.concat([reference] * batches).assign(batch=np.repeat(np.arange(batches), len(reference)))
        report = compare(many, current.assign(batch=99), batch="batch")
        if drifted is None and "reference has 1" in said:
            said = "the reference has 10 rows"
    assert report.drifted is drifted, report
    assert said in report.reason
    for column in report.columns.values():
        assert column.reason
        assert column.score is None or (column.score >= 0 and not np.isnan(column.score))
        assert column.p_value is None or 0 <= column.p_value <= 1
    json.loads(report.to_json())
    assert repr(report)
    assert str(report.figure())


def test_time_zones_are_one_clock() -> None:
    utc = pd.date_range("2013-01-01", periods=300, freq="h", tz="UTC")
    same = compare(frame(t=utc), frame(t=utc.tz_convert("Asia/Tokyo")), columns=["t"])
    assert same.drifted is False
    assert same.columns["t"].score == 0
    assert compare(frame(t=utc), frame(t=utc + pd.Timedelta(days=90)), columns=["t"]).drifted is True
    arrow = compare(pa.table({"t": pa.array(utc)}), frame(t=utc.tz_localize(None)), columns=["t"])
    assert arrow.columns["t"].score == 0
    assert compare(frame(t=utc, x=range(300)), frame(t=utc, x=range(300))).columns.keys() == {"x"}


def test_reference_batches_that_do_not_agree_about_a_type_are_unknown() -> None:
    batches = [profile_table(frame(x=NOISE)), profile_table(frame(x=["a"] * 200))]
    unknown = compare(batches, profile_table(frame(x=NOISE)))
    assert unknown.drifted is None
    assert "the reference batches do not agree" in unknown.columns["x"].reason


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: compare(REFERENCE.set_index("day"), CURRENT, batch="day"), DataError, r"call reset_index\('day'\)"),
        (
            lambda: compare(REFERENCE, CURRENT, batch="week"),
            DataError,
            "the batch column 'week' must be in the reference",
        ),
        (
            lambda: compare(REFERENCE.assign(day=None), CURRENT, batch="day"),
            DataError,
            "must have a value in every row of the reference",
        ),
        (lambda: compare(pa.table(REFERENCE), pa.table(CURRENT), batch="week"), DataError, "the batch column 'week'"),
        (
            lambda: compare(REFERENCE, CURRENT, batch="dya"),
            DataError,
            "where rows that came together have the same value .it has no such column.. Did you mean 'day'",
        ),
        (lambda: compare(ANYTHING[0], CURRENT), TypeError, "the batches of the reference must be TableProfile"),
        (lambda: compare(ANYTHING[1], CURRENT), TypeError, "reference must be a pandas or Polars data frame"),
        (lambda: compare(ANYTHING[6], CURRENT), TypeError, "reference must be a .* by batch .got ChunkedArray"),
        (lambda: compare(REFERENCE, CURRENT, alpha=2), ValueError, "alpha must be between 0 and 1"),
        (lambda: compare(REFERENCE, CURRENT, bins=1), ValueError, "bins must be between 2 and 256"),
        (lambda: compare(REFERENCE, CURRENT, distance="psii"), ValueError, "Did you mean 'psi'"),
        (lambda: compare(REFERENCE, CURRENT, smoothing=np.inf), ValueError, "smoothing must be between 1e-100 and "),
        (lambda: compare(REFERENCE, CURRENT, smoothing=1e308), ValueError, r"1e\+100: an empty .* .got 1e\+308"),
        (lambda: compare(REFERENCE, CURRENT, smoothing=1e-320), ValueError, "smoothing must be between .*got 1e-320"),
        (lambda: compare(REFERENCE, CURRENT, correlation_floor=2.1), ValueError, "be between 0 and 2, the largest"),
        (lambda: compare(REFERENCE, CURRENT, separability_floor=0.6), ValueError, "must be between 0 and 0.5: an"),
        (
            lambda: compare(REFERENCE, CURRENT, effect_floor=1.5),
            ValueError,
            "effect_floor must be at most 1, the largest value of jensen_shannon .got 1.5.: no column could ever drift",
        ),
        (lambda: compare(REFERENCE, CURRENT, bins=ANYTHING[3]), TypeError, "bins must be a whole number .got 10.5"),
        (lambda: compare(REFERENCE, CURRENT, alpha=ANYTHING[4]), TypeError, "alpha must be a number .got '0.1'"),
        (lambda: compare(REFERENCE, CURRENT, distance=ANYTHING[5]), TypeError, "distance must be a name or an import"),
        (lambda: compare(REFERENCE, CURRENT, importance=ANYTHING[0]), TypeError, "importance must be a number by"),
        (lambda: compare(REFERENCE, CURRENT, importance=ANYTHING[7]), TypeError, "got Series.: write it as a dict"),
        (lambda: compare(REFERENCE, CURRENT, importance={"a": ANYTHING[4]}), ValueError, "must be a number >= 0"),
        (lambda: compare(REFERENCE, CURRENT, importance={"aa": 1.0}), ValueError, "got 'aa'.. Did you mean 'a'"),
        (lambda: TableProfile.from_json("{}"), DataError, "as TableProfile.to_json writes it .KeyError: 'columns'"),
        (lambda: TableProfile.from_json("[1"), DataError, "profile the rows again"),
        (
            lambda: Monitor(PROFILES, checks_per_year=9).check(ANYTHING[0]),
            TypeError,
            "batches of the window must be TableProfile .got int",
        ),
        (lambda: compare(REFERENCE, CURRENT, joint=ANYTHING[2]), ValueError, "joint must be one of 'correlation', "),
        (lambda: compare(REFERENCE, CURRENT, columns="a"), TypeError, "columns must be a list of names"),
        (
            lambda: compare(pa.table({"day": np.where(ROWS < 5, np.nan, 1.0), "x": NOISE}), CURRENT, batch="day"),
            DataError,
            "must have a value in every row of the reference .5 have none",
        ),
        (lambda: compare(pd.DataFrame({1: NOISE, "1": NOISE}), CURRENT), DataError, "'1' is there more than once"),
        (
            lambda: compare(pd.concat([REFERENCE, REFERENCE[["a"]]], axis=1), CURRENT),
            DataError,
            "'a' is there more than once",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


VALUES = st.one_of(st.none(), st.floats(), st.integers(-(2**70), 2**70), st.text(max_size=3), st.booleans())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(VALUES, max_size=12),
    st.lists(VALUES, max_size=12),
    st.sampled_from(["batches", "rows"]),
    st.integers(1, 8),
)
def test_whatever_the_values_there_is_a_verdict_and_never_a_crash(before, after, significance, batches) -> None:
    reference = pd.concat(
        [pd.DataFrame({"d": part, "x": pd.Series(before, dtype="object")}) for part in range(batches)],
        ignore_index=True,
    )
    current = pd.DataFrame({"d": 99, "x": pd.Series(after, dtype="object")})
    report = compare(reference, current, batch="d", min_rows=2, significance=significance)
    assert report.drifted in (True, False, None)
    json.loads(report.to_json())
    for column in report.columns.values():
        assert column.score is None or not np.isnan(column.score)
        assert column.p_value is None or 0 <= column.p_value <= 1


@pytest.mark.parametrize("joint", ["correlation", "classifier"])
@pytest.mark.parametrize("names", [[0, 1, 7], [("a", "x"), ("a", "y"), ("b", "")]], ids=["numbers", "levels"])
def test_columns_may_be_named_by_anything(names: list[Any], joint: Any) -> None:
    frames = [part[["a", "b", "day"]].set_axis(pd.Index(names), axis=1) for part in (REFERENCE[:2_400], CURRENT)]
    report = compare(*frames, batch=str(names[-1]), joint=joint)
    assert set(report.columns) == set(map(str, names[:2]))
    assert report.drifted is False
    assert report.joint is not None
    assert report.joint.drifted is False


def test_numbers_of_numpy_are_written_as_json() -> None:
    """As the importances of gradient boosting are, single-precision numbers or whole ones."""
    numbers: Any = {"a": np.float32(0.5), "b": np.int32(3)}
    options: Any = {"alpha": np.float32(0.125), "min_rows": np.int64(40)}
    record = json.loads(compare(REFERENCE, CURRENT, batch="day", importance=numbers, **options).to_json())
    assert {column["name"]: column["importance"] for column in record["columns"]} == {"a": 0.5, "b": 3, "c": 0, "d": 0}
    assert (record["settings"]["alpha"], record["settings"]["min_rows"]) == (0.125, 40)


def test_what_matters_may_be_told_by_the_names_of_the_frame() -> None:
    frame = CURRENT[["a", "b"]].set_axis(pd.Index([0, 1]), axis=1)
    numbers: Any = {1: 2.0}
    report = compare(frame, frame, importance=numbers)
    assert {name: column.importance for name, column in report.columns.items()} == {"0": 0.0, "1": 2.0}


@pytest.mark.parametrize("what", ["columns", "outputs", "importance"])
def test_a_name_that_neither_side_has_is_refused_with_those_there_are(what: str) -> None:
    def ask(reference: Any, name: str) -> None:
        asked: Any = {what: {name: 1.0} if what == "importance" else ["b", name]}
        compare(reference, CURRENT.rename(columns={"a": "ra_deg"}), batch="day", **asked)

    reference = REFERENCE.drop(columns="a")
    for name, told in (
        ("bb", r"Did you mean 'b'"),
        ("typo", r"Known: b, c, d\."),
        ("B", r"Did you mean 'b'"),
        ("day", r"It is the batch column, which says which rows came together, and is not compared"),
        ("ra_deg", r"Names that begin with ra_ are the platform's own: rename the column"),
    ):
        message = rf"{what} must name columns of the reference or the current window .got '{name}'.. {told}"
        for side in (reference, prepare(reference, batch="day")):
            with pytest.raises(ValueError, match=message):
                ask(side, name)


def test_a_column_that_one_side_has_is_a_verdict_where_it_is_named() -> None:
    gone, new = (
        compare(*sides, batch="day", columns=["a"]).columns["a"]
        for sides in ((REFERENCE, CURRENT.drop(columns="a")), (REFERENCE.drop(columns="a"), CURRENT))
    )
    assert (gone.verdict, gone.after) == ("drift", "not there")
    assert (new.verdict, new.before) == ("unknown", "not there")


@pytest.mark.parametrize("answer", [np.nan, None, -1.0, 1.5, np.float32(0.5)])
def test_the_answer_of_a_distance_is_a_number_or_refused(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    class Plugged(TotalVariation):
        def __call__(self, *_: Any) -> float:
            return answer

    monkeypatch.setattr(measuring, "find_distance", lambda name: Plugged() if name == "psi" else DISTANCES[name])
    if answer == 0.5:
        assert '"score": 0.5' in compare(frame(x=NOISE), frame(x=NOISE), distance="psi").to_json()
        return
    with pytest.raises(ValueError, match=r"must answer a finite number from 0 to its maximum 1 .it answered .* 'x'"):
        compare(frame(x=NOISE), frame(x=NOISE), distance="psi")


def test_a_distance_of_another_package_that_fails_is_named_with_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plugged(TotalVariation):
        def __call__(self, *_: Any) -> float:
            raise KeyError("oops")

    monkeypatch.setattr(measuring, "find_distance", lambda name: Plugged() if name == "psi" else DISTANCES[name])
    with pytest.raises(ValueError, match=r"distance 'total_variation' failed for column 'x': KeyError: 'oops'"):
        compare(frame(x=NOISE), frame(x=NOISE), distance="psi")


def test_what_is_new_is_told_first() -> None:
    new = compare(REFERENCE, CURRENT.assign(c=CURRENT["c"].where(CURRENT.index % 25 > 0, "new")), batch="day")
    assert new.columns["c"].before.startswith("new 0 %, ")
    assert new.columns["c"].after.startswith("new 4 %, ")
    far = compare(REFERENCE, CURRENT.assign(a=CURRENT["a"].where(CURRENT.index % 10 > 0, 77.0)), batch="day")
    assert far.columns["a"].aspect == "novel"
    assert far.columns["a"].after.endswith("to 77")


def test_long_and_blank_names_leave_a_report_readable() -> None:
    name, rng = "very " * 30, np.random.default_rng(0)
    before, after = (pd.DataFrame({name: rng.choice(["", "y" * 90], 400, p=[p, 1 - p])}) for p in (0.2, 0.6))
    report = compare(before, after)
    assert report.drifted is True
    assert max(map(len, repr(report).splitlines())) < 300
    assert "very very" in repr(report)
    assert report.columns[name].before.startswith(("'' 2", "yyy"))
    assert any(text in ("''", "&#x27;&#x27;") for text in _texts(str(report.figure())))


def _texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter() if element.tag.endswith("text")]


def test_control_characters_are_no_part_of_a_figure_nor_of_a_report() -> None:
    report = compare(frame(**{"c\x00\x0b": ["a\x01"] * 200}), frame(**{"c\x00\x0b": ["b\x01"] * 200}))
    assert report.drifted is True
    assert r"'b\x01'" in "".join(ET.fromstring(str(report.figure())).itertext())
    said = repr(report)
    assert r"! 'c\x00\x0b'  'a\x01' 100 %" in said
    assert all(line.isprintable() for line in said.split("\n"))
    unknown = compare(frame(**{"c\x1b": ["a"] * 200}), frame(**{"c\x1b": NOISE}))
    assert r"('c\x1b': the column was" in unknown.reason


@pytest.mark.parametrize("joint", ["correlation", "classifier"])
@pytest.mark.parametrize("far", [np.inf, 1.7e308])
def test_infinite_and_huge_values_warn_of_nothing(joint: Any, far: float) -> None:
    """Warnings are errors here."""

    def with_far(part: pd.DataFrame) -> pd.DataFrame:
        b = part["b"].clip(upper=3).round(1)  # few values: then cuts are half-way between them
        ends = [-far * (0.9 + b.clip(upper=1) / 10), far * (1 - 0.1 / b.clip(lower=1))]
        return part[["day", "a"]].assign(b=np.select([b < 0.6, b > 1.7], ends, b))

    reference, current = with_far(REFERENCE[:2_400]), with_far(CURRENT)
    found = compare(reference, current, batch="day", joint=joint)
    assert found.joint is not None
    assert found.joint.drifted is False


def test_a_batch_may_be_named_by_times() -> None:
    stamped = REFERENCE.assign(day=[datetime(2013, 1, 1 + day, tzinfo=UTC) for day in REFERENCE["day"]])
    now = CURRENT.assign(day=datetime(2013, 2, 1, tzinfo=UTC))
    report = compare(stamped, now, batch="day")
    assert report.basis is not None
    assert report.basis.batches == 15
    assert compare(pa.table(stamped), pa.table(now), batch="day").columns["a"].p_value == report.columns["a"].p_value


@pytest.mark.parametrize("joint", ["none", "correlation"])
def test_a_window_without_the_batch_column_is_told_the_remedy_that_helps(joint: Any) -> None:
    """In the index or not there at all; of a reference no other way would do."""
    with pytest.raises(DataError, match=r"must be in the current window.*A window that is one batch: compare\(prepare"):
        compare(REFERENCE, CURRENT.drop(columns="day"), batch="day", joint=joint)
    for sides in ((REFERENCE, CURRENT.set_index("day")), (REFERENCE.drop(columns="day"), CURRENT)):
        with pytest.raises(DataError) as refused:
            compare(*sides, batch="day", joint=joint)
        assert "A window that is one batch" not in str(refused.value)


@pytest.mark.parametrize("batches", [8, 20])
def test_beyond_the_range_values_count_by_how_many_they_are(batches: int) -> None:
    """Five of 500, twice or two hundred times as far out as any before, as the docs say."""
    rng = np.random.default_rng(0)
    days = [frame(x=rng.normal(size=500).clip(-4, 4), day=np.full(500, day)) for day in range(batches + 1)]
    reference, today = pd.concat(days[:-1]), days[-1]
    near, far = (
        compare(reference, today.assign(x=today["x"].where(np.arange(500) >= 5, beyond)), batch="day").columns["x"]
        for beyond in (10.0, 1_000.0)
    )
    assert near.p_value == far.p_value
    assert near.verdict == far.verdict


def test_days_that_cycle_with_the_week_are_compared_with_those_of_the_same_weekday() -> None:
    """As the docs say: against all days the cycle hides what is smaller than itself."""
    rng = np.random.default_rng(0)

    def day(of: pd.Timestamp, shift: float = 0.0) -> pd.DataFrame:
        levels = np.sin(2 * np.pi * of.dayofweek / 7 + np.arange(10)) + shift * (np.arange(10) == 0)
        return pd.DataFrame(rng.normal(levels, size=(300, 10)), columns=[f"x{i}" for i in range(10)]).assign(day=of)

    reference = pd.concat([day(of) for of in pd.date_range("2026-01-01", periods=70)])
    found = {"all": 0, "like": 0, "stable": 0}
    for of in pd.date_range("2026-04-01", periods=7):
        like = reference[reference["day"].dt.weekday == of.weekday()]
        moved, usual = day(of, 0.3), day(of)
        found["all"] += bool(compare(reference, moved, batch="day", joint="none").drifted)
        found["like"] += bool(compare(like, moved, batch="day", joint="none").drifted)
        found["stable"] += bool(compare(like, usual, batch="day", joint="none").drifted)
    assert found["all"] <= 2
    assert found["like"] >= 5
    assert found["stable"] <= 1
