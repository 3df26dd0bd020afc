"""An id names the same row in every process, whatever else is delivered and however it was written."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.data.reserved import is_reserved
from retrain_assets.data.row_ids import as_text, row_ids


def test_declared_columns_are_joined_as_text():
    frame = pd.DataFrame(
        {
            "carrier": ["UA", "B6", None],
            "flight": [1545.0, 725.0, 1.0],
            "at": pd.to_datetime(
                ["2013-01-01T10:00Z", "2013-01-01T10:00:00.5Z", "2013-01-02"], format="ISO8601", utc=True
            ),
        }
    )
    assert row_ids(frame, ["carrier", "flight", "at"]).tolist() == [
        "UA|1545|2013-01-01T10:00:00Z",
        "B6|725|2013-01-01T10:00:00.500000Z",
        None,
    ]
    assert row_ids(frame, ["carrier"]).tolist() == ["UA", "B6", None]


def test_a_separator_inside_a_value_makes_no_twin():
    frame = pd.DataFrame({"a": ["x|", "x", "x\\|", "x\\"], "b": ["y", "|y", "y", "|y"]})
    assert row_ids(frame, ["a", "b"]).is_unique


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pd.Series([5, 6]), pd.Series(["5", "6"])),
        (pd.Series([5.0, np.nan]), pd.Series([5, None], dtype="Int64")),
        (pd.Series([True, False]), pd.Series([True, False], dtype="boolean")),
        (pd.Series(["a", "b", None]), pd.Series(["a", "b", None], dtype="category")),
        (
            pd.Series(pd.to_datetime(["2013-01-01T01:00+01:00"], utc=True)),
            pd.Series(pd.to_datetime(["2013-01-01"]).astype("datetime64[us]")),
        ),
        (pd.Series(["x"]), pd.Series(["x"], dtype="string[pyarrow]")),
        (pd.Series([1, "a", 2.0, True], dtype="object"), pd.Series(["1", "a", "2", "true"])),
    ],
)
def test_a_value_has_one_text_however_it_is_typed(one, other):
    assert as_text(one).tolist() == as_text(other).tolist()


def test_large_integers_keep_all_their_digits():
    assert as_text(pd.Series([2**62 + 1])).tolist() == [str(2**62 + 1)]
    assert as_text(pd.Series([1e300, 0.1, np.inf])).tolist() == ["1e+300", "0.1", "inf"]


def test_rows_of_the_same_content_are_told_apart_by_their_occurrence():
    frame = pd.DataFrame({"a": [1.0, 2.0, 1.0, 1.0], "b": ["x", "y", "x", "x"]})
    ids = row_ids(frame, ())
    assert ids.is_unique
    assert ids[2] == f"{ids[0]}#2"
    assert ids[3] == f"{ids[0]}#3"


@given(st.lists(st.tuples(st.floats(allow_nan=True), st.text(max_size=3)), min_size=1, max_size=30), st.data())
def test_content_ids_depend_on_nothing_but_the_row(rows, data):
    frame = pd.DataFrame(rows, columns=["a", "b"])
    kept = data.draw(st.integers(min_value=1, max_value=len(rows)))
    assert row_ids(frame, ()).tolist()[:kept] == row_ids(frame.head(kept), ()).tolist()
    assert row_ids(frame[["b", "a"]], ()).tolist() == row_ids(frame, ()).tolist()
    assert row_ids(frame.set_axis(range(7, 7 + len(rows))), ()).is_unique


def test_a_time_is_one_time_in_every_unit():
    times = pd.Series(pd.to_datetime(["2013-01-01T10:00Z"]))
    assert (
        row_ids(pd.DataFrame({"a": times}), ()).tolist()
        == row_ids(pd.DataFrame({"a": times.astype("datetime64[s, UTC]")}), ()).tolist()
    )


def test_minus_zero_is_zero():
    assert row_ids(pd.DataFrame({"a": [0.0]}), ()).tolist() == row_ids(pd.DataFrame({"a": [-0.0]}), ()).tolist()


def test_no_rows_and_no_columns():
    assert row_ids(pd.DataFrame({"a": []}), ()).tolist() == []
    assert row_ids(pd.DataFrame(index=range(2)), ()).is_unique


def test_ids_and_lots_are_the_same_in_every_process_and_version():
    """They are part of what is stored: other values would train on rows that were reserved before."""
    frame = pd.DataFrame(
        {"a": [1.5, None], "b": ["x", "y"], "t": pd.to_datetime(["2013-01-01", "2014-01-01"], utc=True)}
    )
    assert row_ids(frame, ()).tolist() == ["bfe6becae0ee09b7", "6e92a65140cc8b19"]
    assert is_reserved(pd.Series(map(str, range(20))), 0.3).nonzero()[0].tolist() == [1, 2, 3, 9, 19]
