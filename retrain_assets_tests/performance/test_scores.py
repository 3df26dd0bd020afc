"""The one form in which predictions travel."""

import numpy as np
import pytest

from retrain_assets.performance.scores import Scores


def test_shapes_that_do_not_fit_the_classes_are_refused():
    for values, classes in [(np.zeros((3, 2)), ("a", "b", "c")), (np.zeros(3), ("a",)), (np.zeros((2, 2)), ())]:
        with pytest.raises(ValueError, match="scores must be"):
            Scores(values, classes)


def test_rows_are_taken_by_position_and_by_mask():
    scores = Scores(np.array([0.1, 0.2, 0.3]), ("n", "y"))
    assert scores.take(np.array([2, 0])).values.tolist() == [0.3, 0.1]
    assert scores.take(np.array([True, False, False])).values.tolist() == [0.1]
    assert len(scores) == 3


def test_a_class_that_the_model_does_not_know_has_probability_0():
    wider = Scores(np.array([0.25]), ("n", "y")).over(("y", "z", "n"))
    assert wider.values.tolist() == [[0.25, 0.0, 0.75]]
    narrow = Scores(np.array([[1.0]]), ("n",)).over(("n", "y"))
    assert narrow.values.tolist() == [0.0]


def test_no_class_of_the_model_may_get_lost():
    with pytest.raises(ValueError, match=r"missing: \['y'\]"):
        Scores(np.array([0.25]), ("n", "y")).over(("n", "z"))


def test_a_regression_has_no_probabilities():
    with pytest.raises(ValueError, match="no probabilities"):
        _ = Scores(np.array([0.25])).probabilities
