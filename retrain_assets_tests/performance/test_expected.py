"""What a model expects to lose is what it loses where its probabilities are true, and only there."""

import numpy as np
import pytest

from retrain_assets.performance.expected import expectable, expected_losses
from retrain_assets.performance.metrics import metric_value, row_losses
from retrain_assets.performance.scores import Scores


def drawn(probabilities, rng):
    return np.array([rng.choice(len(row), p=row) for row in probabilities])


@pytest.mark.parametrize("loss", ["log_loss", "brier"])
@pytest.mark.parametrize("classes", [2, 3])
def test_labels_that_follow_the_probabilities_cost_what_was_expected(loss, classes):
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet([1.5] * classes, 20_000)
    labels = drawn(probabilities, rng)
    scores = Scores(probabilities[:, 1] if classes == 2 else probabilities, tuple(range(classes)))
    lost, expected = row_losses(loss, labels, scores), expected_losses(loss, scores)
    error = (lost - expected).std() / np.sqrt(len(lost))
    assert abs(lost.mean() - expected.mean()) < 4 * error
    turned = row_losses(loss, (labels + 1) % classes, scores)
    assert turned.mean() - expected.mean() > 20 * error


def test_a_model_that_is_certain_expects_nothing():
    certain = Scores(np.array([0.0, 1.0]), (0, 1))
    assert expected_losses("log_loss", certain).tolist() == [0, 0]
    assert expected_losses("brier", certain).tolist() == [0, 0]


def test_it_is_a_metric_that_looks_at_no_label():
    scores = Scores(np.array([0.5, 0.5]), (0, 1))
    values = {metric_value("expected_log_loss", labels, scores) for labels in ([0, 0], [1, 1], [0, 1])}
    assert [*values] == [pytest.approx(np.log(2))]


def test_a_predicted_value_tells_no_expectation_of_its_error():
    assert expectable("squared_error") == ()
    with pytest.raises(ValueError, match="only log_loss, brier can be expected"):
        expected_losses("squared_error", Scores(np.array([1.0])))
