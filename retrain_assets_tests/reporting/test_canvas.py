"""A picture shows what was drawn where it was drawn; a scale names round numbers."""

from io import BytesIO

import pytest
from PIL import Image

from retrain_assets.reporting.canvas import Canvas, Scale, cut


def drawn(canvas: Canvas) -> Image.Image:
    return Image.open(BytesIO(canvas.png()))


def test_what_is_drawn_stands_at_its_pixels() -> None:
    canvas = Canvas(40, 30)
    canvas.box(10, 5, 20, 15, "#ff0000")
    canvas.line([(30, 0), (30, 30)], "#0000ff", width=2)
    canvas.dot(5, 25, "#00ff00", radius=3)
    picture = drawn(canvas)
    assert picture.size == (40, 30)
    seen = [picture.getpixel(place) for place in ((15, 10), (30, 20), (5, 25), (25, 25))]
    assert seen == [(255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 255)]


def test_a_box_without_height_is_not_drawn() -> None:
    canvas = Canvas(10, 10)
    canvas.box(2, 5, 8, 5, "black")
    assert drawn(canvas).getcolors() == [(100, (255, 255, 255))]


@pytest.mark.parametrize("at", ["lm", "rm", "mm", "ms"])
def test_text_of_several_lines_is_written_in_one(at: str) -> None:
    several, one = Canvas(200, 20), Canvas(200, 20)
    several.text(100, 10, "a\nb", at=at)
    one.text(100, 10, "a b", at=at)
    assert several.png() == one.png() != Canvas(200, 20).png()


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-0.003, 0.0071), (1e-9, 3e-9), (-1e25, 1e25), (5, 5), (1e20, 1e20), (99.5, 100.2)]
)
def test_ticks_are_few_and_lie_on_the_scale(low: float, high: float) -> None:
    scale = Scale(low, high, 0, 100)
    ticks = scale.ticks(5)
    assert 1 <= len(ticks) <= 6
    assert ticks == sorted(set(ticks))
    assert all(-1e-6 <= scale(tick) <= 100 + 1e-6 for tick in ticks)


def test_names_are_cut_in_the_middle() -> None:
    assert len(cut("x" * 50, 21)) == 21
    assert cut("short", 21) == "short"
