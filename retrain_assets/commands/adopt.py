"""`retrain-assets adopt`: an MLflow model becomes the first champion."""

from __future__ import annotations

from datetime import datetime

import click

from retrain_assets.commands.options import Options, holding, moment, person, show_champion, with_options
from retrain_assets.commands.patience import patience


@click.command()
@click.argument("model")
@click.option("--registered", help="Name of the model in MLflow.  [default: MODEL]")
@click.option("--version", "version", type=click.IntRange(min=1), help="The version to take over.")
@click.option("--alias", help="Or the alias that points at it.")
@click.option(
    "--training-end",
    required=True,
    type=moment,
    help="End of the data it was trained on (UTC unless it names an offset): from then on it serves, and its age "
    "counts.",
)
@click.option("--reason", default="taken over from MLflow", show_default=True, help="Stands in the promotion log.")
@click.option(
    "--trust", is_flag=True, help="I answer for this model: loading it may run any code (pickle, cloudpickle)."
)
@with_options
def adopt(
    options: Options,
    model: str,
    registered: str | None,
    version: int | None,
    alias: str | None,
    training_end: datetime,
    reason: str,
    trust: bool,
) -> None:
    """Take over a model that MLflow already holds as the first champion of a declared one.

    The estimator is read from the tracking server of this home, registered as a version of MODEL, proven on rows of
    the newest batch, and promoted in your name.

    \b
    retrain-assets adopt churn --version 7 --training-end 2024-06-01
    retrain-assets adopt churn --registered old_churn --alias production --training-end 2024-06-01 --trust
    """  # noqa: D301 - click reads the backspace
    if (version is None) == (alias is None):
        raise click.UsageError("give either --version or --alias")
    with holding(options, model, "adopt") as held:
        from retrain_assets.home import open_registry
        from retrain_assets.lifecycle.adopt import adopt as take_over
        from retrain_assets.reporting.adopted import blind_triggers

        with patience(held.home, model):
            registry = open_registry(held.home)
            origin = registry.read_registered(registered or model, version=version, alias=alias, trust=trust)
        promotion = take_over(
            held.stores, held.model, origin, training_end=training_end, actor=person(), reason=reason, now=held.now,
            run_id=held.run_id,
        )  # fmt: skip
        show_champion(held)
    click.echo(f"{model}: {origin} of MLflow is now champion v{promotion.version}")
    blind = blind_triggers(held.model.spec, [promotion])
    if blind is not None:
        click.secho(f"{model}: {blind}", fg="yellow", err=True)
