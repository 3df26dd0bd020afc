"""`retrain-assets reconcile`: the registry and Dagster show again what the promotion log says."""

from __future__ import annotations

import sys

import click

from retrain_assets.commands.options import Options, holding, person, serving, show_champion, with_options


@click.command()
@click.argument("model", required=False)
@click.option("--adopt", "adopted", is_flag=True, help="The alias that was moved by hand is right: the log follows it.")
@click.option("--reason", help="Of an adoption; stands in the promotion log.")
@with_options
def reconcile(options: Options, model: str | None, adopted: bool, reason: str | None) -> None:
    """Put the registry's alias and tags, and Dagster's events, back to what the promotion log says.

    Tells where somebody moved or deleted the alias by hand, and whether the champion can still be loaded. Without a
    MODEL, of all that are declared. Exit code 1 when a champion is broken.

    With --adopt the version to which somebody moved the alias becomes champion instead, as by a rollback to it; it must
    have been champion before. That a run has put the alias back since does not matter.

    \b
    retrain-assets reconcile
    retrain-assets reconcile flight_delay
    retrain-assets reconcile flight_delay --adopt --reason "Ann moved it during the outage"
    """  # noqa: D301 - click reads the backspace
    if adopted:
        _adopt(options, model, reason)
        return
    names = [model] if model else serving(options)
    broken = False
    for name in names:
        with holding(options, name, "reconcile") as held:
            from retrain_assets.lifecycle.reconciling import reconcile as put_right

            found = put_right(held.stores, held.model, now=held.now)
            show_champion(held)
        broken |= found.broken is not None
        click.secho(str(found), fg="red" if found.broken else "yellow" if found.by_hand else None)
    sys.exit(1 if broken else 0)


def _adopt(options: Options, model: str | None, reason: str | None) -> None:
    if model is None or reason is None:
        raise click.UsageError("--adopt needs a MODEL and a --reason")
    with holding(options, model, "adopt-alias") as held:
        from retrain_assets.lifecycle.adopting_alias import adopt_alias

        made = adopt_alias(held.stores, held.model, reason=reason, actor=person(), now=held.now)
        show_champion(held)
    click.echo(f"{model}: v{made.current.version if made.current else '?'} is champion, as the alias said")
