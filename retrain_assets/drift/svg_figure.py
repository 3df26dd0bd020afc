"""The picture of a comparison as SVG, drawn without any library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from retrain_assets.data.sound_texts import sound
from retrain_assets.drift.wording import shown

if TYPE_CHECKING:
    from retrain_assets.drift.comparison import Comparison, Shape
    from retrain_assets.drift.report import ColumnDrift

BEFORE, AFTER, INK = "#8a94a6", "#d1495b", "#2b2f36"
MAX_PANELS = 12
WIDTH, PANEL, HEAD = 720, 146, 58
_LINE = 122
"""Characters of the small print that fit into the width."""
_ALL_NAMED = 10
"""Cells of which each has its name below it; of more the one that has changed most, and of the first, the last and the
middle one those whose names do not reach into another."""
_LETTER = 5.2
"""Width of a letter of these names."""


@dataclass(frozen=True, slots=True)
class SvgFigure:
    """A picture as SVG text; notebooks show it."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def __str__(self) -> str:
        return self.svg


def draw(report: Comparison) -> SvgFigure:
    """A panel for each drifted column, at most `MAX_PANELS`; the three most distant ones where none has drifted.

    How many more have drifted than are drawn is said below.
    """
    drifted = [column for column in report.ranked if column.verdict == "drift" and column.name in report.shapes]
    shown = drifted[:MAX_PANELS] or [column for column in report.ranked if column.name in report.shapes][:3]
    more = len(drifted) - MAX_PANELS
    height = HEAD + PANEL * len(shown) + (26 if more > 0 else 8)
    verdict = {True: "drift", False: "no drift", None: "unknown"}[report.drifted]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        _text(10, 20, verdict, size=15, colour=AFTER if report.drifted else INK, bold=True),
        *(_text(10, 36 + 13 * place, line, size=10) for place, line in enumerate(_lines(report.reason, 118))),
        _text(WIDTH - 10, 20, "grey: before, red: after", size=10, anchor="end"),
        *(
            part
            for place, column in enumerate(shown)
            for part in _panel(column, report.shapes[column.name], HEAD + PANEL * place)
        ),
        *([_text(10, height - 10, f"and {more} more", size=12, colour=AFTER, bold=True)] if more > 0 else []),
        "</svg>",
    ]
    return SvgFigure(sound("\n".join(parts)))


def _panel(column: ColumnDrift, shape: Shape, top: int) -> Iterator[str]:
    colour = AFTER if column.verdict == "drift" else INK
    yield _text(10, top + 14, _cut(shown(column.name, 60), 60), size=12, colour=colour, bold=True)
    yield _text(10, top + 28, _cut(f"{column.before} → {column.after}", _LINE), size=9.5)
    yield _text(10, top + 41, _cut(column.reason, _LINE), size=9.5)
    base, tall = top + 122, 74
    step = (WIDTH - 20) / max(len(shape.cells), 1)
    scale = tall / max(*shape.before, *shape.after, 1e-9)
    for place, (label, before, after) in enumerate(zip(shape.cells, shape.before, shape.after, strict=True)):
        left = 10 + place * step
        title = f"<title>{escape(_printable(shown(label, 500)))}: {100 * before:.3g} % → {100 * after:.3g} %</title>"
        yield f"<g>{title}"
        yield _bar(left + 0.08 * step, base, 0.4 * step, before * scale, BEFORE)
        yield _bar(left + 0.52 * step, base, 0.4 * step, after * scale, AFTER)
        yield "</g>"
        if len(shape.cells) <= _ALL_NAMED:
            yield _text(left + step / 2, base + 12, _cut(shown(label), int(step / 5)), size=9, anchor="middle")
    if len(shape.cells) > _ALL_NAMED:
        yield from _some_names(shape, base + 12, step)
    yield f'<line x1="10" y1="{base}" x2="{WIDTH - 10}" y2="{base}" stroke="{INK}" stroke-width="0.6"/>'


def _some_names(shape: Shape, y: float, step: float) -> Iterator[str]:
    """Below their cells, as near to the middle of each as the width lets them be."""
    changes = [abs(after - before) for before, after in zip(shape.before, shape.after, strict=True)]
    last = len(shape.cells) - 1
    taken: list[tuple[float, float]] = []
    for place in dict.fromkeys((changes.index(max(changes)), 0, last, len(shape.cells) // 2)):
        label = _cut(shown(shape.cells[place]), 34)
        wide = _LETTER * len(label)
        begin = min(max(10 + (place + 0.5) * step - wide / 2, 10), WIDTH - 10 - wide)
        if all(begin > end or begin + wide < start for start, end in taken):
            taken.append((begin, begin + wide))
            yield _text(begin + wide / 2, y, label, size=9, anchor="middle")


def _bar(left: float, base: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{left:.1f}" y="{base - height:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _text(
    x: float, y: float, text: str, *, size: float, colour: str = INK, bold: bool = False, anchor: str = "start"
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    style = f'font-size="{size}" fill="{colour}" text-anchor="{anchor}"{weight}'
    return f'<text x="{x:.1f}" y="{y}" {style}>{escape(text)}</text>'


def _lines(text: str, length: int) -> list[str]:
    """At most two, the second one cut."""
    first = _printable(text)
    if len(first) <= length:
        return [first]
    end = first.rfind(" ", 0, length + 1)
    end = end if end > 0 else length
    return [first[:end], _cut(first[end:].strip(), length)]


def _cut(text: str, length: int) -> str:
    printable = _printable(text)
    return printable if len(printable) <= length else f"{printable[: length - 1]}…"


def _printable(text: str) -> str:
    """Most control characters are not allowed in XML, escaped or not."""
    return "".join(character if character.isprintable() else " " for character in text)
