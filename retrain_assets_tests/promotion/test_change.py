"""How far two models lie apart on the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.change import Change, change_of, large
from retrain_assets.spec import LargeChangeSpec


def binary(*values: float) -> Scores:
    return Scores(np.array(values), (0, 1))


def test_the_same_answers_are_no_change():
    made = change_of(binary(0.2, 0.9), binary(0.2, 0.9), [0, 1])
    assert made == Change(churn=0.0, negative_flips=0.0, score_shift=0.0)


def test_a_flip_to_the_right_class_is_churn_and_no_negative_flip():
    made = change_of(binary(0.9, 0.9), binary(0.1, 0.9), [1, 1])
    assert made == Change(churn=0.5, negative_flips=0.0, score_shift=0.4)


def test_classes_that_only_one_of_them_knows():
    new = Scores(np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), ("a", "b", "c"))
    old = Scores(np.array([0.0, 0.0]), ("a", "b"))
    assert change_of(new, old, ["c", "a"]) == Change(churn=0.5, negative_flips=0.0, score_shift=0.5)


def test_a_regression_is_measured_in_deviations_of_the_champion():
    made = change_of(Scores(np.array([2.0, 4.0])), Scores(np.array([1.0, 3.0])), [0, 0])
    assert made == Change(churn=None, negative_flips=None, score_shift=1.0)
    constant = Scores(np.array([1.0, 1.0]))
    assert change_of(constant, constant, [0, 0]).score_shift == 0.0
    assert change_of(Scores(np.array([1.0, 2.0])), constant, [0, 0]).score_shift == np.inf


@pytest.mark.covers("promote.approval.large_change.churn", "promote.approval.large_change.score_shift")
def test_either_measure_makes_a_change_large():
    change = Change(churn=0.08, negative_flips=0.02, score_shift=0.05)
    assert large(change, LargeChangeSpec()) is None
    churned = large(change, LargeChangeSpec(churn=0.05))
    shifted = large(change, LargeChangeSpec(score_shift=0.01))
    assert churned == "8.0% of the rows get another class (large above 5.0%)"
    assert shifted == "the scores lie 0.05 apart (large above 0.01)"


def test_what_cannot_be_known_is_large():
    assert large(change_of(binary(), binary(), []), LargeChangeSpec()) == "the change against the champion is unknown"
