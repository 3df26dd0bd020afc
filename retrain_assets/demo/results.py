"""What the demo leaves behind: a figure for each model, the weekly numbers, a summary; and the summary as a table."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from retrain_assets.demo.story import Story, Week
from retrain_assets.reporting.history_figure import history_figure

_FORM = 1  # raised with every change of what summary.json holds, so that an older one is not read back


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where everything lies."""

    figures: tuple[Path, ...]
    weeks: Path
    summary: Path

    @classmethod
    def in_folder(cls, folder: Path, stories: Sequence[Story]) -> Written:
        """The files for some stories."""
        return cls(
            figures=tuple(folder / f"{story.model}.png" for story in stories),
            weeks=folder / "weeks.csv",
            summary=folder / "summary.json",
        )

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        return (*self.figures, self.weeks, self.summary)


def write_results(stories: Sequence[Story], folder: Path, *, outbox_id: int) -> Written:
    """Writes figures, weekly numbers (CSV) and all of it as JSON, each file whole or not at all.

    Args:
        stories: what happened to each model.
        folder: where the files go.
        outbox_id: the state change up to which the stories tell.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = Written.in_folder(folder, stories)
    for story, path in zip(stories, written.figures, strict=True):
        _put(path, history_figure([week.point for week in story.weeks], title=_title(story), metric=story.metric))
    _put(written.weeks, _csv(stories).encode())
    told = [{**asdict(story), "comparison": comparison(story)} for story in stories]
    text = json.dumps({"form": _FORM, "outbox_id": outbox_id, "models": told}, indent=1, default=datetime.isoformat)
    _put(written.summary, text.encode())
    return written


def read_stories(folder: Path, *, outbox_id: int) -> tuple[Story, ...] | None:
    """The stories that were written before; None when something has happened since, or a file is gone."""
    path = folder / "summary.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text())
    if (kept["form"], kept["outbox_id"]) != (_FORM, outbox_id):
        return None
    stories = TypeAdapter(tuple[Story, ...]).validate_python(kept["models"])
    return stories if all(file.exists() for file in Written.in_folder(folder, stories).paths) else None


def comparison(story: Story) -> dict[str, Any]:
    """The live champion against the first, over the batches that have a loss of both."""
    live, never = story.mean_champion, story.mean_never_retrained
    return {
        "batches": len(story.compared),
        "mean_loss": live,
        "mean_loss_never_retrained": never,
        "difference": None if live is None or never is None else live - never,
        "better": sum(champion < first for champion, first in story.compared),
        "worse": sum(champion > first for champion, first in story.compared),
    }


def summary_table(stories: Sequence[Story]) -> Table:
    """One column for each model."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("", style="dim", no_wrap=True)
    for story in stories:
        table.add_column(story.model, justify="right")
    for name, cell in _ROWS:
        table.add_row(name, *(cell(story) for story in stories))
    return table


def _drift(story: Story) -> str:
    counts = story.drift_verdicts
    return f"{counts.get('drift', 0)} of {counts.get('drift', 0) + counts.get('stable', 0)} judged"


def _loss(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _difference(story: Story) -> str:
    live, never = story.mean_champion, story.mean_never_retrained
    if live is None or never is None:
        return ""
    colour = "green" if live < never else "red" if live > never else "none"
    return f"[{colour}]{live - never:+z.4f} ({(live - never) / never:+z.1%})[/]"


def _better(story: Story) -> str:
    found = comparison(story)
    better, worse = found["better"], found["worse"]
    return f"{better} better, {worse} worse, {found['batches'] - better - worse} the same"


_ROWS: tuple[tuple[str, Callable[[Story], str]], ...] = (
    ("batches", lambda story: f"{len(story.weeks)}"),
    ("rows", lambda story: f"{story.parsed_rows:,}"),
    ("  in quarantine", lambda story: f"{story.quarantined_rows:,}"),
    ("batches that drifted", _drift),
    ("retrains", lambda story: f"{story.retrains}"),
    ("promotions", lambda story: f"{story.promotions}"),
    ("champion", lambda story: f"v{story.champion}" if story.champion else "none yet"),
    ("  trained to", lambda story: f"{story.training_end:%Y-%m-%d}" if story.training_end else ""),
    ("loss", lambda story: story.metric),
    ("  mean of the live champion", lambda story: _loss(story.mean_champion)),
    ("  mean of the first, never retrained", lambda story: _loss(story.mean_never_retrained)),
    ("  difference", _difference),
    ("  batches", _better),
)


def _title(story: Story) -> str:
    live, never = story.mean_champion, story.mean_never_retrained
    if live is None or never is None:
        return story.model
    than = f"{abs(live - never) / never:.1%} {'less' if live <= never else 'more'}"
    return f"{story.model}: {story.metric} of the live champion, {than} than without retraining"


def _csv(stories: Iterable[Story]) -> str:
    text = StringIO()
    names = [field.name for field in fields(Week) if field.name != "start"]
    writer = csv.DictWriter(text, ["model", "metric", *names], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for story in stories:
        writer.writerows({"model": story.model, "metric": story.metric, **asdict(week)} for week in story.weeks)
    return text.getvalue()


def _put(path: Path, content: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)
    return path
