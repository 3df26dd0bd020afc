"""`retrain-assets reconcile`: the registry and Dagster show again what the promotion log says."""

from __future__ import annotations

import sys

import click

from retrain_assets.commands.options import Options, holding, person, serving, show_champion, with_options
from retrain_assets.commands.patience import patience
from retrain_assets.data.sound_texts import visible


@click.command()
@click.argument("model", required=False)
@click.option("--adopt", "adopted", is_flag=True, help="The alias that was moved by hand is right: the log follows it.")
@click.option(
    "--accept-head", "accepted", is_flag=True, help="The state database is right, although the registry saw another."
)
@click.option("--reason", help="Of an adoption or acceptance; stands in the record.")
@with_options
def reconcile(options: Options, model: str | None, adopted: bool, accepted: bool, reason: str | None) -> None:
    """Put the registry's alias and tags, and Dagster's events, back to what the promotion log says.

    A tracking server that cannot be reached has seconds.

    Tells where somebody moved or deleted the alias by hand, and whether the champion can still be loaded. Without a
    MODEL, of all that are declared. Exit code 1 when a champion is broken, or when the registry saw another record than
    the state database holds: nothing in the registry is touched then.

    With --adopt the version to which somebody moved the alias becomes champion instead, as by a rollback to it; it must
    have been champion before. That a run has put the alias back since does not matter.

    With --accept-head a state database that was restored from an older backup is taken for the right one; who accepted
    it and why stands in the record.

    \b
    retrain-assets reconcile
    retrain-assets reconcile flight_delay
    retrain-assets reconcile flight_delay --adopt --reason "Ann moved it during the outage"
    retrain-assets reconcile flight_delay --accept-head --reason "restored the backup of Monday"
    """  # noqa: D301 - click reads the backspace
    if adopted and accepted:
        raise click.UsageError("--adopt and --accept-head answer different questions: give one")
    if adopted or accepted:
        if model is None or reason is None:
            raise click.UsageError(f"{'--adopt' if adopted else '--accept-head'} needs a MODEL and a --reason")
        (_adopt if adopted else _accept)(options, model, reason)
        return
    names = [model] if model else serving(options)
    broken = False
    for name in names:
        with holding(options, name, "reconcile") as held, patience(held.home, held.model.name):
            from retrain_assets.lifecycle.reconciling import reconcile as put_right

            found = put_right(held.stores, held.model, now=held.now)
            show_champion(held)
        broken |= found.broken is not None
        click.secho(visible(str(found)), fg="red" if found.broken else "yellow" if found.by_hand else None)
    sys.exit(1 if broken else 0)


def _adopt(options: Options, model: str, reason: str) -> None:
    with holding(options, model, "adopt-alias") as held, patience(held.home, held.model.name):
        from retrain_assets.lifecycle.adopting_alias import adopt_alias

        made = adopt_alias(held.stores, held.model, reason=reason, actor=person(), now=held.now)
        show_champion(held)
    click.echo(f"{model}: v{made.current.version if made.current else '?'} is champion, as the alias said")


def _accept(options: Options, model: str, reason: str) -> None:
    with holding(options, model, "accept-head") as held, patience(held.home, held.model.name):
        from retrain_assets.lifecycle.accepting_head import accept_head

        found = accept_head(held.stores, held.model, reason=reason, actor=person(), now=held.now)
        show_champion(held)
    click.echo(f"{visible(str(found))}. The record says that you accepted it")
    sys.exit(1 if found.broken else 0)
