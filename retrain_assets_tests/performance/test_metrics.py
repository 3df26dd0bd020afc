"""Every metric is what scikit-learn says it is; what cannot be judged is refused in words."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from retrain_assets.errors import DataError, InsufficientDataError
from retrain_assets.performance.metrics import LOSSES, metric_statistic, metric_value, row_losses
from retrain_assets.performance.scores import Scores


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def binary(rng, rows=400):
    probability = np.round(rng.beta(2, 3, rows), 2)  # rounded: ties, as trees make them
    return (rng.random(rows) < probability).astype(int), probability


def multi(rng, rows=400):
    probability = rng.dirichlet([2, 1, 1], rows)
    labels = np.array(["a", "b", "c"])[[rng.choice(3, p=row) for row in probability]]
    return labels, probability


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log_loss", reference.log_loss),
        ("brier", reference.brier_score_loss),
        ("roc_auc", reference.roc_auc_score),
        ("accuracy", lambda y, p: reference.accuracy_score(y, p > 0.5)),
    ],
)
def test_metrics_of_two_classes_are_those_of_scikit_learn(rng, name, expected):
    labels, probability = binary(rng)
    assert metric_value(name, labels, Scores(probability, (0, 1))) == pytest.approx(expected(labels, probability))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log_loss", reference.log_loss),
        ("brier", reference.brier_score_loss),
        ("roc_auc", lambda y, p: reference.roc_auc_score(y, p, multi_class="ovr")),
        ("accuracy", lambda y, p: reference.accuracy_score(y, np.array(["a", "b", "c"])[p.argmax(axis=1)])),
    ],
)
def test_metrics_of_three_classes_are_those_of_scikit_learn(rng, name, expected):
    labels, probability = multi(rng)
    got = metric_value(name, labels, Scores(probability, ("a", "b", "c")))
    assert got == pytest.approx(expected(labels, probability))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("squared_error", reference.mean_squared_error),
        ("absolute_error", reference.mean_absolute_error),
        ("poisson_deviance", reference.mean_poisson_deviance),
        ("r2", reference.r2_score),
    ],
)
def test_metrics_of_numbers_are_those_of_scikit_learn(rng, name, expected):
    mean = rng.gamma(2, 3, 300)  # some counts are 0
    labels = rng.poisson(mean)
    assert metric_value(name, labels, Scores(mean)) == pytest.approx(expected(labels, mean))


@pytest.mark.parametrize("name", ["log_loss", "brier", "roc_auc", "accuracy"])
def test_weights_count_rows_as_often_as_they_are_drawn(rng, name):
    labels, probability = binary(rng, rows=60)
    times = rng.integers(0, 4, 60)
    scores = Scores(probability, (0, 1))
    weighted = metric_statistic(name, labels, scores)(times[None, :].astype(float))[0]
    repeated = np.repeat(np.arange(60), times)
    assert weighted == pytest.approx(metric_value(name, labels[repeated], scores.take(repeated)))


def test_weights_count_rows_in_r2_too_also_far_from_zero(rng):
    labels = 1e6 + rng.normal(size=60)
    scores = Scores(labels + rng.normal(size=60))
    times = rng.integers(0, 4, 60)
    repeated = np.repeat(np.arange(60), times)
    weighted = metric_statistic("r2", labels, scores)(times[None, :].astype(float))[0]
    assert weighted == pytest.approx(reference.r2_score(labels[repeated], scores.values[repeated]), rel=1e-6)


@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_the_metric_is_the_mean_of_the_row_losses(rng, name):
    labels, probability = binary(rng)
    scores = Scores(probability, (0, 1))
    assert row_losses(name, labels, scores).mean() == pytest.approx(metric_value(name, labels, scores))


def test_two_classes_give_the_same_log_loss_as_one_column_and_as_two(rng):
    labels, probability = binary(rng)
    one, two = Scores(probability, (0, 1)), Scores(np.column_stack([1 - probability, probability]), (0, 1))
    np.testing.assert_allclose(row_losses("log_loss", labels, one), row_losses("log_loss", labels, two))


def test_a_certain_mistake_costs_much_and_stays_finite():
    assert row_losses("log_loss", [1], Scores(np.array([0.0]), (0, 1)))[0] == pytest.approx(-np.log(1e-15))
    assert np.isfinite(row_losses("poisson_deviance", [3], Scores(np.array([-2.0])))[0])


@pytest.mark.parametrize(
    "labels", [[True, False], np.array([1, 0]), pd.Series([1.0, 0.0]), np.array([1, 0], dtype=object)]
)
def test_labels_are_matched_by_value_whatever_their_type(labels):
    assert metric_value("accuracy", labels, Scores(np.array([0.9, 0.1]), (False, True))) == 1


def test_a_label_of_no_known_class_is_named():
    with pytest.raises(DataError, match=r"1 of 2 labels are none of the model's classes \('a', 'b'\): 'z'"):
        row_losses("log_loss", ["a", "z"], Scores(np.array([0.5, 0.5]), ("a", "b")))


@pytest.mark.parametrize("labels", [[1, np.nan], pd.array([1, None]), pd.array([True, None])])
def test_a_missing_label_is_refused(labels):
    with pytest.raises(DataError, match="1 of 2 labels are none of the model's classes"):
        row_losses("log_loss", labels, Scores(np.array([0.5, 0.5]), (0, 1)))


def test_a_missing_number_is_refused():
    with pytest.raises(DataError, match="1 of 2 are not"):
        row_losses("squared_error", [1, np.nan], Scores(np.array([0.5, 0.5])))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", LOSSES)
def test_scores_that_are_not_finite_are_refused_by_every_loss(name, bad):
    classes = (0, 1) if name in ("log_loss", "brier") else ()
    with pytest.raises(DataError, match="1 of 2 are NaN or infinite"):
        row_losses(name, [0, 1], Scores(np.array([0.5, bad]), classes))


def test_probabilities_outside_of_0_to_1_are_refused():
    with pytest.raises(DataError, match=r"must lie in \[0, 1\] \(got 1.2\)"):
        row_losses("brier", [0, 1], Scores(np.array([0.5, 1.2]), (0, 1)))


def test_negative_counts_are_refused():
    with pytest.raises(DataError, match="must not be negative"):
        row_losses("poisson_deviance", [-1], Scores(np.array([1.0])))


@pytest.mark.parametrize(
    ("name", "labels", "scores"),
    [
        ("roc_auc", [1, 1], Scores(np.array([0.5, 0.6]), (0, 1))),
        ("r2", [2.0, 2.0], Scores(np.array([0.5, 0.6]))),
        ("log_loss", [], Scores(np.array([]), (0, 1))),
    ],
)
def test_a_metric_that_the_rows_do_not_define_is_an_error_of_its_own(name, labels, scores):
    with pytest.raises(InsufficientDataError):
        metric_value(name, labels, scores)


def test_mistaken_names_and_kinds_are_told():
    with pytest.raises(ValueError, match="Did you mean 'log_loss'"):
        metric_value("log_los", [0], Scores(np.array([0.5]), (0, 1)))
    with pytest.raises(ValueError, match="must be a mean of row losses"):
        row_losses("roc_auc", [0], Scores(np.array([0.5]), (0, 1)))
    with pytest.raises(ValueError, match="needs class probabilities"):
        metric_value("log_loss", [0], Scores(np.array([0.5])))
    with pytest.raises(ValueError, match="needs predicted values"):
        metric_value("squared_error", [0], Scores(np.array([0.5]), (0, 1)))
    with pytest.raises(ValueError, match="one for each of the 2 scores"):
        metric_value("squared_error", [0], Scores(np.array([0.5, 1.0])))
