"""`retrain-assets reconcile`: the registry and Dagster show again what the promotion log says."""

from __future__ import annotations

import sys

import click

from retrain_assets.commands.options import Options, holding, show_champion, with_options


@click.command()
@click.argument("model", required=False)
@with_options
def reconcile(options: Options, model: str | None) -> None:
    """Put the registry's alias and tags, and Dagster's events, back to what the promotion log says.

    Tells where somebody moved or deleted the alias by hand, and whether the champion can still be loaded. Without a
    MODEL, of all that are declared. Exit code 1 when a champion is broken.

    \b
    retrain-assets reconcile
    retrain-assets reconcile flight_delay
    """  # noqa: D301 - click reads the backspace
    names = [model] if model else [declared.spec.name for declared in options.declarations()]
    broken = False
    for name in names:
        with holding(options, name, "reconcile") as held:
            from retrain_assets.lifecycle.reconciling import reconcile as put_right

            found = put_right(held.stores, held.model, now=held.now)
            show_champion(held)
        broken |= found.broken is not None
        click.secho(str(found), fg="red" if found.broken else "yellow" if found.by_hand else None)
    sys.exit(1 if broken else 0)
