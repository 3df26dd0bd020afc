"""Intervals hold what they claim, and unknown stays unknown."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.performance.intervals import estimate, estimates, percentile_interval, resampled_weights
from retrain_assets.performance.scores import Scores


def coverage(metric, truth, draw, trials=300, confidence=0.9):
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(trials):
        labels, scores, blocks = draw(rng)
        made = estimate(metric, labels, scores, confidence=confidence, rng=rng, blocks=blocks)
        assert made.lower is not None
        assert made.upper is not None
        hits += made.lower <= truth <= made.upper
    return hits / trials


def calibrated(rng, rows=300):
    probability = rng.uniform(0.05, 0.95, rows)
    return (rng.random(rows) < probability).astype(int), Scores(probability, (0, 1)), None


def test_nine_of_ten_intervals_of_the_log_loss_hold_the_truth():
    p = np.linspace(0.05, 0.95, 100_001)
    truth = float(np.mean(-p * np.log(p) - (1 - p) * np.log(1 - p)))
    assert 0.86 <= coverage("log_loss", truth, calibrated) <= 0.94


def test_nine_of_ten_intervals_of_the_area_under_the_curve_hold_the_truth():
    rng = np.random.default_rng(0)
    labels, scores, _ = calibrated(rng, rows=400_000)
    from sklearn.metrics import roc_auc_score

    truth = float(roc_auc_score(labels, scores.values))
    assert 0.85 <= coverage("roc_auc", truth, calibrated, trials=200) <= 0.95


def test_rows_that_share_a_block_are_resampled_together():
    def clustered(rng):
        block = np.repeat(np.arange(40), 25)
        return np.zeros(1000), Scores(np.abs(rng.normal(size=40))[block] + 0.0), block

    def as_if_independent(rng):
        labels, scores, _ = clustered(rng)
        return labels, scores, None

    truth = float(np.sqrt(2 / np.pi))
    assert 0.84 <= coverage("absolute_error", truth, clustered, trials=200) <= 0.95
    assert coverage("absolute_error", truth, as_if_independent, trials=200) < 0.5


def test_the_standard_error_of_a_mean_is_that_of_the_textbook():
    rng = np.random.default_rng(3)
    labels = rng.normal(size=6500)
    losses = np.square(labels)
    made = estimate("squared_error", labels, Scores(np.zeros(6500)), confidence=0.95, rng=rng, resamples=1000)
    assert made.standard_error == pytest.approx(losses.std() / np.sqrt(6500), rel=0.08)
    assert made.value == pytest.approx(losses.mean())


def test_the_same_seed_gives_the_same_interval():
    labels, scores, _ = calibrated(np.random.default_rng(5))
    first, again = (
        estimate("log_loss", labels, scores, confidence=0.95, rng=np.random.default_rng(1)) for _ in range(2)
    )
    assert first == again


def test_many_metrics_share_their_resamples():
    labels, scores, _ = calibrated(np.random.default_rng(5))
    alone = estimate("log_loss", labels, scores, confidence=0.95, rng=np.random.default_rng(1))
    both = estimates(["log_loss", "roc_auc"], labels, scores, confidence=0.95, rng=np.random.default_rng(1))
    assert both[0] == alone
    assert [made.metric for made in both] == ["log_loss", "roc_auc"]


def test_what_cannot_be_known_is_none_and_never_nan():
    rng = np.random.default_rng(0)
    one = estimate("log_loss", [1], Scores(np.array([0.5]), (0, 1)), confidence=0.95, rng=rng)
    none = estimate("log_loss", [], Scores(np.array([]), (0, 1)), confidence=0.95, rng=rng)
    one_class = estimate("roc_auc", [1] * 50, Scores(np.linspace(0, 1, 50), (0, 1)), confidence=0.95, rng=rng)
    for made, rows in [(one, 1), (none, 0), (one_class, 50)]:
        assert (made.value, made.lower, made.upper, made.standard_error) == (None, None, None, None)
        assert made.rows == rows


def test_an_area_that_few_resamples_define_has_a_value_without_an_interval():
    labels, scores = [1] + [0] * 49, Scores(np.linspace(1, 0, 50), (0, 1))
    made = estimate("roc_auc", labels, scores, confidence=0.95, rng=np.random.default_rng(0))
    assert made.value == 1
    assert made.lower is made.upper is made.standard_error is None


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 60), resamples=st.integers(1, 40), seed=st.integers(0, 1000))
def test_each_resample_draws_as_many_rows_as_there_are(rows, resamples, seed):
    chunks = list(resampled_weights(rows, resamples, rng=np.random.default_rng(seed)))
    weights = np.concatenate(chunks)
    assert weights.shape == (resamples, rows)
    assert (weights.sum(axis=1) == rows).all()


def test_large_batches_are_resampled_in_chunks_of_bounded_size():
    sizes = [len(chunk) for chunk in resampled_weights(400_000, 10, rng=np.random.default_rng(0))]
    assert sum(sizes) == 10
    assert max(sizes) * 400_000 <= 1_500_000


def test_blocks_must_name_every_row():
    with pytest.raises(ValueError, match="one value for each of the 3 rows"):
        list(resampled_weights(3, 2, rng=np.random.default_rng(0), blocks=[1, 2]))


def test_one_more_resample_lies_beyond_an_interval_as_often_as_it_says() -> None:
    """The usual interpolation leaves 0.5 % more of 200 resamples beyond, which every gate then errs more."""
    values = np.arange(1.0, 200.0)
    np.random.default_rng(0).shuffle(values)
    assert percentile_interval(values, 0.9, units=10**9) == pytest.approx((10, 190))
