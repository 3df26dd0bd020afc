"""The feature matrix: learned on the training rows, fixed from then on; scikit-learn is the reference."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.preprocessing import StandardScaler

from retrain_assets.errors import DataError, DeclarationError
from retrain_assets.training.features import FeatureMatrix

ROWS = pd.DataFrame({"n": [1.0, np.nan, 5.0, 6.0], "c": ["b", "a", None, "b"], "f": [True, False, True, True]})


def test_numbers_come_first_and_categories_are_ordered_by_name() -> None:
    matrix = FeatureMatrix().fit_transform(ROWS)
    assert list(matrix.columns) == ["f", "n", "c"]
    assert matrix["n"].tolist() == [1.0, 5.0, 5.0, 6.0]  # the median of 1, 5 and 6
    assert matrix["f"].tolist() == [1.0, 0.0, 1.0, 1.0]
    assert matrix["c"].tolist() == [2.0, 1.0, 0.0, 2.0]  # a missing value is a category of its own
    assert (matrix.dtypes == np.float64).all()


@pytest.mark.parametrize(("impute", "value"), [("median", 5.0), ("mean", 4.0), ("none", np.nan)])
def test_missing_numbers_are_imputed_as_declared(impute: Any, value: float) -> None:
    matrix = FeatureMatrix(columns=["n"], impute=impute).fit(ROWS)
    np.testing.assert_equal(matrix.transform(ROWS)["n"].iloc[1], value)


def test_statistics_are_those_of_the_training_rows() -> None:
    matrix = FeatureMatrix(columns=["n"], scale=True, impute="none").fit(ROWS)
    later = pd.DataFrame({"n": [100.0, 200.0]})
    expected = np.asarray(StandardScaler().fit(ROWS[["n"]].to_numpy()).transform(later.to_numpy()))
    np.testing.assert_allclose(matrix.transform(later), expected)


def test_a_category_that_training_did_not_see() -> None:
    later = pd.DataFrame({"c": ["z", "a"]})
    assert FeatureMatrix(columns=["c"]).fit(ROWS).transform(later)["c"].tolist() == [-1.0, 1.0]
    one_hot = FeatureMatrix(columns=["c"], encode="one_hot").fit(ROWS)
    assert list(one_hot.get_feature_names_out()) == ["c=<missing>", "c=a", "c=b"]
    assert one_hot.transform(later).to_numpy().tolist() == [[0, 0, 0], [0, 1, 0]]


def test_a_number_used_as_category_survives_a_missing_neighbour() -> None:
    matrix = FeatureMatrix().fit(pd.DataFrame({"c": pd.Categorical([1, 2, 1])}))
    later = pd.DataFrame({"c": pd.Categorical([1.0, np.nan, 2.0])})
    assert matrix.transform(later)["c"].tolist() == [0.0, -1.0, 1.0]


def test_nullable_types_are_read_like_plain_ones() -> None:
    plain = pd.DataFrame({"n": [1.0, np.nan, 3.0], "c": ["a", None, "b"]})
    nullable = pd.DataFrame(
        {"n": pd.array([1, None, 3], dtype="Int64"), "c": pd.array(["a", None, "b"], dtype="string")}
    )
    matrix = FeatureMatrix().fit(plain)
    pd.testing.assert_frame_equal(matrix.transform(plain), matrix.transform(nullable))


def test_a_column_that_was_all_missing_stays_a_feature() -> None:
    matrix = FeatureMatrix().fit(pd.DataFrame({"n": [np.nan, np.nan], "x": [1.0, 2.0]}))
    assert matrix.transform(pd.DataFrame({"n": [7.0], "x": [1.0]})).to_numpy().tolist() == [[7.0, 1.0]]


def test_gradient_boosting_fits_on_a_column_that_is_missing_until_later() -> None:
    """It takes missing values, but binning a column of nothing else ends in an error of its own."""
    rows = pd.DataFrame({"n": np.nan, "x": np.arange(40.0)})
    matrix = FeatureMatrix(impute="none").fit(rows)
    fitted = HistGradientBoostingRegressor(max_iter=2).fit(matrix.transform(rows), rows["x"])
    later = pd.DataFrame({"n": [7.0, np.nan], "x": [3.0, 3.0]})
    assert matrix.transform(later)["n"].tolist() == [7.0, 0.0]
    assert np.ptp(fitted.predict(matrix.transform(later))) == 0
    # Where training had values, what is missing stays so.
    assert matrix.fit(later).transform(later)["n"].isna().tolist() == [False, True]


@given(st.permutations(["n", "c", "f", "extra", "ra_row_id"]))
def test_order_and_extra_columns_do_not_matter(order: list[str]) -> None:
    matrix = FeatureMatrix().fit(ROWS)
    shuffled = ROWS.assign(extra=1, ra_row_id="x")[order]
    pd.testing.assert_frame_equal(matrix.transform(shuffled), matrix.transform(ROWS))
    pd.testing.assert_frame_equal(FeatureMatrix(ignored=["extra"]).fit_transform(shuffled), matrix.transform(ROWS))


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.floats(-1e6, 1e6) | st.just(np.nan)), min_size=1))
def test_a_row_is_transformed_alike_alone_and_among_others(values: list[tuple[str | None, float]]) -> None:
    rows = pd.DataFrame(values, columns=["c", "n"]).astype({"c": object})
    matrix = FeatureMatrix(columns=["n", "c"], scale=True).fit(ROWS)
    alone = np.vstack([matrix.transform(rows.iloc[[position]]) for position in range(len(rows))])
    np.testing.assert_array_equal(alone, matrix.transform(rows).to_numpy())


def test_declared_columns_keep_their_order_and_may_name_ignored_ones() -> None:
    assert FeatureMatrix(columns=["n", "f"], ignored=["n"]).fit(ROWS).features_ == ["n", "f"]


def test_a_mistyped_feature_is_named_with_a_hint() -> None:
    rows = pd.DataFrame({"distance": [1.0]})
    with pytest.raises(DeclarationError, match=r"features.columns: .*'distanse'.*Did you mean 'distance'"):
        FeatureMatrix(columns=["distanse"]).fit(rows)


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(DeclarationError, match="no column is left"):
        FeatureMatrix(ignored=["n"]).fit(pd.DataFrame({"n": [1.0], "ra_row_id": ["a"]}))


@pytest.mark.parametrize(
    "column",
    [
        pd.date_range("2013-01-01", periods=2, tz="UTC"),
        pd.to_timedelta([1, 2], unit="h"),
        pd.Series([pd.Timestamp("2013-01-01").date()] * 2),
    ],
)
def test_times_are_no_features_by_themselves(column: Any) -> None:
    with pytest.raises(DeclarationError, match=r"column 't' holds times .*derive numbers"):
        FeatureMatrix().fit(pd.DataFrame({"t": column}))


@pytest.mark.parametrize("values", [[b"x", b"y"], [1 + 2j, 0j], [[1], [2]], ["a", 1.5]])
def test_other_kinds_are_refused_with_a_remedy(values: list[Any]) -> None:
    with pytest.raises(DeclarationError, match="must hold numbers, booleans, text or categories"):
        FeatureMatrix().fit(pd.DataFrame({"o": values}))


def test_a_missing_feature_is_named() -> None:
    with pytest.raises(DataError, match=r"missing: c, f"):
        FeatureMatrix().fit(ROWS).transform(ROWS[["n"]])


def test_a_number_that_became_text_is_named() -> None:
    with pytest.raises(DataError, match="feature 'n' must be a number"):
        FeatureMatrix(columns=["n"]).fit(ROWS).transform(pd.DataFrame({"n": ["many"]}))


def test_infinity_is_named() -> None:
    with pytest.raises(DataError, match=r"infinite: n.*division by zero"):
        FeatureMatrix(columns=["n"]).fit(pd.DataFrame({"n": [1.0, np.inf]}))


def test_one_hot_of_a_column_of_names_is_refused() -> None:
    rows = pd.DataFrame({"name": [f"n{number}" for number in range(1001)]})
    with pytest.raises(DeclarationError, match=r"at most 1000 categories .*use ordinal"):
        FeatureMatrix(encode="one_hot").fit(rows)
