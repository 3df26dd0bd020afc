"""The importance of a column is what the model loses without it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.inspection import permutation_importance as by_sklearn
from sklearn.linear_model import LinearRegression, LogisticRegression

from retrain_assets.errors import DataError
from retrain_assets.training import importance
from retrain_assets.training.importance import NO_COLUMN, leading_columns, permutation_importance

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame({"strong": RNG.normal(size=800), "weak": RNG.normal(size=800), "none": RNG.normal(size=800)})
VALUES = 3 * ROWS["strong"] + ROWS["weak"] + RNG.normal(size=800)


class Chosen(BaseEstimator):
    """A linear model on the three columns, whatever else the frame holds."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return self.model.predict(frame[list(ROWS)])

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        return self.model.predict_proba(frame[list(ROWS)])


LINEAR = Chosen(LinearRegression().fit(ROWS, VALUES))


def test_it_is_what_scikit_learn_finds_and_the_platforms_columns_have_none() -> None:
    found = permutation_importance(
        LINEAR, ROWS.assign(ra_row_id="r"), VALUES, metric="squared_error", classes=(), seed=0
    )
    assert set(found) == {"strong", "weak", "none"}
    theirs = by_sklearn(LINEAR.model, ROWS, VALUES, scoring="neg_mean_squared_error", n_repeats=20, random_state=0)
    for name, mean in zip(list(found), theirs["importances_mean"], strict=True):
        assert found[name] == pytest.approx(mean, rel=0.15, abs=0.05)


def test_columns_are_scored_in_pieces_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = permutation_importance(LINEAR, ROWS, VALUES, metric="squared_error", classes=(), seed=0)
    monkeypatch.setattr(importance, "_STACKED", 1)
    assert permutation_importance(LINEAR, ROWS, VALUES, metric="squared_error", classes=(), seed=0) == whole
    monkeypatch.setattr(importance, "ROWS", 100)
    fewer = permutation_importance(LINEAR, ROWS, VALUES, metric="squared_error", classes=(), seed=0)
    assert fewer["strong"] == pytest.approx(whole["strong"], rel=0.4)


def test_of_a_metric_that_is_no_mean_of_losses_the_log_loss_counts_and_unknown_labels_are_left_out() -> None:
    labels = np.where(VALUES > 0, "yes", "no").astype(object)
    model = Chosen(LogisticRegression().fit(ROWS, labels))
    labels[:50] = "new"
    found = permutation_importance(model, ROWS, labels, metric="roc_auc", classes=("no", "yes"), seed=0)
    assert found == permutation_importance(
        model, ROWS[50:], labels[50:], metric="log_loss", classes=("no", "yes"), seed=0
    )
    assert found["strong"] > 3 * found["weak"] > 3 * abs(found["none"])
    assert permutation_importance(model, ROWS[:50], labels[:50], metric="log_loss", classes=("no", "yes"), seed=0) == {}


def test_a_model_that_refuses_rows_that_cannot_be_tells_nothing_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    class Strict(Chosen):
        def predict(self, frame: pd.DataFrame) -> np.ndarray:
            if not (frame["strong"] + frame["weak"] == frame["none"]).all():
                raise DataError("the sum is not the sum")
            return super().predict(frame)

    rows = ROWS.assign(none=ROWS["strong"] + ROWS["weak"])
    assert permutation_importance(Strict(LINEAR.model), rows, VALUES, metric="squared_error", classes=(), seed=0) == {}
    assert "the importance of the columns is unknown: shuffled rows give DataError" in caplog.text


def test_the_leading_column_of_a_row_is_that_which_its_prediction_rests_on() -> None:
    settings: dict[str, Any] = {"metric": "squared_error", "classes": (), "seed": 0}
    exact = LINEAR.predict(ROWS)
    found = leading_columns(LINEAR, ROWS.assign(ra_row_id="r"), exact, **settings)
    assert found is not None
    shares = found.value_counts(normalize=True)
    assert shares["strong"] > 0.6 > shares["weak"] > 0.05
    # Of a model without any error a shuffle is worse for every row that it moves.
    assert shares.get(NO_COLUMN, 0.0) < 0.01
    # Where the truth is the opposite, it is better without what it rests on.
    turned = leading_columns(LINEAR, ROWS, -exact, **settings)
    assert turned is not None
    assert (turned == "strong").mean() < (found == "strong").mean() - 0.2
    assert (turned == NO_COLUMN).mean() > 0.1
    assert leading_columns(LINEAR, ROWS.head(0), exact[:0], **settings) is None
