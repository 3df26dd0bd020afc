"""A guessed schema accepts the rows it was guessed from, and reads as a person would have written it."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.data.contracts import Contract
from retrain_assets.data.infer import infer_columns
from retrain_assets.data.reading import TEXT, read_part
from retrain_assets.spec import ColumnSpec
from retrain_assets_tests.data.contract_world import clean_rows, declared, first_batch


def inferred(*values, dtype=None) -> ColumnSpec:
    return infer_columns(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}))["x"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, 2, 3, 3), ColumnSpec(type="int", min=0, max=4)),
        ((1.5, 2.5, None), ColumnSpec(type="float", nullable=True, min=1.25, max=2.75)),
        ((1.0, 2.0, None), ColumnSpec(type="float", nullable=True, min=0.75, max=2.25)),
        ((-4.0, -2.5), ColumnSpec(type="float", min=-4.38, max=-2.12)),
        ((5, 5, 5), ColumnSpec(type="int")),
        ((True, False), ColumnSpec(type="bool")),
        (("true", "false", None), ColumnSpec(type="bool", nullable=True)),
        (("a", "b", "a", "b"), ColumnSpec(type="category", values=("a", "b"))),
        (("a", "b", "c"), ColumnSpec(type="string")),
        (("007", "008", "007", "008"), ColumnSpec(type="category", values=("007", "008"))),
        (("2013-01-01", "2013-01-02"), ColumnSpec(type="datetime")),
        (("1", "x", "2"), ColumnSpec(type="string")),
        (("1", "2", "2", "4"), ColumnSpec(type="int", min=0, max=5)),
        ((None, None), ColumnSpec(type="string", nullable=True)),
        ((np.inf, 1.0, 2.0), ColumnSpec(type="float", min=0.75, max=2.25)),
    ],
)
def test_types_gaps_limits_and_categories(values, expected):
    assert inferred(*values) == expected


def test_whole_numbers_beyond_64_bits_with_a_sign_are_floats():
    assert infer_columns(pd.DataFrame({"n": np.array([2**63, 5], dtype="uint64")}))["n"].type == "float"


def test_ids_have_no_limits():
    assert inferred(*range(1000)).max is None
    assert inferred(*(list(range(1000)) * 2)).max is not None


def test_texts_of_a_file_are_guessed_like_typed_values():
    rows = clean_rows(200)
    texts = read_part("f", "csv", rows.to_csv(index=False).encode())
    assert all(dtype == TEXT for dtype in texts.dtypes)
    assert infer_columns(texts) == infer_columns(pd.read_csv(io.BytesIO(rows.to_csv(index=False).encode())))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-(10**12), 10**12)),
            st.one_of(st.none(), st.floats(-1e9, 1e9)),
            st.sampled_from(["a", "b", "c", "d e", "é"]),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_the_rows_it_was_guessed_from_are_accepted(rows):
    frame = pd.DataFrame(rows, columns=["n", "f", "s"])
    frame = frame.assign(n=frame["n"].astype("Int64"), at=pd.Timestamp("2013-01-02T10:00Z"), y=0)
    for written in (frame, read_part("f", "csv", frame.to_csv(index=False).encode())):
        columns = infer_columns(written)
        made = Contract.of(declared(schema=columns, row_id=()))
        result = made.check([("f", written)], first_batch(made.spec))
        assert result.reasons == {}
        assert len(result.accepted) == len(rows)
