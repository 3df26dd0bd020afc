"""A sheet for small pictures: boxes, lines, dots and text.

A picture takes some milliseconds, not the tenth of a second that matplotlib needs for its axes and ticks: one is drawn
for every batch in which an input drifted and for every retrain.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

INK = "#2b2f36"
_FINE = 2
"""Everything is drawn so many times larger and then reduced, which smooths the edges."""


class Canvas:
    """A white sheet of `width` x `height` pixels; x goes right, y goes down, both in pixels of the finished picture."""

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self.width, self.height = width, height
        self._image = Image.new("RGB", (width * _FINE, height * _FINE), "white")
        self._draw = ImageDraw.Draw(self._image)

    def box(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        """A filled box; one that has no width or height is not drawn."""
        if right > left and bottom > top:
            self._draw.rectangle(_scaled([(left, top), (right, bottom)]), fill=colour)

    def line(self, points: Sequence[tuple[float, float]], colour: str = INK, *, width: float = 1.0) -> None:
        """A line through points."""
        self._draw.line(_scaled(points), fill=colour, width=max(1, round(width * _FINE)), joint="curve")

    def dashes(self, x: float, top: float, bottom: float, colour: str = INK) -> None:
        """A dashed vertical line."""
        for start in range(int(top), int(bottom), 7):
            self.line([(x, start), (x, min(start + 4, bottom))], colour)

    def dot(self, x: float, y: float, colour: str, *, radius: float = 3.5) -> None:
        """A filled circle."""
        self._draw.ellipse(_scaled([(x - radius, y - radius), (x + radius, y + radius)]), fill=colour)

    def text(
        self, x: float, y: float, text: str, *, size: float = 10, colour: str = INK, bold: bool = False, at: str = "lm"
    ) -> None:
        """One line of text; `at` is Pillow's anchor: `lm` is the middle of the left end, `ms` the middle's baseline."""
        in_one_line = " ".join(text.splitlines())
        self._draw.text((x * _FINE, y * _FINE), in_one_line, fill=colour, font=_font(size, bold), anchor=at)

    def fitting(self, text: str, width: float, *, size: float = 10) -> str:
        """A text, cut so that it is at most so wide."""
        font, length = _font(size, False), min(len(text), int(width))
        while length > 1 and font.getlength(cut(text, length)) > width * _FINE:
            length -= 1
        return cut(text, length)

    def png(self) -> bytes:
        """The picture."""
        buffer = BytesIO()
        # Areas of one colour: the default, 6, takes twice as long for a file that is half a percent smaller.
        self._image.reduce(_FINE).save(buffer, format="png", compress_level=4)
        return buffer.getvalue()


class Scale:
    """Numbers along a stretch of the sheet: `low` lies at pixel `start`, `high` at `end`."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = low, high if high > low else low + max(1.0, abs(low))
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        """The pixel of a number."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """At most so many round numbers from low to high.

        >>> Scale(0.0, 0.83, 0, 100).ticks()
        [0.0, 0.2, 0.4, 0.6, 0.8]
        """
        rough = (self.high - self.low) / most
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def cut(text: str, length: int) -> str:
    """Shortened in the middle: names often differ at their end.

    >>> cut("temperature_at_departure", 12)
    'temper…rture'
    """
    half = length // 2
    return text if len(text) <= length else f"{text[:half]}…{text[half - length + 1 :]}"


def _scaled(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x * _FINE, y * _FINE) for x, y in points]


@lru_cache
def _font(size: float, bold: bool) -> FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and has most of the world's letters; matplotlib is not imported."""
    from PIL import ImageFont

    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("matplotlib must be installed: its fonts are used")
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / name, size * _FINE)
