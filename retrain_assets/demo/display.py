"""What a person sees while the year is played: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column

from retrain_assets.demo.pace import clock_time
from retrain_assets.demo.standing import Standing


class Display(Protocol):
    """Shows where each model stands."""

    def show(self, standing: Standing, left: float | None) -> None:
        """The model stands here; `left` are the seconds that remain for all."""
        ...

    def tell(self, line: str) -> None:
        """Something that is worth a line of its own."""
        ...


class Bars:
    """One bar for each model; retrains are told in lines above."""

    def __init__(self, console: Console, progress: Progress, standings: Mapping[str, Standing]) -> None:
        self._console = console
        self._progress = progress
        self._shown: dict[str, Standing] = {}
        self._tasks: dict[str, TaskID] = {
            name: progress.add_task(
                name, total=standing.total, completed=standing.done, batch="", champion="", decision="", left=""
            )
            for name, standing in standings.items()
        }

    def show(self, standing: Standing, left: float | None) -> None:
        champion = f"v{standing.champion}" if standing.champion else "none"
        self._progress.update(
            self._tasks[standing.model],
            completed=standing.done, total=standing.total, batch=standing.batch or "", champion=champion,
            decision=standing.decision, left="done" if standing.finished else clock_time(left),
        )  # fmt: skip
        before = self._shown.get(standing.model, standing)
        if standing.outcome and (before.batch, before.outcome) != (standing.batch, standing.outcome):
            self.tell(f"{standing.batch}  {standing.model:<13} {standing.verdict}  [bold]{standing.outcome}[/]")
        self._shown[standing.model] = standing

    def tell(self, line: str) -> None:
        self._console.print(line, highlight=False, no_wrap=True, overflow="ellipsis")


class Lines:
    """One line for each batch that is done, for a log file."""

    def __init__(self, console: Console, standings: Mapping[str, Standing]) -> None:
        self._console = console
        self._shown = dict(standings)

    def show(self, standing: Standing, left: float | None) -> None:
        if standing.done > self._shown[standing.model].done:
            champion = f"champion v{standing.champion}" if standing.champion else "no champion yet"
            found = "; ".join(filter(None, (standing.verdict, standing.outcome, champion)))
            place = f"{standing.model} {standing.batch} ({standing.done}/{standing.total})"
            self.tell(f"{place}: {found}; {clock_time(left)} left")
        self._shown[standing.model] = standing

    def tell(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def display(console: Console, standings: Mapping[str, Standing]) -> Generator[Display]:
    """The display that fits the console."""
    if not console.is_terminal:
        yield Lines(console, standings)
        return
    with Progress(
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=8)),
        TextColumn("{task.completed:.0f}/{task.total:.0f}", justify="right"),
        TextColumn("[cyan]{task.fields[batch]}[/]", table_column=Column(min_width=10)),
        TextColumn("[bold]{task.fields[champion]}[/]", table_column=Column(min_width=4)),
        TextColumn("{task.fields[decision]}", table_column=Column(min_width=7)),
        TextColumn("[dim]{task.fields[left]}[/]", justify="right", table_column=Column(min_width=5)),
        console=console,
        expand=True,
        refresh_per_second=4,
    ) as progress:
        yield Bars(console, progress, standings)
