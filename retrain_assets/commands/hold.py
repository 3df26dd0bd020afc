"""`retrain-assets hold`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from retrain_assets.commands.options import Options, person, with_options
from retrain_assets.data.sound_texts import visible


@click.command()
@click.argument("model")
@click.option("--resume", is_flag=True, help="Let the retrain go on.")
@click.option("--reject", is_flag=True, help="Refuse it; its drift counts as seen.")
@click.option("--reason", help="Stands in the decision; needed to answer.")
@with_options
def hold(options: Options, model: str, resume: bool, reject: bool, reason: str | None) -> None:
    """Show the retrain that is held for a person, or answer it.

    A retrain is held where drift exceeds what `retrain.hold_beyond` allows. Either answer asks for a new decision.

    \b
    retrain-assets hold flight_delay
    retrain-assets hold flight_delay --resume --reason "the airport did move"
    """  # noqa: D301 - click reads the backspace
    if resume and reject:
        raise click.UsageError("give one answer: --resume or --reject")
    if (resume or reject) and not reason:
        raise click.UsageError("give --reason: it stands in the decision")
    declared = options.model(model)
    from retrain_assets.home import open_stores
    from retrain_assets.lifecycle.holding import answer_hold
    from retrain_assets.policy.holds import open_hold

    stores = open_stores(options.opened_home().prepare())
    if not (resume or reject) or reason is None:
        held = open_hold(stores.state.decisions(model))
        click.echo(f"{model}: nothing is held" if held is None else f"{model}: {held.batch} {visible(held.reason)}")
        return
    verdict = "resume" if resume else "reject"
    held = answer_hold(stores, declared, verdict, person=person(), reason=reason, now=datetime.now(UTC))
    click.echo(f"{model}: recorded {verdict} of what {held.batch} decided; the next decision will see it")
