"""A card of sections: one content, as Markdown for the UI and as HTML for a browser without it."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from retrain_assets.data.sound_texts import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with sentences and, where there is one, a table (its first row is the head) and a figure (PNG)."""

    title: str
    lines: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    figure: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """All sections of one version."""

    title: str
    sections: tuple[Section, ...]

    def to_markdown(self) -> str:
        """For the UI and for MLflow."""
        parts = [f"# {self.title}"]
        for section in self.sections:
            parts.append(f"## {section.title}")
            parts += [markdown_text(line) for line in section.lines]
            if section.figure is not None:
                parts.append(f"![{section.title}]({_inline(section.figure)})")
            if section.table:
                head, *rows = section.table
                parts.append("\n".join(map(_markdown_row, [head, tuple("---" for _ in head), *rows])))
        return "\n\n".join(parts) + "\n"

    def to_html(self) -> str:
        """A page that needs nothing else."""
        parts = [f"<h1>{escape(self.title)}</h1>"]
        for section in self.sections:
            parts.append(f"<h2>{escape(section.title)}</h2>")
            parts += [f"<p>{_html(line)}</p>" for line in section.lines]
            if section.figure is not None:
                parts.append(f'<img alt="{escape(section.title)}" src="{_inline(section.figure)}">')
            if section.table:
                head, *rows = section.table
                cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
                body = "".join(f"<tr>{''.join(f'<td>{_html(cell)}</td>' for cell in row)}</tr>" for row in rows)
                parts.append(f"<table><tr>{cells}</tr>{body}</table>")
        return f"{_HEAD.format(title=escape(self.title))}{''.join(parts)}</body></html>\n"


def _inline(png: bytes) -> str:
    """A picture inside the text: a card needs nothing beside it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(markdown_text(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def markdown_text(line: str) -> str:
    r"""On one line, and neither a link nor an image nor HTML: categories, names and reasons may be anybody's words.

    >>> markdown_text("as ![agreed](http://evil.example/seen) and <b>bold</b>, p < 0.05")
    'as ![agreed]\\(http://evil.example/seen) and &lt;b>bold&lt;/b>, p < 0.05'
    """
    return _TAG.sub("&lt;", _LINK.sub(r"]\\", visible(_LINE_ENDS.sub(" ", line))))


def _html(text: str) -> str:
    """What stands in backticks is code, as in Markdown."""
    return _CODE.sub(r"<code>\1</code>", escape(visible(text)))


_CODE = re.compile("`([^`]+)`")
_LINE_ENDS = re.compile(r"[\r\n]+")
_LINK = re.compile(r"\](?=[(\[:])")
"""Before the second half of a link, an image or what a link refers to."""
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>'
    "body{{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}"
    "table{{border-collapse:collapse}}td,th{{border:1px solid #ccc;padding:.2rem .6rem;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}}td:first-child,th{{overflow-wrap:normal}}</style></head><body>"
)
