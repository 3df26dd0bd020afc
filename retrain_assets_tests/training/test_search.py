"""The random search: folds respect time and label delay, draws are decided by the seed."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.errors import DeclarationError, InsufficientDataError
from retrain_assets.training.search import search, time_folds
from retrain_assets.training.trainer import train
from retrain_assets_tests.training.samples import make_labels, make_rows, make_spec


def searching(draws: int = 3, folds: int = 3, **changed: Any) -> Any:
    estimator = {
        "class": "sklearn.linear_model.LogisticRegression",
        "search": {"params": {"C": [1e-6, 0.1, 1.0, 10.0]}, "draws": draws, "folds": folds},
        **changed,
    }
    return make_spec(estimator=estimator)


def test_the_best_draw_is_fitted() -> None:
    rows = make_rows()
    fitted = train(searching(draws=4), rows, make_labels(rows))
    losses = [draw.loss for draw in fitted.draws]
    assert losses == sorted(losses)
    assert fitted.params["C"] == fitted.draws[0].params["C"] != 1e-6
    assert all(len(draw.losses) == 3 for draw in fitted.draws)


def test_the_seed_decides_the_draws() -> None:
    rows = make_rows()
    labels = make_labels(rows)

    def drawn(seed: int) -> list[float]:
        return [draw.params["C"] for draw in search(searching(draws=2, seed=seed), rows, labels)]

    assert drawn(0) == drawn(0)
    assert len({tuple(drawn(seed)) for seed in range(6)}) > 1


def test_more_draws_than_settings_try_each_once() -> None:
    rows = make_rows()
    draws = search(searching(draws=50), rows, make_labels(rows))
    assert sorted(draw.params["C"] for draw in draws) == [1e-6, 0.1, 1.0, 10.0]


@given(folds=st.integers(2, 8), days=st.integers(64, 200), delay=st.sampled_from(["0 days", "3 days", "1 week"]))
def test_no_fold_trains_on_what_was_not_known(folds: int, days: int, delay: str) -> None:
    spec = make_spec(target={"column": "late", "label_delay": delay})
    time = make_rows(500, days=days)["time"]
    seen: list[int] = []
    previous: set[int] = set()
    for train_rows, valid_rows in time_folds(spec, time, folds):
        first = time.iloc[valid_rows].min().floor("D")
        assert (time.iloc[train_rows] + spec.target.label_delay).max() <= first + pd.Timedelta(days=1)
        assert time.iloc[train_rows].max() < time.iloc[valid_rows].min()
        assert previous <= set(train_rows)
        previous = set(train_rows)
        seen.extend(valid_rows)
    assert len(seen) == len(set(seen))
    assert max(seen) == len(time) - 1


def test_folds_are_cut_between_batches() -> None:
    spec = make_spec()
    time = make_rows(500)["time"]
    weeks = (time - spec.batches.start).dt.days // 7
    folds = list(time_folds(spec, time, 3))
    assert len(folds) == 3
    for train_rows, valid_rows in folds:
        assert not set(weeks.iloc[train_rows]) & set(weeks.iloc[valid_rows])


def test_too_few_batches() -> None:
    with pytest.raises(InsufficientDataError, match=r"at least 4 batches \(got 2\)"):
        list(time_folds(make_spec(), make_rows(days=14)["time"], 3))


def test_no_label_known_before_the_first_fold() -> None:
    spec = make_spec(target={"column": "late", "label_delay": "30 weeks"})
    with pytest.raises(
        InsufficientDataError, match=r"a label delay of 30 weeks needs .*no label was known before 2013"
    ):
        list(time_folds(spec, make_rows()["time"], 3))


def test_one_class_in_a_fold() -> None:
    rows = make_rows()
    labels = np.arange(len(rows)) > 280
    with pytest.raises(InsufficientDataError, match="one class only"):
        search(searching(), rows, labels)


def test_a_class_that_appears_later_counts_as_probability_zero() -> None:
    rows = make_rows()
    labels = np.where(np.arange(len(rows)) > 280, "new", np.where(make_labels(rows), "b", "a"))
    draws = search(searching(draws=1), rows, labels)
    assert draws[0].losses[-1] > draws[0].losses[0]


def test_an_empty_list_of_values_is_a_mistake() -> None:
    spec = make_spec(estimator={"class": "sklearn.linear_model.LogisticRegression", "search": {"params": {"C": []}}})
    with pytest.raises(DeclarationError, match=r"search.params.C: must list at least one value"):
        search(spec, make_rows(), make_labels(make_rows()))
