"""The pictures of the card show what was measured, and nothing where nothing is known."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.calibration import reliability
from retrain_assets.promotion.measures import Measure
from retrain_assets.reporting.card_figures import CANDIDATE, calibration_figure, importance_figure


def pixels(png: bytes | None) -> np.ndarray:
    assert png is not None
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


def places(png: bytes | None) -> np.ndarray:
    """Rows and columns in the candidate's colour."""
    wanted = [int(CANDIDATE[k : k + 2], 16) for k in (1, 3, 5)]
    return np.argwhere((np.abs(pixels(png) - wanted) < 30).all(axis=2))


def test_a_model_that_says_too_much_lies_below_the_line_and_one_that_says_too_little_above():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.3, 0.7, 20_000)
    labels = (rng.random(20_000) < p).astype(int)

    def middle(shift: float) -> float:
        curve = reliability(Scores(p + shift, (0, 1)), labels)
        found = places(calibration_figure({"candidate": curve}, regression=False))
        drawn = found[(found[:, 0] > 60) & (found[:, 0] < 305)]
        # Up on the sheet are small row numbers: on the line both shares of the way are the same.
        return float(np.mean((310 - drawn[:, 0]) / 274 - (drawn[:, 1] - 60) / 340))

    assert middle(0.25) < -0.15
    assert abs(middle(0.0)) < 0.05
    assert middle(-0.25) > 0.15


def test_the_most_important_column_has_the_longest_bar():
    measures = [
        Measure(kind="explanation", name="importance", group=name, value=value)
        for name, value in (("a", 0.4), ("b", 0.1))
    ]
    found = places(importance_figure(measures))
    first, second = (found[np.abs(found[:, 0] - y) <= 5][:, 1] for y in (44, 66))
    assert np.ptp(first) > 3 * np.ptp(second) > 0


def test_without_rows_there_is_no_picture():
    assert calibration_figure({"candidate": ()}, regression=True) is None
    assert importance_figure([]) is None
