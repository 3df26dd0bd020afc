"""`retrain-assets event` and `retrain`: what the next decision is to see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import click

from retrain_assets.commands.options import Options, with_options

if TYPE_CHECKING:
    from retrain_assets.spec import ModelSpec


@click.command()
@click.argument("model")
@click.argument("text")
@with_options
def event(options: Options, model: str, text: str) -> None:
    """Record a business event: the trigger `event` of the next decision.

    \b
    retrain-assets event flight_delay "new winter timetable"
    """  # noqa: D301 - click reads the backspace
    spec = _append(options, "event", model, text)
    click.echo(f"{model}: recorded the event; the next decision will see it")
    if "event" not in spec.retrain.expression.names():
        click.secho(
            f"{model}: its retrain.when does not name `event`, so that nothing comes of it", fg="yellow", err=True
        )


@click.command()
@click.argument("model")
@click.option("--reason", required=True, help="Why; it stands in the decision.")
@with_options
def retrain(options: Options, model: str, reason: str) -> None:
    """Ask for a retrain as a person: the trigger `person` of the next decision.

    Cooldown and budget bind a person too; the decision says what it came to.

    \b
    retrain-assets retrain flight_delay --reason "the weather feed was mended"
    """  # noqa: D301 - click reads the backspace
    _append(options, "person", model, reason)
    click.echo(f"{model}: recorded the request; the next decision will see it")


def _append(options: Options, kind: Literal["event", "person"], model: str, text: str) -> ModelSpec:
    declared = options.model(model)
    home = options.opened_home().prepare()
    from retrain_assets.home import open_stores
    from retrain_assets.lifecycle import record_event

    record_event(open_stores(home), declared, kind, text, now=datetime.now(UTC))
    return declared.spec
