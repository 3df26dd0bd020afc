"""The content hash is a data version: it must follow the rows and nothing else, in every process."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.pandas import column, data_frames

from retrain_assets.data.hashing import canonical_table, frame_hash, table_hash

MIXED = pd.DataFrame(
    {
        "number": [1.5, np.nan, -2.0],
        "count": pd.array([1, None, 3], dtype="Int64"),
        "text": ["a", None, "ä"],
        "when": pd.to_datetime(["2013-01-01", "NaT", "2013-01-03"], utc=True),
        "flag": [True, False, True],
        "scores": [[0.1, 0.9], None, [0.5, 0.5]],
        "day": [date(2013, 1, 1), None, date(2013, 1, 3)],
        "price": [Decimal("1.10"), None, Decimal("2.20")],
        "nothing": [None, None, None],
    }
)


def test_the_hash_is_that_of_earlier_releases():
    """A changed hash would make every stored table look changed: it needs a major release."""
    assert frame_hash(MIXED) == "7078781676755dcec7cb361ba66d5a9eca06f84c137a89d26e3d73fc5cead020"


def test_is_the_same_in_another_process():
    script = "from retrain_assets_tests.data.test_hashing import MIXED, frame_hash; print(frame_hash(MIXED))"
    printed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert printed.stdout.strip() == frame_hash(MIXED)


EQUAL = {
    "integer widths": ([1, 2], pd.Series([1, 2], dtype="uint8")),
    "nullable integers": ([1, 2], pd.array([1, 2], dtype="Int64")),
    "float widths": ([0.5, 2.0], np.array([0.5, 2.0], dtype="float32")),
    "nullable floats": ([0.5, np.nan], pd.array([0.5, None], dtype="Float64")),
    "missing texts": (["a", None], ["a", np.nan]),
    "string dtype": (["a", None], pd.array(["a", pd.NA], dtype="string")),
    "categories": (["b", "a"], pd.Categorical(["b", "a"], categories=["z", "b", "a"])),
    "arrow texts": (["b", None], pd.Series(["b", None], dtype=pd.ArrowDtype(pa.string()))),
    "zones": (
        pd.to_datetime(["2013-01-01T12:00+00:00"]),
        pd.to_datetime(["2013-01-01T07:00-05:00"]).tz_convert("America/New_York"),
    ),
    "no zone is UTC": (pd.to_datetime(["2013-01-01T12:00+00:00"]), pd.to_datetime(["2013-01-01T12:00"])),
    "time units": (
        pd.to_datetime(["2013-01-01T12:00+00:00"]).as_unit("ns"),
        pd.to_datetime(["2013-01-01T12:00+00:00"]).as_unit("s"),
    ),
    "signs of zero": ([0.0], [-0.0]),
    "NaN of another make": ([np.nan], np.array([0x7FF8000000000001], dtype="uint64").view("float64")),
    "lists and arrays": ([[1.0, 2.0]], [np.array([1.0, 2.0])]),
}
DIFFERENT = {
    "values": ([1, 2], [1, 3]),
    "order": ([1, 2], [2, 1]),
    "length": ([1, 2], [1, 2, 2]),
    "types": ([1, 2], [1.0, 2.0]),
    "missing and empty": (["a", None], ["a", ""]),
    "where it is missing": ([None, "a"], ["a", None]),
    "cuts between texts": (["ab", "c"], ["a", "bc"]),
    "cuts between lists": ([[1.0], [2.0, 3.0]], [[1.0, 2.0], [3.0]]),
    "missing and empty list": ([[1.0], None], [[1.0], []]),
    "instants": (pd.to_datetime(["2013-01-01"], utc=True), pd.to_datetime(["2013-01-02"], utc=True)),
    "bool and number": ([True], [1]),
}


@pytest.mark.parametrize(("left", "right"), EQUAL.values(), ids=EQUAL.keys())
def test_storage_does_not_count(left, right):
    assert frame_hash(pd.DataFrame({"x": left})) == frame_hash(pd.DataFrame({"x": right}))


@pytest.mark.parametrize(("left", "right"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_other_content_has_another_hash(left, right):
    assert frame_hash(pd.DataFrame({"x": left})) != frame_hash(pd.DataFrame({"x": right}))


def test_names_and_their_order_count_and_the_index_does_not():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert frame_hash(frame.rename(columns={"a": "c"})) != frame_hash(frame)
    assert frame_hash(frame[["b", "a"]]) != frame_hash(frame)
    assert frame_hash(frame.set_index(pd.Index([7, 8]))) == frame_hash(frame)


def test_no_rows_with_and_without_columns_differ():
    assert frame_hash(pd.DataFrame()) != frame_hash(pd.DataFrame(columns=["a"]))


def test_slices_of_larger_buffers_hash_like_copies():
    table = canonical_table(MIXED)
    for start in range(3):
        part = table.slice(start, 2)
        copied = canonical_table(MIXED.iloc[start : start + 2])
        for name in table.column_names:
            if copied[name].type == part[name].type:
                assert table_hash(part.select([name])) == table_hash(copied.select([name])), name


def test_chunks_do_not_count():
    table = canonical_table(MIXED)
    pieces = pa.concat_tables([table.slice(0, 1), table.slice(1, 2)])
    assert table_hash(pieces) == table_hash(table)


@given(
    data_frames(
        [
            column("f", dtype=float),
            column("i", dtype=int),
            column("s", elements=st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=4)), dtype=object),
        ]
    )
)
def test_survives_arrow(frame):
    """What is read back from a file has the hash it was written with."""
    table = canonical_table(frame)
    assert frame_hash(table.to_pandas()) == frame_hash(frame) or "null" in map(str, table.schema.types)
    assert table_hash(table) == frame_hash(frame)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame({"x": ["a", 1]}), "column 'x' must hold values of one type"),
        (pd.DataFrame({"x": [object()]}), "column 'x' must hold values of one type"),
        (pd.DataFrame({"x": pd.to_timedelta(["1 day"])}), "column 'x' cannot be stored as duration"),
        (pd.DataFrame({"x": np.array([2**64 - 1], dtype="uint64")}), "column 'x' cannot be stored as uint64"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "unique texts"),
        (pd.DataFrame({1: [1]}), "unique texts"),
    ],
)
def test_says_what_cannot_be_hashed(frame, said):
    with pytest.raises(TypeError, match=said):
        frame_hash(frame)


def test_times_are_cut_to_microseconds():
    moment = pd.Timestamp(datetime(2013, 1, 1, tzinfo=UTC))
    fine = pd.DataFrame({"x": [moment + pd.Timedelta(999, "ns")]})
    assert frame_hash(fine) == frame_hash(pd.DataFrame({"x": [moment]}))
