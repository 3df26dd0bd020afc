"""The naive baseline is the best constant for its metric."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.errors import InsufficientDataError
from retrain_assets.performance.metrics import metric_value
from retrain_assets.performance.scores import Scores
from retrain_assets.training.baseline import NaiveBaseline

COUNTS = st.lists(st.integers(0, 50), min_size=1, max_size=30)


@pytest.mark.parametrize("metric", ["squared_error", "absolute_error", "poisson_deviance"])
@given(labels=COUNTS, other=st.floats(0.01, 60))
def test_no_constant_is_better_for_a_regression(metric: str, labels: list[int], other: float) -> None:
    baseline = NaiveBaseline.fit(labels, metric).predict(len(labels))
    best = metric_value(metric, labels, baseline)
    assert best <= metric_value(metric, labels, Scores(np.full(len(labels), other))) + 1e-9


@pytest.mark.parametrize("metric", ["log_loss", "brier"])
@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c")])
@given(data=st.data())
def test_no_constant_is_better_for_a_classification(metric: str, classes: tuple[str, ...], data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.sampled_from(classes), min_size=1, max_size=30))
    weights = np.array(data.draw(st.tuples(*[st.floats(0.01, 1)] * len(classes))))
    constant = weights / weights.sum()
    values = np.full(len(labels), constant[1]) if len(classes) == 2 else np.tile(constant, (len(labels), 1))
    best = metric_value(metric, labels, NaiveBaseline.fit(labels, metric, classes).predict(len(labels)))
    assert best <= metric_value(metric, labels, Scores(values, classes)) + 1e-9


def test_a_class_without_labels_has_probability_zero() -> None:
    scores = NaiveBaseline.fit(["a", "a"], "log_loss", ("a", "b", "c")).predict(2)
    assert scores.values.tolist() == [[1, 0, 0], [1, 0, 0]]


def test_a_baseline_of_no_labels_is_refused() -> None:
    with pytest.raises(InsufficientDataError):
        NaiveBaseline.fit([], "squared_error")
