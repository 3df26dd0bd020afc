"""How far a replay is, on standard error."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

import click


class Progress(AbstractContextManager["Progress"]):
    """Shows how many models are fitted, then which policy walks; on standard error, gone when done.

    Where nobody can see a bar move, a line at each fifth of the models tells how far it is.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        # Without a terminal rich would write an empty line in the end, and nothing before.
        self._told: int | None = None if console.is_terminal else 0
        self._progress = Progress(*columns, console=console, transient=True, disable=self._told is not None)
        self._task = self._progress.add_task("models", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def fitted(self, done: int, total: int) -> None:
        """So many models of all are fitted."""
        self._progress.update(self._task, completed=done, total=total)
        if self._told is not None and total and (fifth := 5 * done // total) > self._told:
            self._told = fifth
            click.echo(f"{done} of {total} models are fitted", err=True)

    def walked(self, name: str) -> None:
        """The policy that walks the history now."""
        self._progress.update(self._task, description=f"policy {name}")
