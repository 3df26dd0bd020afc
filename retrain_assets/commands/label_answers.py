"""`retrain-assets label-answers`: what was answered to `label-next`, delivered as labels."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from retrain_assets.commands.options import Options, with_options


@click.command("label-answers")
@click.argument("model")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_options
def label_answers(options: Options, model: str, file: Path) -> None:
    """Deliver the answers to what `label-next` exported, by batch, where `target.labels` looks.

    A spreadsheet may have saved the file with its own separator, encoding and decimal mark: they are told from it. Rows
    whose target is still empty are left out. Where one answer cannot be read, or its row is unknown, nothing is
    delivered. The next run settles the labels that came, before it decides.

    \b
    retrain-assets label-answers flight_delay to_label.csv
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.home import open_stores
    from retrain_assets.lifecycle.label_answers import deliver_answers

    declared = options.model(model)
    stores = open_stores(options.opened_home().prepare())
    made = deliver_answers(stores, declared, str(file), file.read_bytes(), now=datetime.now(UTC))
    blank = f"; {made.blank} rows have no answer yet" if made.blank else ""
    click.echo(f"{model}: delivered {sum(made.labels.values())} labels of {len(made.labels)} batches{blank}")
