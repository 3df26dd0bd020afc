"""Every value is read exactly, or marked; nothing is rounded or guessed."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.data.conversion import UTC_TIME, kind_of, read_as
from retrain_assets.data.reading import TEXT


def read(values, kind, *, lenient=False):
    made, bad = read_as(values, kind, lenient=lenient)
    assert len(made) == len(values) == len(bad)
    assert not (bad & made.notna().to_numpy()).any(), "what is marked has no value"
    assert not (bad & values.isna().to_numpy()).any(), "what is missing is no mistake"
    return [None if pd.isna(value) else value for value in made], bad.tolist()


@pytest.mark.parametrize(
    ("values", "kind", "expected", "bad"),
    [
        (
            ["1", "2.0", "1e2", "1.5", "x", None, str(2**62 + 1)],
            "int",
            [1, 2, 100, None, None, None, 2**62 + 1],
            [3, 4],
        ),
        (["1", "2", None, str(2**62 + 1)], "int", [1, 2, None, 2**62 + 1], []),
        (["1", " 2 ", "x", None, "1e-3"], "float", [1, 2, None, None, 0.001], [2]),
        (["true", "F", "1", "no", "2", None], "bool", [True, False, True, False, None, None], [4]),
        (["a", None, "1"], "string", ["a", None, "1"], []),
        (
            ["2013-01-01", "2013-01-01T05:00:00-05:00", "13/01/2013", None],
            "datetime",
            [pd.Timestamp("2013-01-01T00Z"), pd.Timestamp("2013-01-01T10Z"), None, None],
            [2],
        ),
    ],
)
def test_text_of_a_file_is_parsed(values, kind, expected, bad):
    made, marked = read(pd.Series(values, dtype=TEXT), kind)
    assert made == expected
    assert [place for place, wrong in enumerate(marked) if wrong] == bad


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Series(["1"], dtype="object"), "int"),
        (pd.Series(["1.5"], dtype="object"), "float"),
        (pd.Series(["true"], dtype="object"), "bool"),
        (pd.Series([1]), "bool"),
        (pd.Series(["2013-01-01"], dtype="object"), "datetime"),
        (pd.Series([5], dtype="object"), "string"),
    ],
)
def test_other_types_are_read_only_where_coercion_was_asked_for(values, kind):
    assert read(values, kind)[1] == [True]
    assert read(values, kind, lenient=True)[1] == [False]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Series([2013]), "datetime"),
        (pd.Series([pd.Timestamp("2013-01-01")]), "float"),
        (pd.Series([2.5]), "int"),
        (pd.Series([np.inf]), "int"),
    ],
)
def test_what_has_no_reading_is_marked_also_where_coercion_was_asked_for(values, kind):
    assert read(values, kind, lenient=True)[1] == [True]


def test_equal_numbers_of_another_type_are_no_mistake():
    assert read(pd.Series([1.0, np.nan]), "int") == ([1, None], [False, False])
    assert read(pd.Series([1, 2], dtype="int8"), "float") == ([1.0, 2.0], [False, False])
    assert read(pd.Series([True, False]), "int") == ([1, 0], [False, False])
    assert read(pd.Series(["a", None], dtype="category"), "string") == (["a", None], [False, False])
    assert read(pd.Series([dt.date(2013, 1, 1)]), "datetime") == ([pd.Timestamp("2013-01-01", tz="UTC")], [False])


def test_times_without_a_zone_are_utc():
    naive = pd.Series(pd.to_datetime(["2013-01-01T10:00"]))
    made, _ = read_as(naive, "datetime", lenient=False)
    assert made.dtype == UTC_TIME
    assert made[0] == pd.Timestamp("2013-01-01T10:00Z")


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (np.dtype("uint8"), "int"),
        (pd.Int64Dtype(), "int"),
        (np.dtype("float32"), "float"),
        (np.dtype("bool"), "bool"),
        (np.dtype("datetime64[ns]"), "datetime"),
        (pd.CategoricalDtype(["1"]), "category"),
        (pd.StringDtype(), "string"),
        (np.dtype("U"), "string"),
        (np.dtype("timedelta64[ns]"), "other"),
        (np.dtype("object"), "other"),
    ],
)
def test_families_of_types(dtype, kind):
    assert kind_of(dtype) == kind


@given(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1), st.text(max_size=4)))
)
def test_no_value_changes_and_none_is_dropped(values):
    texts = pd.Series([None if value is None else str(value) for value in values], dtype=TEXT)
    made, bad = read(texts, "float")
    for value, number, wrong in zip(values, made, bad, strict=True):
        if isinstance(value, float):
            assert number == value
        elif isinstance(value, int):
            assert number == float(value)
        elif value is None:
            assert number is None
            assert not wrong


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1), st.booleans())
def test_integers_are_exact_beside_broken_ones(values, broken):
    texts = pd.Series([str(value) for value in values] + (["x"] if broken else []), dtype=TEXT)
    made, _ = read_as(texts, "int", lenient=False)
    assert made[: len(values)].tolist() == values


@pytest.mark.parametrize("dtype", ["uint64", "UInt64"])
def test_whole_numbers_beyond_64_bits_with_a_sign_are_marked_and_are_floats(dtype):
    values = pd.Series(np.array([2**63, 2**63 - 1, 0], dtype="uint64")).astype(dtype)
    assert read(values, "int") == ([None, 2**63 - 1, 0], [True, False, False])
    assert read(values, "float") == ([2.0**63, float(2**63 - 1), 0], [False] * 3)
    assert read(values[:0], "int") == ([], [])
    assert read(values[1:], "int") == ([2**63 - 1, 0], [False] * 2)


def test_numbers_of_a_file_with_decimal_commas():
    """A point is no decimal mark there, and groups thousands nowhere: what it makes of a number nobody knows."""
    texts = pd.Series(["12,5", "-0,25", "1e3", "7", "1.234", "1.234,5", "1,2,3", " 3,0 ", None], dtype=TEXT)
    values, bad = read_as(texts, "float", lenient=True, decimal=",")
    assert values.fillna(-1).tolist() == [12.5, -0.25, 1000, 7, -1, -1, -1, 3, -1]
    assert np.flatnonzero(bad).tolist() == [4, 5, 6]
    assert read_as(texts.head(3).tail(1), "int", lenient=True, decimal=",")[0].tolist() == [1000]
    for kind in ("string", "category"):
        assert (
            read_as(texts, kind, lenient=True, decimal=",")[0].tolist()
            == read_as(texts, kind, lenient=True)[0].tolist()
        )
    typed = pd.Series([1.5, 2.5])
    assert read_as(typed, "float", lenient=True, decimal=",")[0].tolist() == [1.5, 2.5]
