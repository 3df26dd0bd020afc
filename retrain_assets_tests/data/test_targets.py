"""A label has one type for a model, however the source writes it."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from retrain_assets.data.reading import TEXT
from retrain_assets.data.targets import read_targets
from retrain_assets_tests.data.contract_world import declared

NOTHING = pa.DataFrameSchema({})


def labels(values, *, metric="log_loss", schema=NOTHING) -> tuple[list, str, int]:
    parts = [pd.DataFrame({"y": part}) for part in values]
    made, bad = read_targets(parts, declared(metric=metric, schema="some.module:Name"), schema)
    return [None if pd.isna(value) else value for value in made], str(made.dtype), int(bad.sum())


@pytest.mark.parametrize(
    ("values", "expected", "dtype"),
    [
        (pd.Series([True, None, False], dtype="boolean"), [True, None, False], "boolean"),
        (pd.Series(["true", None, "False"], dtype=TEXT), [True, None, False], "boolean"),
        (pd.Series([1.0, np.nan, 0.0]), [1, None, 0], "Int64"),
        (pd.Series(["1", "0", None], dtype=TEXT), [1, 0, None], "Int64"),
        (pd.Series(["cat", "dog", None], dtype=TEXT), ["cat", "dog", None], "object"),
        (pd.Series(["cat", "dog"], dtype="category"), ["cat", "dog"], "object"),
        (pd.Series([1, "dog"], dtype="object"), ["1", "dog"], "object"),
    ],
)
def test_classes_are_booleans_integers_or_texts(values, expected, dtype):
    assert labels([values]) == (expected, dtype, 0)


@pytest.mark.parametrize(
    ("values", "expected", "dtype"),
    [
        (["oops", *"0101010101"], [None, *[0, 1] * 5], "Int64"),
        (["oops", *["true"] * 10], [None, *[True] * 10], "boolean"),
        (["10+", *"123"], ["10+", *"123"], "object"),
    ],
)
def test_one_typing_error_does_not_make_the_others_text(values, expected, dtype):
    made, found, bad = labels([pd.Series(values, dtype=TEXT)])
    assert (made, found, bad) == (expected, dtype, expected.count(None))


def test_what_the_schema_says_of_the_target_counts():
    schema = pa.DataFrameSchema({"y": pa.Column(str)})
    assert labels([pd.Series([1, 0])], schema=schema) == (["1", "0"], "object", 0)
    schema = pa.DataFrameSchema({"y": pa.Column(pd.BooleanDtype(), nullable=True)})
    assert labels([pd.Series(["1", "x"], dtype=TEXT)], schema=schema) == ([True, None], "boolean", 1)


def test_a_regression_has_numbers_and_nothing_infinite():
    made = labels([pd.Series(["1.5", "inf", "x", None], dtype=TEXT)], metric="squared_error")
    assert made == ([1.5, None, None, None], "float64", 2)


def test_files_with_and_without_the_target_go_together():
    made = labels([pd.Series(["1"], dtype=TEXT), pd.Series([], dtype="object"), pd.Series([0])])
    assert made == ([1, 0], "Int64", 0)
    spec = declared(schema="some.module:Name")
    absent, bad = read_targets([pd.DataFrame({"x": [1, 2]})], spec, NOTHING)
    assert absent.isna().all()
    assert not bad.any()
