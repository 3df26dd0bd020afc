"""Whether probabilities mean what they say, and how surely their rows tell."""

from __future__ import annotations

import numpy as np
import pytest

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.calibration import calibration_error, calibration_measure
from retrain_assets.promotion.measures import Measure


def measured(
    said: np.ndarray, labels: np.ndarray, rng: np.random.Generator, blocks: np.ndarray | None = None
) -> Measure:
    made = calibration_measure(Scores(said, (0, 1)), labels, group="", blocks=blocks, confidence=0.95, rng=rng)
    assert made.value == calibration_error(Scores(said, (0, 1)), labels)
    return made


@pytest.mark.parametrize(
    ("rows", "true"),
    [
        (200, 0.0), (1000, 0.05), (1000, 0.1),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in [(200, 0.1), (1000, 0.0)]),
    ],
)  # fmt: skip
def test_the_interval_holds_the_true_error(rows: int, true: float):
    """The error of the rows does not: of 200 that mean what they say it is above 0.05 in nine of ten trials."""
    rng, held, above = np.random.default_rng(0), 0, 0
    for _ in range(100):
        said = rng.uniform(0.1, 0.9, rows)
        made = measured(said, (rng.random(rows) < said - true).astype(int), rng)
        assert made.lower is not None
        assert made.upper is not None
        held += made.lower <= true <= made.upper
        above += (made.value or 0.0) > 0.05
    assert held >= 87
    if (rows, true) == (200, 0.0):
        assert above >= 85


def test_many_rows_tell_and_rows_of_few_batches_do_not():
    rng = np.random.default_rng(1)
    said = rng.uniform(0.1, 0.9, 5000)
    labels = (rng.random(5000) < said).astype(int)
    assert (measured(said, labels, rng).upper or 1.0) < 0.04
    assert (measured(said, (rng.random(5000) < said - 0.1).astype(int), rng).lower or 0.0) > 0.05
    assert measured(said, labels, rng, np.arange(5000) // 1000).upper is None, "five units"
    assert measured(said[:1], labels[:1], rng).upper is None


def test_a_regression_is_held_to_its_bias():
    rng = np.random.default_rng(2)
    labels = rng.normal(size=400)
    for bias, least in ((0.0, 0.0), (0.3, 0.2)):
        said = Scores(labels + bias + rng.normal(0, 0.5, 400))
        made = calibration_measure(said, labels, group="", blocks=None, confidence=0.95, rng=rng)
        assert made.lower is not None
        assert made.upper is not None
        assert least <= made.lower <= bias / labels.std() <= made.upper < bias / labels.std() + 0.12
    constant = calibration_measure(Scores(np.ones(9)), np.ones(9), group="", blocks=None, confidence=0.95, rng=rng)
    assert (constant.value, constant.upper) == (None, None)
