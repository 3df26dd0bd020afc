"""`retrain-assets adopt`: an MLflow model becomes the first champion."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from retrain_assets.commands.options import Options, moment, person, with_options
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
    declared = options.declared(model)
    home = options.opened_home().prepare()
    click.echo(f"{model}: loading MLflow ...", err=True)
    from retrain_assets.home import open_registry, open_stores
    from retrain_assets.lifecycle import DeclaredModel, lease
    from retrain_assets.lifecycle.adopt import adopt as take_over
    from retrain_assets.lifecycle.origin import Origin
    from retrain_assets.reporting.adopted import blind_triggers

    with patience(home, model):
        found = open_registry(home).read_registered(registered or model, version=version, alias=alias, trust=trust)
    now, stores = datetime.now(UTC), open_stores(home)
    target = DeclaredModel(declared.spec, Path(declared.file).absolute().parent)
    run_id = f"adopt-{now:%Y%m%dT%H%M%S}-{os.getpid()}"
    with lease(stores, target, owner=run_id, now=now):
        promotion = take_over(
            stores,
            target,
            Origin(
                estimator=found.estimator,
                name=found.model,
                version=found.version,
                content_hash=found.content_hash,
                inputs=found.inputs,
            ),
            training_end=training_end,
            actor=person(),
            reason=reason,
            now=now,
            run_id=run_id,
        )
    import dagster as dg

    from retrain_assets.orchestration.projection import report_champion

    with dg.DagsterInstance.from_config(str(home.dagster_home)) as instance:
        report_champion(instance, stores, promotion, stores.state.promotions(model))
    click.echo(f"{model}: {found.model} v{found.version} of MLflow is now champion v{promotion.version}")
    blind = blind_triggers(declared.spec, [promotion])
    if blind is not None:
        click.secho(f"{model}: {blind}", fg="yellow", err=True)
