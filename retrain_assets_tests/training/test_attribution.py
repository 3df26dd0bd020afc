"""What a column adds to the score of a row is the change that it makes against values of the reference."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.profile import profile_table
from retrain_assets.errors import DataError
from retrain_assets.training import attribution
from retrain_assets.training.attribution import attributions
from retrain_assets.training.stand_ins import stand_ins

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame(
    {
        "x": RNG.normal(size=2_000),
        "k": RNG.choice(["a", "b"], 2_000, p=[0.8, 0.2]),
        "count": RNG.poisson(3, 2_000),
        "flag": RNG.random(2_000) < 0.4,
        "none": RNG.normal(size=2_000),
        "ra_row_id": "r",
    }
)
REFERENCE = profile_table(ROWS).columns


class Formula(BaseEstimator):
    """`3 x + 2 [k = b] + count + flag`, and more where it is told."""

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        assert frame.dtypes.equals(ROWS.dtypes)
        return (3 * frame["x"] + 2.0 * (frame["k"] == "b") + frame["count"] + frame["flag"]).to_numpy(dtype=np.float64)


def test_of_a_sum_it_is_the_term_less_its_mean_over_the_reference() -> None:
    """In which there are no interactions: there it is the Shapley value."""
    found = attributions(Formula(), ROWS, REFERENCE, classes=())
    rows = ROWS.iloc[np.linspace(0, len(ROWS) - 1, attribution.ROWS).astype(int)].reset_index(drop=True)
    assert list(found) == ["x", "k", "count", "flag", "none"]
    assert len(found) == attribution.ROWS
    assert found["x"].to_numpy() == pytest.approx(3 * (rows["x"] - ROWS["x"].mean()), abs=0.2)
    assert found["k"].to_numpy() == pytest.approx(2.0 * ((rows["k"] == "b") - 0.2), rel=1e-4)
    assert found["count"].to_numpy() == pytest.approx(rows["count"] - 3.0, abs=0.3)
    assert found["flag"].to_numpy() == pytest.approx(rows["flag"] - 0.4, rel=1e-4)
    assert (found["none"] == 0).all()


def test_it_moves_with_the_values_that_the_reference_does_not_have() -> None:
    found = attributions(Formula(), ROWS.assign(x=ROWS["x"] + 1), REFERENCE, classes=())
    assert found["x"].mean() == pytest.approx(3.0, abs=0.4)


def test_rows_and_predictions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[int] = []

    class Counted(Formula):
        def predict(self, frame: pd.DataFrame) -> np.ndarray:
            scored.append(len(frame))
            return super().predict(frame)

    whole = attributions(Counted(), ROWS, REFERENCE, classes=())
    assert sum(scored) == attribution.ROWS * (1 + 5 * attribution.VALUES)
    monkeypatch.setattr(attribution, "_STACKED", 1)
    assert attributions(Counted(), ROWS, REFERENCE, classes=()).equals(whole)
    scored.clear()
    monkeypatch.setattr(attribution, "SCORED", 2_500)
    assert len(attributions(Counted(), ROWS, REFERENCE, classes=())) == 100
    assert sum(scored) == 2_500 + 100
    monkeypatch.setattr(attribution, "MAX_COLUMNS", 2)
    assert list(attributions(Counted(), ROWS, REFERENCE, classes=())) == ["x", "k"]


def test_of_several_classes_it_is_that_of_the_most_probable_one() -> None:
    frame = pd.DataFrame({"x": np.linspace(-3, 3, 300), "z": 0.0})
    labels = np.digitize(frame["x"], [-1, 1])
    model = LogisticRegression().fit(frame, labels)
    found = attributions(model, frame, profile_table(frame).columns, classes=(0, 1, 2))
    # At either end the class that is certain there owes it to `x`: elsewhere another one is.
    assert found["x"].to_numpy()[[0, -1]].min() > 2
    assert (found["z"] == 0).all()


def test_of_log_odds_that_add_up_it_does_not_matter_where_the_other_columns_are() -> None:
    frame = pd.DataFrame({"x": RNG.normal(size=1_000), "z": RNG.normal(size=1_000)})
    model = LogisticRegression().fit(frame, frame["x"] + frame["z"] + RNG.normal(size=1_000) > 0)
    reference = profile_table(frame).columns
    calm, moved = (
        attributions(model, rows, reference, classes=(False, True)) for rows in (frame, frame.assign(x=frame["x"] + 2))
    )
    assert moved["z"].to_numpy() == pytest.approx(calm["z"].to_numpy(), abs=1e-6)
    assert (moved["x"] - calm["x"]).to_numpy() == pytest.approx(2 * model.coef_[0, 0], abs=1e-3)


def test_rounding_of_the_scores_makes_no_further_values() -> None:
    """Of log-odds that add up a flag has two attributions, wherever the other columns are."""
    frame = pd.DataFrame({"x": RNG.normal(size=1_000), "flag": RNG.random(1_000) < 0.5})
    model = LogisticRegression().fit(frame, frame["x"] + 0.4 * frame["flag"] + RNG.normal(size=1_000) > 0)
    reference = profile_table(frame).columns
    calm, moved = (
        attributions(model, rows, reference, classes=(False, True)) for rows in (frame, frame.assign(x=frame["x"] + 1))
    )
    assert calm["flag"].nunique() == 2
    assert set(calm["flag"]) == set(moved["flag"])


@pytest.mark.parametrize("flags", [[True] * 100, pd.array([True] * 100, dtype="boolean")], ids=["flags", "nullable"])
def test_flags_that_are_all_alike_are_compared_with_those_of_the_reference(flags: Any) -> None:
    class Ten(BaseEstimator):
        def predict(self, frame: pd.DataFrame) -> np.ndarray:
            return 10 * frame["flag"].to_numpy(dtype=np.float64)

    reference = profile_table(pd.DataFrame({"flag": [True, True, True, False, False] * 20})).columns
    found = attributions(Ten(), pd.DataFrame({"flag": flags}), reference, classes=())
    assert found["flag"].tolist() == pytest.approx([4.0] * 100, rel=1e-4)


@pytest.mark.parametrize(
    ("reference", "dtype"),
    [(["a", "b"], object), (["a", "b"], "string"), ([True, False], "boolean"), ([True, False], object)],
)
def test_a_column_without_any_value_is_stood_in_for_by_those_of_the_reference(reference: list[Any], dtype: Any) -> None:
    found = stand_ins(column(reference)[0], pd.Series([None] * 9, dtype=dtype), 2)
    assert found is not None
    assert set(found) == set(reference)
    assert found.dtype == dtype


def test_what_a_model_refuses_is_an_error() -> None:
    class Refuses(Formula):
        def predict(self, frame: pd.DataFrame) -> np.ndarray:
            return super().predict(frame) / (0.0 if len(frame) > attribution.ROWS else 1.0)

    with pytest.raises(DataError, match="finite"), np.errstate(all="ignore"):
        attributions(Refuses(), ROWS, REFERENCE, classes=())


@pytest.mark.parametrize("rows", [ROWS.iloc[:0], ROWS[["ra_row_id"]]], ids=["no rows", "no known column"])
def test_of_nothing_there_is_nothing(rows: pd.DataFrame) -> None:
    assert attributions(Formula(), rows, REFERENCE, classes=()).empty


def column(values: Any) -> tuple[ColumnProfile, pd.Series]:
    made = pd.Series(values)
    return profile_table(made.to_frame("c"))["c"], made


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(100.0), [9.0, 29.0, 49.0, 69.0, 89.0]),
        (np.arange(100), [9, 29, 49, 69, 89]),
        (pd.array([1, None, 1, None, 1], dtype="Int64"), [1, 1, 1, None, None]),
        ([True, False, True, True, True], [True] * 4 + [False]),
        (["a", "b", None, "a", "a"], ["a", "a", "a", "b", None]),
        (pd.Categorical([7, 8, 7, 7, 7]), [7, 7, 7, 7, 8]),
        ([1.0] * 4 + [None], [1.0] * 4 + [None]),
    ],
    ids=["doubles", "whole", "nullable", "flags", "texts", "categories", "with gaps"],
)
def test_stand_ins_are_values_of_the_column_in_their_shares(values: Any, expected: list[Any]) -> None:
    reference, like = column(values)
    found = stand_ins(reference, like, 5)
    assert found is not None
    pd.testing.assert_series_equal(found, pd.Series(expected, dtype=like.dtype))


def test_there_are_none_for_times_decimals_and_values_that_a_column_cannot_have() -> None:
    times, like = column(pd.to_datetime(["2024-01-01", "2024-01-02"], utc=True))
    assert stand_ins(times, like, 5) is None
    labels, _ = column(["a", "b"])
    assert stand_ins(labels, pd.Series(pd.Categorical(["x"])), 5) is None
    texts = stand_ins(labels, pd.Series(["x", "y"]), 2)
    assert texts is not None
    assert texts.tolist() == ["a", "b"]
    assert stand_ins(labels, pd.Series([1.0, 2.0]), 5) is None
    numbers, _ = column([1.0, 2.0])
    assert stand_ins(numbers, pd.Series(["x"]), 5) is None
