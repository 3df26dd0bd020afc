"""What a replay shows and writes: the table in a width that cuts no figure off, and files whose place was tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import RenderableType

    from retrain_assets.replay.report import Report

TABLE_WIDTH = 120
"""In a pipe too: figures that are cut off are none."""
_WIDEST = 10_000


def require_writable(*, files: Mapping[str, Path | None], folder: Path) -> None:
    """That all can be written where it is asked for: said before models are fitted, not when they are.

    Args:
        files: by the option that names each.
        folder: of the scores.

    Raises:
        click.BadParameter: one cannot be written, and why.
    """
    _try("--cache", folder, folder, existing=False)
    for option, path in files.items():
        if path is not None:
            _try(option, path, path.parent, existing=path.exists())


def _try(option: str, path: Path, folder: Path, *, existing: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("ab") if existing else TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise click.BadParameter(
            f"{str(path)!r} cannot be written ({error.strerror}): name a place that can", param_hint=option
        ) from error


def tell(report: Report, told: Mapping[str, Any], json_path: Path | None) -> None:
    """Prints the tables, the recommendation and its YAML; writes everything as JSON where that is asked for."""
    from rich.console import Console

    tables = [report.table(), *([] if report.scenario is None else [report.scenario_table()])]
    console = Console(highlight=False, width=max(TABLE_WIDTH, Console().width, *map(_width, tables)))
    for table in tables:
        console.print(table)
    console.print(report.recommendation.sentence, style="bold", soft_wrap=True)
    yaml = report.yaml(report.recommendation.policy)
    if yaml is not None:
        console.print(f"\n{yaml.rstrip()}", soft_wrap=True, markup=False)
    if json_path is not None:
        write(json_path, json.dumps(told, indent=1).encode())


def _width(table: RenderableType) -> int:
    from rich.console import Console

    return Console(width=_WIDEST).measure(table).maximum


def write(path: Path, content: bytes) -> None:
    """Writes a file and says so."""
    path.write_bytes(content)
    click.echo(f"wrote {path}", err=True)
