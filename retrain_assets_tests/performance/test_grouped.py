"""Many rows are drawn in groups: the intervals are those of single rows, to what the groups allow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retrain_assets.performance import intervals
from retrain_assets.performance.grouped import MANY_ROWS, resampled_sums, sums_of
from retrain_assets.performance.intervals import estimate, resampled_means
from retrain_assets.performance.metrics import metric_value
from retrain_assets.performance.scores import Scores

ROWS = MANY_ROWS


def classified(classes: int = 2) -> tuple[Any, Scores]:
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(ROWS, classes))
    shares = np.exp(signal) / np.exp(signal).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) < rng.random((ROWS, 1))).sum(axis=1)
    return labels, Scores(shares[:, 1] if classes == 2 else shares, tuple(range(classes)))


def predicted() -> tuple[Any, Scores]:
    rng = np.random.default_rng(0)
    truth = rng.gamma(2.0, 3.0, ROWS)
    return truth, Scores(np.abs(truth + rng.normal(size=ROWS)))


CASES = [
    *[(name, classified()) for name in ("log_loss", "brier", "accuracy", "roc_auc")],
    *[(name, classified(3)) for name in ("log_loss", "brier", "roc_auc")],
    *[(name, predicted()) for name in ("squared_error", "absolute_error", "poisson_deviance", "r2")],
]


@pytest.mark.parametrize(("metric", "drawn"), CASES)
def test_groups_give_the_interval_that_single_rows_give(metric, drawn, monkeypatch):
    labels, scores = drawn
    made = estimate(metric, labels, scores, confidence=0.9, rng=np.random.default_rng(1), resamples=1000)
    monkeypatch.setattr(intervals, "MANY_ROWS", 10**9)
    single = estimate(metric, labels, scores, confidence=0.9, rng=np.random.default_rng(2), resamples=300)
    assert made.value == pytest.approx(single.value, rel=1e-9)
    # Both errors are estimates, of 1,000 and of 300 draws: 2.2 % and 4.1 % at one standard deviation.
    assert made.standard_error == pytest.approx(single.standard_error, rel=0.2)
    assert made.value is not None
    assert made.lower is not None
    assert made.upper is not None
    assert made.lower < made.value < made.upper


@pytest.mark.parametrize(("metric", "drawn"), CASES)
def test_the_sums_of_all_rows_give_the_metric_itself(metric, drawn):
    labels, scores = drawn
    sums = sums_of(metric, labels, scores)
    assert float(sums.combine(sums.columns.sum(axis=0)[None])[0]) == pytest.approx(
        metric_value(metric, labels, scores), rel=1e-9
    )


def test_the_error_of_a_mean_is_that_of_the_textbook_and_of_blocks_that_of_the_blocks():
    rng = np.random.default_rng(3)
    block = np.arange(ROWS) // (ROWS // 40)
    values = rng.normal(size=(ROWS, 1)) + 0.5 * rng.normal(size=40)[np.minimum(block, 39)][:, None]
    rows = resampled_means(values, 2000, rng=rng)
    assert float(rows.std()) == pytest.approx(float(values.std()) / np.sqrt(ROWS), rel=0.06)
    blocks = resampled_means(values, 2000, rng=rng, blocks=np.minimum(block, 39).astype(str).astype(object))
    means = np.array([values[np.minimum(block, 39) == k].mean() for k in range(40)])
    assert float(blocks.std()) == pytest.approx(float(means.std()) / np.sqrt(40), rel=0.1)


def test_an_undefined_metric_is_unknown_among_many_rows_too():
    labels, scores = np.zeros(ROWS, int), classified()[1]
    made = estimate("roc_auc", labels, scores, confidence=0.9, rng=np.random.default_rng(1))
    assert (made.value, made.lower, made.rows) == (None, None, ROWS)


def test_the_same_draws_serve_all_columns():
    values = np.random.default_rng(0).normal(size=ROWS)
    drawn = resampled_sums(np.column_stack([values, -values]), 50, rng=np.random.default_rng(1), blocks=None)
    np.testing.assert_allclose(drawn[:, 0], -drawn[:, 1])
