"""McNemar and DeLong against other ways to the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.calibration import calibration_error
from retrain_assets.promotion.paired_tests import delong, mcnemar


def test_mcnemar_is_the_exact_binomial_test():
    candidate = np.array([True] * 12 + [False] * 3 + [True] * 50)
    champion = np.array([False] * 12 + [True] * 3 + [True] * 50)
    assert mcnemar(candidate, champion) == pytest.approx(2 * binom.cdf(3, 15, 0.5))
    assert mcnemar(champion, champion) == 1.0


def test_delong_gives_the_areas_and_a_bootstraps_error():
    rng = np.random.default_rng(0)
    positive = rng.random(400) < 0.4
    truth = positive.astype(float)
    good, poor = truth + rng.normal(0, 1, 400), truth + rng.normal(0, 2, 400)
    made = delong(good, poor, positive)
    assert made is not None

    def area(scores, rows):
        high, low = scores[rows][positive[rows]], scores[rows][~positive[rows]]
        return float((high[:, None] > low[None, :]).mean() + 0.5 * (high[:, None] == low[None, :]).mean())

    everything = np.arange(400)
    assert made[0] == pytest.approx(area(good, everything) - area(poor, everything))
    drawn = []
    for _ in range(300):
        rows = rng.integers(0, 400, 400)
        drawn.append(area(good, rows) - area(poor, rows))
    error = made[0] / norm.isf(made[1] / 2)
    assert error == pytest.approx(np.std(drawn), rel=0.2)


def test_delong_needs_both_classes():
    assert delong(np.zeros(3), np.zeros(3), np.array([True, True, False])) is None


def test_delong_of_equals_keeps_its_level():
    """Two equally good, independent models: at most about 5 % of the p-values are below 0.05."""
    rng = np.random.default_rng(1)
    below = 0
    for _ in range(400):
        positive = rng.random(200) < 0.5
        made = delong(positive + rng.normal(0, 1, 200), positive + rng.normal(0, 1, 200), positive)
        assert made is not None
        below += made[1] < 0.05
    assert 0.02 <= below / 400 <= 0.08


def test_calibration_of_what_says_too_much():
    rng = np.random.default_rng(0)
    said = rng.random(20_000)
    honest = (rng.random(20_000) < said).astype(int)
    assert calibration_error(Scores(said, (0, 1)), honest) == pytest.approx(0, abs=0.02)
    bold = np.where(said > 0.5, 0.99, 0.01)
    assert calibration_error(Scores(bold, (0, 1)), honest) == pytest.approx(0.24, abs=0.02)
    assert calibration_error(Scores(np.array([1.0, 3.0])), [0.0, 2.0]) == pytest.approx(1.0)
    assert calibration_error(Scores(np.array([1.0, 3.0])), [2.0, 2.0]) is None
    assert calibration_error(Scores(np.array([]), (0, 1)), []) is None
