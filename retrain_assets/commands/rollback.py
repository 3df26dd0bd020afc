"""`retrain-assets rollback` and `retrain-assets clear`."""

from __future__ import annotations

from datetime import datetime

import click

from retrain_assets.commands.options import Options, holding, moment, person, show_champion, with_options
from retrain_assets.data.sound_texts import visible


@click.command()
@click.argument("model")
@click.option("--to", "version", type=click.IntRange(min=1), help="The version; it must have been champion.")
@click.option(
    "--as-of", type=moment, help="Or the champion as of this moment of batch time (UTC unless it names an offset)."
)
@click.option("--reason", required=True, help="Stands in the promotion log.")
@click.option(
    "--may-return",
    is_flag=True,
    help="Nothing is wrong with the version that leaves (its season is over): it may be recalled.",
)
@with_options
def rollback(
    options: Options, model: str, version: int | None, as_of: datetime | None, reason: str, *, may_return: bool
) -> None:
    """Put an earlier champion back in force, and ask for a new decision.

    By default the champion before this one. Its reference profile and the loss against which decay is told come back
    with it; it is no younger for it. The version that leaves is not promoted again by itself until it is cleared,
    unless it may return.
    Who is champion is said as soon as it is recorded. The tracking server is then asked to show it; it has five seconds
    for each answer. Where it gives none, the next retrain shows it, or `reconcile`.
    While a run works on the model it is refused: wait, or cancel that run on Dagster's page of runs. Who did it stands
    in the record by their login name, which is taken on trust.

    \b
    retrain-assets rollback flight_delay --reason "v7 scores every night flight 1"
    retrain-assets rollback flight_delay --to 5 --reason "as agreed with operations"
    retrain-assets rollback flight_delay --as-of 2013-06-01 --reason "before the new feed"
    retrain-assets rollback flight_delay --to 5 --may-return --reason "the summer timetable is back"
    """  # noqa: D301 - click reads the backspace
    if version is not None and as_of is not None:
        raise click.UsageError("give --to or --as-of, not both")
    with holding(options, model, "rollback") as held:
        from retrain_assets.lifecycle import roll_back

        log = held.stores.state.promotions(model)
        left = f"v{log[-1].version}" if log else "nobody"
        made = roll_back(
            held.stores, held.model, to=version, as_of=as_of, may_return=may_return, reason=reason, actor=person(),
            now=held.now,
            announce=lambda made: click.echo(f"{model}: v{made.version} is champion again instead of {left}"),
        )  # fmt: skip
        show_champion(held)
    click.echo(f"  {visible(made.reason)}")
    after = "may be recalled again" if may_return else "stays out until `retrain-assets clear`"
    click.echo(f"  the next decision is due now; {left} {after}")


@click.command()
@click.argument("model")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--reason", required=True, help="Stands in the record.")
@with_options
def clear(options: Options, model: str, version: int, reason: str) -> None:
    """Allow a version that was rolled back to be promoted or recalled again.

    It changes no champion. Materializing `champion` judges the version anew, where nothing was trained after it;
    `rollback --to` puts it back as it is.

    \b
    retrain-assets clear flight_delay 7 --reason "the feed was at fault, not the model"
    """  # noqa: D301 - click reads the backspace
    with holding(options, model, "clear") as held:
        from retrain_assets.lifecycle.versions import clear as allow

        allow(held.stores, held.model, version, actor=person(), reason=reason, now=held.now)
    click.echo(f"{model}: v{version} may be promoted or recalled again; who is champion has not changed")
    click.echo(f"  materialize champion to have it judged anew, or put it back: rollback {model} --to {version}")
