"""Result tables: printed, and written into the documentation between two markers, never by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value; `target` is the largest value that is good, where there is one."""

    what: str
    value: float
    unit: str
    target: float | None = None

    @property
    def met(self) -> bool | None:
        """Within the target; None without one."""
        return None if self.target is None else self.value <= self.target

    def cells(self) -> tuple[str, str, str]:
        """As a row: what, measured, target."""
        target = "" if self.target is None else f"{self.target:g} {self.unit}, {'met' if self.met else '**missed**'}"
        return self.what, f"{self.value:{'.3g' if self.value < 100 else '.0f'}} {self.unit}", target


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One benchmark: its figures and what a reader should know about them."""

    name: str
    figures: Sequence[Figure]
    notes: Sequence[str] = field(default=())

    def markdown(self, machine: str) -> str:
        """The table with its notes and the machine."""
        rows = [f"| {' | '.join(figure.cells())} |" for figure in self.figures]
        table = "\n".join(["| what | measured | target |", "|---|---|---|", *rows])
        return "\n\n".join([table, *self.notes, f"Measured {machine}"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """A benchmark whose tables are Markdown already."""

    sections: Sequence[str] = field(default=())

    def markdown(self, machine: str) -> str:
        """With the machine."""
        return "\n\n".join([*self.sections, f"Measured {machine}"])


def write_between_markers(page: Path, name: str, text: str) -> None:
    """Replaces what stands between `<!-- name -->` and `<!-- /name -->`.

    Raises:
        ValueError: the page has no such markers.
    """
    content = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if content.count(begin) != 1 or content.count(end) != 1:
        raise ValueError(f"{page} must have the markers {begin} and {end}, once each")
    before, _, rest = content.partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
