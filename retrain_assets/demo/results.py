"""What the demo leaves behind: a figure for each model, the weekly numbers, a summary; and the summary as a table."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from retrain_assets.demo.story import Story, Week
from retrain_assets.reporting.history_figure import history_figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where everything lies."""

    figures: tuple[Path, ...]
    weeks: Path
    summary: Path


def write_results(stories: Sequence[Story], folder: Path) -> Written:
    """Writes figures, weekly numbers (CSV) and the summary (JSON), each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    figures: list[Path] = []
    for story in stories:
        title = f"{story.model}: the live champion against version 1, never retrained"
        png = history_figure([week.point for week in story.weeks], title=title, metric=story.metric)
        figures.append(_put(folder / f"{story.model}.png", png))
    return Written(
        figures=tuple(figures),
        weeks=_put(folder / "weeks.csv", _csv(stories).encode()),
        summary=_put(folder / "summary.json", json.dumps([summary(story) for story in stories], indent=2).encode()),
    )


def summary(story: Story) -> dict[str, Any]:
    """The numbers of the summary table, unrounded."""
    live, never = story.mean_champion, story.mean_never_retrained
    return {
        "model": story.model,
        "metric": story.metric,
        "batches": len(story.weeks),
        "rows": story.parsed_rows,
        "quarantined": story.quarantined_rows,
        "drift": dict(story.drift_verdicts),
        "retrains": story.retrains,
        "promotions": story.promotions,
        "champion": story.champion,
        "trained_until": story.training_end.isoformat() if story.training_end else None,
        "compared_batches": len(story.compared),
        "mean_loss": live,
        "mean_loss_never_retrained": never,
        "difference": None if live is None or never is None else live - never,
        "batches_better": sum(champion < first for champion, first in story.compared),
        "batches_worse": sum(champion > first for champion, first in story.compared),
    }


def summary_table(stories: Sequence[Story]) -> Table:
    """One column for each model."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("", style="dim")
    for story in stories:
        table.add_column(story.model, justify="right")
    for name, cell in _ROWS:
        table.add_row(name, *(cell(story) for story in stories))
    return table


def _drift(story: Story) -> str:
    counts = story.drift_verdicts
    return f"{counts.get('drift', 0)} of {sum(counts[verdict] for verdict in ('drift', 'no_drift'))} judged"


def _champion(story: Story) -> str:
    if story.champion is None or story.training_end is None:
        return "none yet"
    return f"v{story.champion}, trained to {story.training_end:%Y-%m-%d}"


def _loss(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _difference(story: Story) -> str:
    live, never = story.mean_champion, story.mean_never_retrained
    if live is None or never is None:
        return ""
    colour = "green" if live < never else "red" if live > never else "none"
    return f"[{colour}]{live - never:+.4f} ({(live - never) / never:+.1%})[/]"


def _better(story: Story) -> str:
    better = sum(champion < first for champion, first in story.compared)
    worse = sum(champion > first for champion, first in story.compared)
    return f"{better} better, {worse} worse"


_ROWS: tuple[tuple[str, Callable[[Story], str]], ...] = (
    ("batches", lambda story: f"{len(story.weeks)}"),
    ("rows", lambda story: f"{story.parsed_rows:,}"),
    ("in quarantine", lambda story: f"{story.quarantined_rows:,}"),
    ("drift", _drift),
    ("retrains", lambda story: f"{story.retrains}"),
    ("promotions", lambda story: f"{story.promotions}"),
    ("champion", _champion),
    ("metric, mean over batches", lambda story: f"{story.metric}, {len(story.compared)} batches"),
    ("  live champion", lambda story: _loss(story.mean_champion)),
    ("  version 1, never retrained", lambda story: _loss(story.mean_never_retrained)),
    ("  difference", _difference),
    ("  batches", _better),
)


def _csv(stories: Iterable[Story]) -> str:
    from io import StringIO

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
