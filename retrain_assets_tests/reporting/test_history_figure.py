"""The picture of a year shows each retrain and each promotion where it was."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from retrain_assets.reporting.history_figure import HistoryPoint, history_figure

WEEKS = 12


def picture(retrained: set[int], promoted: dict[int, int]) -> np.ndarray:
    start = datetime(2013, 1, 1, tzinfo=UTC)
    points = [
        HistoryPoint(
            start=start + timedelta(weeks=week), champion=0.4, never_retrained=0.5,
            retrained=week in retrained, promoted_version=promoted.get(week),
        )
        for week in range(WEEKS)
    ]  # fmt: skip
    content = history_figure(points, title="flight_delay", metric="log_loss")
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def green(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> np.ndarray:
    """Also where a thin line is mixed with the white around it."""
    return (green - red > 30) & (green - blue > 15)


def orange(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> np.ndarray:
    return (red - green > 60) & (green > blue)


def blue(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> np.ndarray:
    return (blue - red > 100) & (blue - green > 60)


def grey(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> np.ndarray:
    """Of the line of the first champion: darker than the grid, lighter than text."""
    return (abs(red - 0x9C) < 20) & (abs(green - 0xA3) < 20) & (abs(blue - 0xAF) < 20)


def height(image: np.ndarray, colour: Callable[..., np.ndarray]) -> float:
    """The row of the upper part, below its legend, across which a line of a colour runs; it fails where none does."""
    part = image[len(image) // 12 : 7 * len(image) // 10]
    across = colour(*np.moveaxis(part, 2, 0)).sum(axis=1)
    assert across.max() > 0.6 * image.shape[1], "no line of that colour runs across the picture"
    return float(across.argmax())


def places(image: np.ndarray, colour: Callable[..., np.ndarray], *, at_least: int) -> list[int]:
    """Columns of the upper part, below its legend, that hold so many pixels of a colour; neighbours are one mark."""
    part = image[len(image) // 5 : 7 * len(image) // 10]
    columns = np.flatnonzero(colour(*np.moveaxis(part, 2, 0)).sum(axis=0) >= at_least)
    return columns[np.diff(columns, prepend=-9) > 3].tolist()


def test_each_retrain_is_a_tick_and_each_promotion_a_line_at_the_batch_after_it():
    image = picture({3, 6, 9}, {3: 2, 9: 3})
    lines, ticks = places(image, green, at_least=100), places(image, orange, at_least=8)
    assert len(lines) == 2
    assert len(ticks) == 3
    assert lines == pytest.approx([ticks[0], ticks[2]], abs=3)
    assert ticks[2] - ticks[1] == pytest.approx(ticks[1] - ticks[0], abs=3)


def test_a_year_without_any_has_no_marks():
    image = picture(set(), {})
    assert places(image, green, at_least=100) == places(image, orange, at_least=8) == []


def test_both_losses_run_across_the_picture_and_the_lower_one_lies_lower():
    image = picture(set(), {})
    assert height(image, blue) > height(image, grey) + 50
