"""Columns of every type that frames can hold: the same of whatever library, and never a crash."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from retrain_assets.data.profile import profile_table
from retrain_assets.drift import compare, prepare
from retrain_assets.drift.comparing import Joint
from retrain_assets.errors import DataError

ROWS = 300


def column(values: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(values)})


ANY: Any = [10**400, -(10**400), 2**70, None]  # pandas-stubs know no series of such numbers
DAYS = [pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-02")]
DURATIONS: Any = pa.array([1_500_000_001, None, 7] * (ROWS // 3), pa.duration("ns"))
LISTS: Any = pa.array([[1, 2], [3]] * (ROWS // 2))
SAME = {
    "categories that are whole numbers": (column(pd.Categorical([1, 2, 2] * 100)), "categorical"),
    "categories that are days": (column(pd.Categorical(DAYS * 150)), "categorical"),
    "lists as arrays": (column([np.array([1, 2]), np.array([3])] * 150), "categorical"),
    "lists of lists": (column([np.array([np.array([1]), np.array([2, 3])], dtype=object)] * ROWS), "categorical"),
    "lists of Arrow": (column(pd.arrays.ArrowExtensionArray(LISTS)), "categorical"),
    "records": (column([{"a": 1, "b": None}] * ROWS), "categorical"),
    "bytes": (column([b"\xff", b"a"] * 150), "categorical"),
    "durations": (column(np.array([1, 90, "NaT"] * 100, dtype="timedelta64[s]")), "numeric"),
    "durations of nanoseconds": (column(np.array([1, 900, "NaT"] * 100, dtype="timedelta64[ns]")), "numeric"),
    "durations of Arrow": (column(pd.arrays.ArrowExtensionArray(DURATIONS)), "numeric"),
    "decimals": (column([Decimal("1.5"), None] * 150), "numeric"),
}  # fmt: skip


@pytest.mark.parametrize(("frame", "kind"), SAME.values(), ids=SAME)
def test_a_column_is_the_same_in_pandas_and_in_arrow(frame: pd.DataFrame, kind: str) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for before, after in ((frame, table), (table, frame), (frame, frame)):
        report = compare(before, after)
        assert (report.drifted, report.columns["x"].kind, report.columns["x"].score) == (False, kind, 0.0)


def test_whole_numbers_beyond_the_largest_double_are_infinite() -> None:
    huge = column(pd.Series(ANY * 75, dtype="object"))
    report = compare(huge, huge)
    assert report.drifted is None  # of those that are finite no change could be seen
    assert report.columns["x"].before == "mean 1.18e+21, 25 % missing, 150 infinite (75 of them minus)"
    moved = compare(huge, column(np.ones(ROWS)))
    assert moved.drifted is True


def test_days_of_any_year_are_named() -> None:
    days = column(np.array(["0001-01-01", "20000-01-01"] * 150, dtype="datetime64[s]"))
    assert compare(days, days, columns=["x"]).columns["x"].before == "0001-01-01 to 20000-01-01"


FAR = np.array([2**62, "NaT", -(2**50)] * 100, dtype="datetime64[s]")


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(FAR),
        pd.Series(pd.DatetimeIndex(FAR).tz_localize("UTC")),
        pd.Series(pa.array(FAR), dtype=pd.ArrowDtype(pa.timestamp("s"))),
    ],
    ids=["numpy", "zone", "arrow"],
)
def test_a_time_beyond_all_years_of_microseconds_is_no_other_one(values: pd.Series) -> None:
    frame = column(values)
    for side in (frame, pa.Table.from_pandas(frame)):
        found = compare(side, side, columns=["x"]).columns["x"]
        assert (found.before, found.score) == ("-35676378-04-08 to 146138514283-06-19, 33.3 % missing", 0.0)
    seconds = pa.table({"x": pa.array([2**62, None] * 150, pa.duration("s"))})
    assert compare(seconds, seconds).columns["x"].before == "mean 4.61e+18, 50 % missing"


def test_a_category_of_blanks_is_seen_in_a_report() -> None:
    blank = column([" ", "b"] * 150)
    assert compare(blank, blank).columns["x"].before == "' ' 50 %, b 50 %"


HALF = np.arange(ROWS) % 2
ARROW: dict[str, Any] = {
    "runs": pa.RunEndEncodedArray.from_arrays([100, ROWS], ["a", "b"]),
    "a dictionary of lists": pa.DictionaryArray.from_arrays(pa.array(HALF), pa.array([[1], [2]])),
    "a dictionary that knows null": pa.DictionaryArray.from_arrays(pa.array(HALF), pa.array(["a", None])),
    "views in a dictionary": pa.DictionaryArray.from_arrays(pa.array(HALF), pa.array(["a", "b"], pa.string_view())),
    "views in records": pa.array([{"f": "ab"[place]} for place in HALF], pa.struct([("f", pa.string_view())])),
    "views in lists": pa.array([[["a"], ["b", None]][place] for place in HALF], pa.large_list(pa.string_view())),
    "runs of a dictionary": pa.RunEndEncodedArray.from_arrays([100, ROWS], pa.array(["a", "b"]).dictionary_encode()),
    "one of several types": pa.UnionArray.from_sparse(
        pa.array(HALF.astype("int8")), [pa.array(range(ROWS)), pa.array(["x"] * ROWS)]
    ),
    "times of no known zone": pa.array([0] * ROWS, pa.timestamp("us", "Mars/Olympus")),
}


@pytest.mark.parametrize("values", ARROW.values(), ids=ARROW)
def test_every_arrow_type_is_compared_as_a_table_and_as_a_stream(values: Any) -> None:
    table = pa.table({"x": values, "y": np.random.default_rng(0).normal(size=ROWS), "day": np.arange(ROWS) // 50})
    joints: list[Joint] = ["correlation", "classifier"]
    for side, joint in zip((table, table.to_reader(max_chunksize=37)), joints, strict=True):
        report = compare(table, side, batch="day", joint=joint, columns=["x", "y"])
        assert (report.drifted, report.columns["x"].score) == (False, 0.0)


def test_a_batch_column_whose_values_cannot_be_told_apart_is_refused() -> None:
    table = pa.table({"x": range(ROWS), "day": [{"n": 1}] * ROWS})
    with pytest.raises(
        DataError, match=r"the batch column 'day' of the reference must hold texts, .* .it holds struct<"
    ):
        compare(table, table, batch="day")


def test_a_column_that_arrow_does_not_know_is_told_from_what_is_no_table() -> None:
    objects = pl.DataFrame({"x": pl.Series([object()] * ROWS, dtype=pl.Object)})
    with pytest.raises(DataError, match="reference holds Python objects of Polars in column 'x', which are no Arrow"):
        compare(objects, objects)
    wide = pl.DataFrame({"x": pl.Series([{"a": 2**100}] * ROWS, dtype=pl.Struct({"a": pl.Int128}))})
    with pytest.raises(DataError, match="reference holds a column that is no Arrow data, convert it first"):
        compare(wide, wide)


def test_batches_that_have_one_text_are_refused_and_none_loses_its_rows() -> None:
    frame = pd.DataFrame({"x": np.arange(100.0), "day": [1, "1"] * 50})
    with pytest.raises(
        DataError, match=r"'day' of the reference must differ by their text \(got 1 and '1'\): give all"
    ):
        compare(frame, frame, batch="day")
    days = profile_table(frame[["x"]])
    keyed: Any = {1: days, "1": days}
    with pytest.raises(
        DataError, match=r"the batches of the current window must differ by their text \(got 1 and '1'\)"
    ):
        compare(days, keyed)


@pytest.mark.parametrize("key", [[1], {"a": 1}])
def test_batches_of_lists_or_records_are_refused_by_the_name_of_their_column(key: object) -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "day": [key] * 40})
    with pytest.raises(DataError, match=r"the batch column 'day' of the reference must hold texts, numbers or times"):
        compare(frame, frame, batch="day")


LOGNORMAL, NORMAL, OTHER = (getattr(np.random.default_rng(seed), name)(size=2000) for seed, name in (
    (0, "lognormal"), (1, "normal"), (2, "normal")
))  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "drifted"),
    [
        (LOGNORMAL * 1e31, LOGNORMAL * 1e40, True),
        ([10**40 + i for i in range(500)], [10**50 + i for i in range(500)], True),
        (NORMAL * 1e-36, (OTHER + 3) * 1e-36, True),
        (NORMAL * 1e200, (OTHER + 3) * 1e200, True),
        (NORMAL * 1e-36, OTHER * 1e-36, False),
        (NORMAL * 1e200, OTHER * 1e200, False),
    ],
)
def test_very_large_and_very_small_magnitudes_are_told_apart(before: Any, after: Any, drifted: bool) -> None:
    found = compare(pd.DataFrame({"x": before}), pd.DataFrame({"x": after}), joint="none")
    assert found.drifted is drifted
    assert (found.columns["x"].scores["wasserstein"] > 2) is drifted


@pytest.mark.parametrize(
    ("before", "shift"),
    [(1e13 + 10 * NORMAL, 10), (10**15 + np.random.default_rng(3).integers(0, 1000, 2000), 289)],
)
def test_far_from_zero_wasserstein_is_in_deviations_too(before: Any, shift: int) -> None:
    found = compare(pd.DataFrame({"x": before}), pd.DataFrame({"x": before + shift}), joint="none")
    assert found.columns["x"].scores["wasserstein"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("sign", [1, -1])
def test_whole_numbers_that_are_one_double_are_unknown(sign: int) -> None:
    rng = np.random.default_rng(0)
    before, after = (sign * (2**60 + rng.integers(-3, 4, ROWS)) for _ in range(2))
    found = compare(column(before), column(after + 2), joint="none")
    assert found.drifted is None
    assert "one stands for 256 whole numbers: what differs among these is lost" in found.columns["x"].reason
    assert (found.columns["x"].score, found.columns["x"].p_value, found.columns["x"].scores) == (None, None, {})
    gone = compare(column(before), column(pd.array(after).astype("Int64")).where(np.arange(ROWS)[:, None] % 2 == 0))
    assert (gone.drifted, gone.columns["x"].aspect) == (True, "missing")
    assert compare(column(before), column(after + sign * 2**40), joint="none").drifted is True
    assert compare(column(np.full(ROWS, 2**52)), column(np.full(ROWS, 2**52)), joint="none").drifted is False


@pytest.mark.parametrize("spread", [3, 300, 3_000, 300_000])
def test_distances_of_whole_numbers_beyond_doubles_are_within_their_error(spread: int) -> None:
    rng = np.random.default_rng(spread)
    places = rng.integers(-spread, spread + 1, (2, 2_000))
    places[1] += spread // 3
    before, after = (column(2**60 + of) for of in places)
    found = compare(before, after, joint="none").columns["x"]
    ks: Any = ks_2samp(*places)
    told = [(ks.statistic, "kolmogorov_smirnov")]
    told.append((wasserstein_distance(*places) / places[0].std(), "wasserstein"))
    for exact, name in told if found.scores else []:
        error = found.score_errors[name]
        assert error is None or abs(found.scores[name] - exact) <= error + 1e-9, name
    known = found.score_errors.get("wasserstein")
    assert (known is not None and known > 0) is (spread == 300_000)


def test_a_report_and_a_prepared_reference_are_printed_in_a_few_lines() -> None:
    before, after = (pd.DataFrame({"k": ["a\nb", other] * 100}) for other in ("c", "a\nb"))
    assert len(repr(compare(before, after)).splitlines()) == 3
    assert repr(prepare(before)) == "Prepared(200 rows in 1 batch, batch=None)"


def test_an_option_that_is_none_names_the_one_that_was_meant() -> None:
    wrong: Any = {"alhpa": 0.1}
    with pytest.raises(TypeError, match=r"compare has no option 'alhpa'\. .*'alpha'"):
        compare(pd.DataFrame({"x": [1.0]}), pd.DataFrame({"x": [1.0]}), **wrong)


def test_prices_of_arrow_and_of_pandas_are_the_same() -> None:
    cents = np.random.default_rng(0).choice([999, 1949, 4999, 129], 2_000).tolist()
    before = pa.table({"price": pa.array([Decimal(each).scaleb(-2) for each in cents], pa.decimal128(9, 2))})
    after = pd.DataFrame({"price": [each / 100 for each in cents]})
    for sides in ((before, after), (after, before)):
        column = compare(*sides).columns["price"]
        assert (column.verdict, column.scores["total_variation"], column.scores["kolmogorov_smirnov"]) == (
            "stable",
            0,
            0,
        )
