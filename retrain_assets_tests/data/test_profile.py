"""Profiles: what they count, that they add up, and that they survive being written."""

import datetime as dt
import json
import string
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.data import column_profiling, label_length, sketch
from retrain_assets.data.arrow_profiling import profile_array
from retrain_assets.data.bins import MAX_DAYS, Bins
from retrain_assets.data.categories import MAX_CATEGORIES
from retrain_assets.data.column_profile import ColumnProfile, bins_of
from retrain_assets.data.label_length import MAX_CATEGORY_LENGTH, cut_label, cut_texts
from retrain_assets.data.part_profiling import profile_parts
from retrain_assets.data.profile import TableProfile, merge_tables, profile_table
from retrain_assets.data.seconds import seconds_of_series
from retrain_assets.drift import compare
from retrain_assets.errors import DataError

NUMBERS = st.one_of(st.floats(-1e9, 1e9), st.sampled_from([0.0, np.nan, np.inf, -np.inf, 1.5]))
LABELS = st.one_of(st.none(), st.text(string.ascii_letters, max_size=3))
MOMENTS = st.one_of(
    st.none(),
    st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)),  # noqa: DTZ001
)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 30))
    return pd.DataFrame(
        {
            "number": pd.Series(draw(st.lists(NUMBERS, min_size=rows, max_size=rows)), dtype="float64"),
            "label": pd.Series(draw(st.lists(LABELS, min_size=rows, max_size=rows)), dtype="object"),
            "flag": pd.Series(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), dtype="bool"),
            "moment": pd.Series(draw(st.lists(MOMENTS, min_size=rows, max_size=rows)), dtype="datetime64[us, UTC]"),
        }
    )


def assert_same(left: TableProfile, right: TableProfile) -> None:
    """Equal, but for the rounding of moments."""
    assert (left.rows, left.names) == (right.rows, right.names)
    for a, b in zip(left.columns, right.columns, strict=True):
        for exact in ("kind", "rows", "missing", "infinite", "zeros", "minimum", "maximum", "precision"):
            assert getattr(a, exact) == getattr(b, exact), exact
        assert a.bins == b.bins
        assert (a.categories, a.other, a.lengths) == (b.categories, b.other, b.lengths)
        scale = max(abs(a.minimum or 0), abs(a.maximum or 0), 1e-9)
        assert (a.mean is None) == (b.mean is None)
        assert (a.mean or 0.0) == pytest.approx(b.mean or 0.0, rel=1e-9, abs=1e-9 * scale)
        assert a.m2 == pytest.approx(b.m2, rel=1e-9, abs=1e-9 * scale**2)


@given(frames(), frames())
def test_profiles_add_up(a: pd.DataFrame, b: pd.DataFrame) -> None:
    assert_same(profile_table(a) + profile_table(b), profile_table(pd.concat([a, b])))
    assert_same(profile_table(a) + profile_table(b), profile_table(b) + profile_table(a))


@given(frames(), frames(), frames())
def test_the_order_of_adding_does_not_matter(a: pd.DataFrame, b: pd.DataFrame, c: pd.DataFrame) -> None:
    one, two, three = (profile_table(frame) for frame in (a, b, c))
    assert_same((one + two) + three, one + (two + three))
    assert_same(merge_tables([one, two, three]), one + two + three)
    summed: Any = sum([one, two, three])
    assert_same(summed, one + two + three)


@given(frames())
def test_a_profile_is_blind_to_the_order_of_rows(frame: pd.DataFrame) -> None:
    assert_same(profile_table(frame), profile_table(frame.iloc[::-1]))


@given(frames())
def test_writing_and_reading_give_the_same_profile(frame: pd.DataFrame) -> None:
    profile = profile_table(frame)
    assert TableProfile.from_json(profile.to_json()) == profile
    assert TableProfile.from_frame(profile.to_frame()) == profile


def test_bins_of_many_values_add_up_where_the_parts_are_finer_than_the_sum() -> None:
    rng = np.random.default_rng(3)
    parts = [pd.DataFrame({"x": rng.normal(1000 * i + 1000, 3, 700)}) for i in range(5)]
    whole = profile_table(pd.concat(parts))
    assert_same(merge_tables([profile_table(part) for part in parts]), whole)
    assert whole["x"].precision < profile_table(parts[0])["x"].precision
    assert len(whole["x"].bins) <= sketch.MAX_BINS


@pytest.mark.parametrize("kind", ["wide", "coarser_at_the_end", "few", "missing_blocks", "times"])
def test_blocks_of_a_long_column_give_what_one_block_does(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    values: pd.Series = {
        "wide": pd.Series(rng.standard_cauchy(3_000)),
        "coarser_at_the_end": pd.Series(np.concatenate([np.full(900, 3.0), rng.normal(size=2_100)])),
        "few": pd.Series(rng.integers(1990, 2014, 3_000)),
        "missing_blocks": pd.Series(np.where(np.arange(3_000) // 500 % 2, np.nan, rng.lognormal(size=3_000))),
        "times": pd.Series(pd.to_datetime(rng.integers(0, 2_000_000_000, 3_000), unit="s", utc=True)),
    }[kind]
    values.iloc[[7, 1_700]] = None
    if kind == "wide":
        values.iloc[2_200:2_203] = [np.inf, -np.inf, 0.0]
    whole = profile_table(pd.DataFrame({"x": values}))
    monkeypatch.setattr(column_profiling, "BLOCK", 250)
    assert_same(profile_table(pd.DataFrame({"x": values})), whole)


def test_counts_of_a_numeric_column() -> None:
    column = profile_table(pd.DataFrame({"x": [0.0, 2.0, np.nan, np.inf, -np.inf, 4.0]}))["x"]
    assert (column.kind, column.rows, column.missing, column.infinite, column.zeros) == ("numeric", 6, 1, 2, 1)
    assert (column.minimum, column.maximum, column.mean, column.deviation) == (0.0, 4.0, 2.0, 2.0)
    assert (column.present, sum(column.bins.values()), column.missing_share) == (3, 3, 1 / 6)


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.9, 0.999])
def test_quantiles_are_within_the_declared_accuracy(share: float) -> None:
    values = np.random.default_rng(0).lognormal(0, 2, 50_000)
    found = profile_table(pd.DataFrame({"x": values}))["x"].quantile(share)
    assert found == pytest.approx(np.quantile(values, share, method="inverted_cdf"), rel=sketch.RELATIVE_ACCURACY)


def test_infinite_values_have_a_sign_that_an_earlier_profile_did_not_tell() -> None:
    profile = profile_table(pd.DataFrame({"x": [1.0, np.inf, -np.inf, -np.inf]}))
    assert (profile["x"].infinite, profile["x"].minus_infinite) == (3, 2)
    record = profile.to_record()
    del record["columns"][0]["minus_infinite"]
    earlier = TableProfile.from_record(record)
    assert (earlier["x"].infinite, earlier["x"].minus_infinite) == (3, None)
    assert [(profile + other)["x"].minus_infinite for other in (profile, earlier)] == [4, None]


def test_quantile_of_nothing_is_none() -> None:
    profile = profile_table(pd.DataFrame({"x": [np.nan], "label": ["a"]}))
    assert profile["x"].quantile(0.5) is None
    assert profile["label"].quantile(0.5) is None
    assert profile["x"].deviation is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Series([1, 2]), "numeric"),
        (pd.Series([1, None], dtype="Int64"), "numeric"),
        (pd.Series([1.5, None], dtype="Float32"), "numeric"),
        (pd.Series([Decimal("1.5"), None]), "numeric"),
        (pd.Series([1, 2.5, None], dtype="object"), "numeric"),
        (pd.to_timedelta(["1h", "NaT"]).to_series(), "numeric"),
        (pd.Series([True, False]), "boolean"),
        (pd.Series([True, None], dtype="boolean"), "boolean"),
        (pd.Series([True, None], dtype="object"), "boolean"),
        (pd.Series(["a", None]), "categorical"),
        (pd.Series(["a", None], dtype="string"), "categorical"),
        (pd.Series(["a", None], dtype="category"), "categorical"),
        (pd.Series([["a"], None]), "categorical"),
        (pd.Series([1, "a"], dtype="object"), "categorical"),
        (pd.Series([None, None], dtype="object"), "categorical"),
        (pd.Series([dt.date(2013, 1, 1), None]), "datetime"),
        (pd.to_datetime(["2013-01-01", "NaT"]).to_series(), "datetime"),
        (pd.to_datetime(["2013-01-01", "NaT"], utc=True).to_series(), "datetime"),
    ],
)
def test_the_kind_of_a_column(values: pd.Series, kind: str) -> None:
    column = profile_table(pd.DataFrame({"x": values}))["x"]
    assert column.kind == kind
    assert column.missing == int(values.isna().sum())
    assert column.present == sum(column.bins.values()) + sum(column.categories.values())


def test_times_are_binned_by_utc_day() -> None:
    moments = pd.to_datetime(["2013-01-01 23:30", "2013-01-02 00:30"]).tz_localize("America/New_York")
    column = profile_table(pd.DataFrame({"x": moments}))["x"]
    assert list(column.bins) == [15707]
    naive = profile_table(pd.DataFrame({"x": [dt.date(2013, 1, 2), None]}))["x"]
    assert (list(naive.bins), naive.missing, naive.minimum) == ([15707], 1, 15707 * 86_400.0)


def test_only_the_most_frequent_categories_are_named() -> None:
    labels = [f"{i:04}" for i in range(300)] + ["0007"]
    column = profile_table(pd.DataFrame({"x": labels}))["x"]
    assert len(column.categories) == MAX_CATEGORIES
    assert next(iter(column.categories.items())) == ("0007", 2)
    assert column.other == 100
    assert column.rows == sum(column.categories.values()) + column.other


def labels(numbers: range, times: int) -> pd.Series:
    return pd.Series([f"{number:03}" for number in numbers] * times)


@pytest.mark.parametrize(
    "parts",
    [
        [pd.Series(np.random.default_rng(seed).zipf(1.3, 3000).clip(max=2000).astype(str)) for seed in range(5)],
        # No part leaves any to the others, but the sum of the first two does, of which the third then names some.
        [labels(range(150), 2), labels(range(150, 300), 1), labels(range(250, 300), 5)],
    ],
    ids=["all with others", "none with others"],
)
def test_a_kept_category_is_short_by_at_most_the_others_of_each_addition(parts: list[pd.Series]) -> None:
    added, bound, short = profile_table(pd.DataFrame({"x": parts[0]}))["x"], 0, [0]
    for place, part in enumerate(parts[1:], 2):
        other = profile_table(pd.DataFrame({"x": part}))["x"]
        bound += added.other + other.other
        added += other
        truth = pd.concat(parts[:place]).value_counts()
        short = [truth[label] - count for label, count in added.categories.items()]
        assert 0 <= min(short) <= max(short) <= min(bound, added.other)
        assert max(truth.drop(list(added.categories))) <= added.other
        assert added.rows == sum(added.categories.values()) + added.other
    assert max(short) > 0, "else this tests nothing"


def test_long_texts_that_agree_where_they_are_cut_are_counted_together() -> None:
    column = profile_table(pd.DataFrame({"x": ["y" * 150 + "1", "y" * 150 + "2"]}))["x"]
    assert column.categories == {"y" * MAX_CATEGORY_LENGTH: 2}


def test_the_platforms_own_columns_are_left_out() -> None:
    frame = pd.DataFrame({"ra_row_id": ["a"], "x": [1], "ra_reserved": [True]})
    assert profile_table(frame).names == ("x",)
    assert profile_table(frame, columns=["x"]).names == ("x",)


def test_columns_are_named_by_their_text_and_none_by_that_of_another() -> None:
    numbers = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=pd.Index([0, ("a", 1)], dtype=object))
    assert profile_table(numbers).names == ("0", "('a', 1)")
    unlike: Any = [0]
    assert profile_table(numbers, unlike)["0"].mean == 2.0
    for twice in (["x", "x"], [1, "1"]):
        with pytest.raises(DataError, match=r"columns of the table must .* own .'.' is there more than once"):
            profile_table(numbers.set_axis(twice, axis="columns"))
    beside = numbers.assign(y=[5.0, 6.0]).set_axis(["x", "x", "y"], axis="columns")
    assert profile_table(beside, ["y"]).names == ("y",), "those that are not asked for do not count"
    with pytest.raises(DataError, match="'x' is there more than once"):
        profile_table(beside, ["x", "y"])


def test_a_profile_is_added_to_profiles_alone() -> None:
    frame: Any = pd.DataFrame({"x": [1.0]})
    profile: Any = profile_table(frame)
    start: Any
    for start in (1, 0.5, None):
        with pytest.raises(TypeError, match="unsupported operand"):
            sum([profile], start)
    for beside in ([], [profile]):
        with pytest.raises(TypeError, match=r"each of profiles must be a TableProfile \(got DataFrame\): profile_tab"):
            merge_tables([*beside, frame])


def test_a_column_that_one_table_lacks_is_missing_there() -> None:
    a, b = pd.DataFrame({"x": [1.0, 2.0]}), pd.DataFrame({"x": [3.0], "y": ["u"]})
    both = profile_table(a) + profile_table(b)
    assert_same(both, profile_table(pd.concat([a, b])))
    assert (both["y"].rows, both["y"].missing, both["y"].kind) == (3, 2, "categorical")


def test_a_column_without_values_takes_the_kind_of_the_other() -> None:
    empty = profile_table(pd.DataFrame({"x": pd.Series([None, None], dtype="object")}))
    numbers = profile_table(pd.DataFrame({"x": [1.0]}))
    assert (empty + numbers)["x"].kind == (numbers + empty)["x"].kind == "numeric"


def test_numbers_and_texts_cannot_be_added() -> None:
    numbers, texts = profile_table(pd.DataFrame({"x": [1.0]})), profile_table(pd.DataFrame({"x": ["a"]}))
    with pytest.raises(DataError, match="column 'x' is categorical in one batch and numeric in another"):
        _ = numbers + texts


def test_columns_are_found_by_name() -> None:
    profile = profile_table(pd.DataFrame({"x": [1.0]}))
    assert "x" in profile
    assert isinstance(profile["x"], ColumnProfile)
    with pytest.raises(KeyError):
        profile["y"]


def as_many_bins_as_there_may_be() -> npt.NDArray[np.float64]:
    """And zero far from the others, so that a step between two bins is a long number."""
    place = np.arange(sketch.MAX_COARSE_BINS - 1)
    return np.append(0.0, np.ldexp(1 + place % 64 / 64, 1 + place // 64))


@pytest.mark.parametrize(
    "values",
    [
        [("ä" * 60)[: 1 + i % 50] + "y" * (i % 900) + f"{i:06}" for i in range(5_000)],
        np.random.default_rng(0).choice([-1, 1], 200_000) * 2.0 ** np.random.default_rng(1).uniform(-99, 99, 200_000),
        np.random.default_rng(2).standard_cauchy(200_000),
        [f"{'ä' * 60}{i:06}" for i in range(5_000)],
        *(
            [f"{character * 90}{i:06}" for i in range(5_000)]
            for character in ('"', "\\", "\x01", "\n", "\x7f", "\u2028")
        ),
        [f"{i:06}" + "y" * int(2 ** (i % 200 / 10)) for i in range(1_000)],
        np.random.default_rng(3).choice([-1, 1], 200_000) * 2.0 ** np.random.default_rng(4).uniform(-999, 999, 200_000),
        pd.to_datetime(np.random.default_rng(5).integers(0, 2**32, 200_000), unit="s"),
        as_many_bins_as_there_may_be(),
    ],
)
@pytest.mark.parametrize("times", [1, 10_000, 10_000_000, 10_000_000_000])
def test_no_column_takes_more_than_25_kilobytes(values: object, times: int) -> None:
    profile = profile_table(pd.DataFrame({"x": values}))
    (column,) = profile.columns
    more = dict[str, Any](
        rows=column.rows * times,
        bins=Bins(bins_of(column)[0], bins_of(column)[1] * times),
        categories={label: count * times for label, count in column.categories.items()},
    )
    if column.lengths is not None:
        more["lengths"] = Bins(column.lengths.keys_, column.lengths.counts * times)
    assert len(replace(profile, columns=(replace(column, **more),)).to_json().encode()) < 25_000
    assert len(column.bins) <= sketch.MAX_COARSE_BINS


@settings(max_examples=200)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=120).map(lambda text: text * 3), max_size=12))
def test_texts_are_cut_by_arrow_as_one_by_one(texts: list[str]) -> None:
    expected = [cut_label(text) for text in texts]
    for kind in (pa.string(), pa.large_string()):
        assert cut_texts(pa.array(["before", *texts], kind)[1:]).to_pylist() == expected
    for text, cut in zip(texts, expected, strict=True):
        written = [len(json.dumps(each, ensure_ascii=False).encode()) - 2 for each in (cut, text[: len(cut) + 1])]
        assert text.startswith(cut)
        assert written[0] <= MAX_CATEGORY_LENGTH
        assert cut == text or written[1] > MAX_CATEGORY_LENGTH


def as_the_third_format(profile: TableProfile, cut: int) -> TableProfile:
    """Its labels were cut later, which is what `profile` must have been made with."""
    record = profile.to_record()
    for column in record["columns"]:
        assert max(map(len, column["categories"])) <= cut
        column["format"] = 3
    return TableProfile.from_json(json.dumps(record))


@pytest.mark.parametrize("character", ["y", '"', "\x01", "ä"])
@pytest.mark.parametrize("distinct", [3, 400])
def test_labels_that_an_earlier_format_cut_later_are_those_of_today(
    character: str, distinct: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame({"x": [f"{i % distinct:04}{character * 40}{'y' * (i % 20)}" for i in range(2_000)]})
    now = profile_table(frame)
    with monkeypatch.context() as patch:
        patch.setattr(label_length, "MAX_CATEGORY_LENGTH", 1_000)
        long = profile_table(frame)
        assert (long["x"].lengths is None) == (distinct == 3)
    read = as_the_third_format(long, 64)
    assert_same(read, now)
    assert_same(read + now, now + now)


def test_labels_that_were_cut_without_lengths_tell_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second format cut texts before it told their lengths: the cut ones would be drift against whole ones."""
    frame = pd.DataFrame({"x": [f"{i % 150:03}{'y' * (60 + i % 150)}" for i in range(2_000)]})
    with monkeypatch.context() as patch:
        patch.setattr(label_length, "MAX_CATEGORY_LENGTH", 100)
        record = profile_table(frame).to_record()
    for column in record["columns"]:
        column["format"] = 2
        del column["lengths"]
    read = TableProfile.from_record(record)
    assert read["x"].lengths is None
    assert read["x"].categories == profile_table(frame)["x"].categories
    assert list(compare([read] * 6, frame).columns) == ["x"]


def test_a_profile_of_another_version_is_refused() -> None:
    record = profile_table(pd.DataFrame({"x": [1.0]})).to_record()
    record["columns"][0]["format"] = 5
    with pytest.raises(DataError, match="column 'x' must have the format 4 or an earlier one"):
        TableProfile.from_record(record)


@given(frames())
def test_a_profile_that_the_first_format_wrote_is_read(frame: pd.DataFrame) -> None:
    profile = profile_table(frame)
    record = profile.to_record()
    for told, column in zip(record["columns"], profile.columns, strict=True):
        keys, counts = bins_of(column)
        told |= {"format": 1, "steps": np.diff(keys, prepend=0).tolist(), "counts": counts.tolist()}
        del told["first"]
    assert TableProfile.from_record(json.loads(json.dumps(record))) == profile


def test_the_largest_doubles_overflow_quietly() -> None:
    column = profile_table(pd.DataFrame({"x": [1e300, -1e300]}))["x"]
    assert (column.minimum, column.maximum, column.m2) == (-1e300, 1e300, np.inf)
    assert sum(column.bins.values()) == 2


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1.0, 1e200, 1e300])
def test_a_deviation_is_a_number_where_squares_are_none(scale: float) -> None:
    values = np.random.default_rng(0).normal(2, 1, 5_000) * scale
    whole = profile_table(pd.DataFrame({"x": values}))
    parts = merge_tables([profile_table(pd.DataFrame({"x": part})) for part in np.split(values, 5)])
    for made in (whole, parts, TableProfile.from_json(whole.to_json())):
        assert made["x"].deviation == pytest.approx((values / scale).std() * scale, rel=0.02)
        assert made["x"].mean == pytest.approx((values / scale).mean() * scale)
    json.loads(whole.to_json(), parse_constant=pytest.fail)


def test_the_mean_of_the_largest_doubles_is_one_and_their_deviation_none() -> None:
    ends = [profile_table(pd.DataFrame({"x": [end, end]})) for end in (1.7e308, -1.7e308)]
    both = profile_table(pd.DataFrame({"x": [1.7e308, -1.7e308] * 50}))["x"]
    assert (both.mean, both.deviation) == (0.0, None)
    assert (merge_tables(ends)["x"].mean, merge_tables(ends)["x"].deviation) == (0.0, None)
    assert ends[0]["x"].mean == 1.7e308


@pytest.mark.parametrize("value", [0.1, -19.99, 1234.567, 1e20])
def test_a_constant_is_its_mean_and_has_no_deviation(value: float) -> None:
    frame = pd.DataFrame({"x": np.full(100_000, value)})
    small = profile_parts(frame[:1_000], np.arange(1_000) // 100, 10)
    for made in (profile_table(frame[:1_000]), profile_table(frame), *small, merge_tables(small)):
        assert (made["x"].mean, made["x"].deviation) == (value, 0.0)


NAIVE = dt.datetime(1, 1, 1)  # noqa: DTZ001 - a time without a zone is what is read as UTC here


@pytest.mark.parametrize(
    "values",
    [
        [dt.date(9999, 12, 31), dt.date(1, 1, 1), None],
        [dt.datetime(9999, 12, 31, tzinfo=dt.UTC), NAIVE, pd.NaT],
        [dt.datetime(9999, 12, 30, 22, tzinfo=dt.timezone(dt.timedelta(hours=-2))), NAIVE, None],
        [np.datetime64("9999-12-31", "D"), np.datetime64("0001-01-01T00:00", "s"), np.datetime64("NaT")],
    ],
    ids=["dates", "times", "zones", "numpy"],
)
def test_dates_and_times_as_objects_may_be_of_any_year(values: list[Any]) -> None:
    made = profile_table(pd.DataFrame({"x": pd.Series(values, dtype=object)}))["x"]
    assert (made.kind, made.missing) == ("datetime", 1)
    assert (made.minimum, made.maximum) == (-62_135_596_800.0, 253_402_214_400.0)


def test_times_among_dates_of_any_year_are_what_they_are() -> None:
    times = dt.datetime(500, 1, 1, 23, 30, tzinfo=dt.UTC), dt.datetime(1960, 1, 1, 12, tzinfo=dt.UTC)
    found = seconds_of_series(pd.Series([dt.date(500, 1, 2), *times, None], dtype=object))
    midnight = dt.datetime(500, 1, 2, tzinfo=dt.UTC)
    np.testing.assert_array_equal(found, [*(each.timestamp() for each in (midnight, *times)), np.nan])


def test_durations_of_nanoseconds_and_bytes_of_no_encoding_are_read() -> None:
    duration = profile_array("x", pa.chunked_array([pa.array([1_500_000_001, None], type=pa.duration("ns"))]))
    assert (duration.kind, duration.minimum, duration.missing) == ("numeric", 1.500000001, 1)
    values = [b"\xff", b"a", b"a"]
    made = profile_table(pd.DataFrame({"x": values}))["x"]
    assert made.categories == {"b'a'": 2, "b'\\xff'": 1}
    assert profile_array("x", pa.chunked_array([values])) == made


def test_times_over_centuries_are_kept_in_few_bins_and_add_up() -> None:
    days = pd.Series(pd.date_range("1900-01-01", "2099-12-31", freq="D", tz="UTC"))
    whole = profile_table(pd.DataFrame({"x": days}))
    assert len(whole["x"].bins) <= MAX_DAYS
    assert len(whole.to_json()) < 25_000
    parts = [profile_table(pd.DataFrame({"x": days[start::7]})) for start in range(7)]
    assert_same(merge_tables(parts), whole)
    # A bin of 64 days is at most 32 days off.
    middle = pd.Timestamp(whole["x"].quantile(0.5) or 0, unit="s", tz="UTC")
    assert abs(middle - pd.Timestamp("2000-01-01", tz="UTC")) <= pd.Timedelta(days=64)


@pytest.mark.parametrize(
    "kind", [pa.decimal128(15, 2), pa.decimal128(18, 6), pa.decimal128(38, 20), pa.decimal256(60, 35)]
)
def test_decimals_of_arrow_are_the_doubles_of_python(kind: Any) -> None:
    digits = np.random.default_rng(0).integers(-(10**15) + 1, 10**15, 400)
    values = [Decimal(int(digit)).scaleb(-kind.scale) for digit in digits]
    made = profile_array("x", pa.chunked_array([pa.array([*values, None], kind)]))
    assert made.bins == profile_table(pd.DataFrame({"x": pd.Series([*values, None], dtype="object")}))["x"].bins
    assert (made.missing, len(made.bins)) == (1, 400)


@pytest.mark.parametrize(
    "broken",
    [{"counts": ""}, {"counts": "1AQ=="}, {"steps": ""}, {"kind": "odd"}, {"categories": 5}],
)
def test_what_no_version_wrote_is_refused(broken: dict[str, Any]) -> None:
    record = profile_table(pd.DataFrame({"x": [1.0, 2.0, 3.0]})).to_record()
    record["columns"][0] |= broken
    with pytest.raises(
        DataError, match=r"a profile must be text as TableProfile.to_json writes it .*: profile the rows"
    ):
        TableProfile.from_json(json.dumps(record))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"rows": "many"}, "'rows' in the profile of column 'x' must be a whole number >= 0 .it is 'many'."),
        ({"missing": -5}, "'missing' .* must be a whole number >= 0 .it is -5."),
        ({"other": None}, "'other' .* must be a whole number >= 0 .it is None."),
        ({"rows": 3.5}, "'rows' .* must be a whole number >= 0 .it is 3.5."),
        ({"rows": float("inf")}, "'rows' .* must be a whole number >= 0 .it is inf."),
        ({"precision": 99}, "'precision' .* must be a whole number between -2 and 52 .it is 99."),
        ({"precision": 6.5}, "'precision' .* must be a whole number .*it is 6.5."),
        ({"minimum": "a"}, "'minimum' .* must be a number, or null .it is 'a'."),
        ({"m2": [1]}, "'m2' .* must be a number >= 0, or null"),
        ({"m2": -1.0}, "'m2' .* must be a number >= 0, or null .it is -1.0."),
    ],
)
def test_numbers_that_cannot_be_are_refused_where_a_profile_is_read(broken: dict[str, Any], said: str) -> None:
    profile = profile_table(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    record, frame = profile.to_record(), profile.to_frame()
    record["columns"][0] |= broken
    frame["sketch"] = [json.dumps(json.loads(frame["sketch"][0]) | broken)]
    for name in frame.columns.intersection(list(broken)):
        frame[name] = pd.Series([broken[name]], dtype=object)
    for read in (lambda: TableProfile.from_json(json.dumps(record)), lambda: TableProfile.from_frame(frame)):
        with pytest.raises(DataError, match=f"{said}.*profile the rows again"):
            read()
