"""`retrain-assets label-next`: the rows most worth a label, exported for whoever labels."""

from __future__ import annotations

from pathlib import Path

import click

from retrain_assets.commands.options import Options, with_options


@click.command("label-next")
@click.argument("model")
@click.option("--rows", default=100, show_default=True, type=click.IntRange(min=1), help="How many to ask about.")
@click.option("--batches", default=4, show_default=True, type=click.IntRange(min=1), help="Newest batches to look at.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="CSV file to write.")
@with_options
def label_next(options: Options, model: str, rows: int, batches: int, out: Path) -> None:
    """Export the rows most worth a label: what the champion is least sure of, and where labels are few.

    Of a regression, which does not say how sure it is: what is most unlike the rows that it learned from.

    Fill in the empty target column; `label-answers` delivers the file by batch where `target.labels` looks. What is
    answered comes back as labels, known from then on.

    \b
    retrain-assets label-next flight_delay --rows 50 --out to_label.csv
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.home import open_stores
    from retrain_assets.lifecycle.labelling import questions, rows_to_label

    declared = options.model(model)
    found = rows_to_label(open_stores(options.opened_home().prepare()), declared, rows=rows, batches=batches)
    out.write_bytes(questions(found))
    unclear = int((found["why"] != "few labels").sum())
    said = "unlike what it learned from" if declared.spec.task == "regression" else "that it is unsure of"
    click.echo(f"{model}: wrote {len(found)} rows to {out}: {unclear} {said}, the others where labels are few")
    if declared.spec.target.labels is not None:
        click.echo(f"  fill in {declared.spec.target.column}, then: retrain-assets label-answers {model} {out}")
    else:
        click.echo("  target.labels declares no source: the answers come back when the batches are delivered again")
