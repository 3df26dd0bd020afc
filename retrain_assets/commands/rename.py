"""`retrain-assets rename` and `retrain-assets retire`: a model as a whole, with its history kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from retrain_assets.commands.options import Options, person, with_options
from retrain_assets.errors import RefusedError

if TYPE_CHECKING:
    from retrain_assets.lifecycle import DeclaredModel


@click.command()
@click.argument("model")
@click.argument("name")
@click.option("--reason", required=True, help="Stands in the record.")
@with_options
def rename(options: Options, model: str, name: str, reason: str) -> None:
    """Give MODEL the new NAME, and take its whole history along.

    Tables, decisions, promotions, approvals, their audit chain and the registered model are found under the new name
    from then on; the old one is not given to another model. Then change `name` in the declaration: until that is done
    nothing runs. In Dagster the assets have new keys, and the events of before stay with the old ones. Interrupted, the
    same command goes on where it stopped.

    \b
    retrain-assets rename flight_delay late_arrival --reason "what it predicts since March"
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.home import open_stores
    from retrain_assets.lifecycle.renaming import rename as give

    declared = _declared(options, model, name)
    stores = open_stores(options.opened_home().prepare())
    give(stores, declared, name, reason=reason, actor=person(), now=datetime.now(UTC))
    click.echo(f"{model} is {name} now, with all its history")
    if any(each.spec.name == model for each in options.declarations()):
        click.echo(f"  next: write `name: {name}` into its declaration, and reload the code location")


def _declared(options: Options, model: str, name: str) -> DeclaredModel:
    """The model under the name that it has, whether or not its declaration says the new one already."""
    names = [declared.spec.name for declared in options.declarations()]
    declared = options.model(name if name in names and model not in names else model)
    return replace(declared, spec=declared.spec.model_copy(update={"name": model}))


@click.command()
@click.argument("model")
@click.option("--undo", is_flag=True, help="Take it back into service, with the champion that it had.")
@click.option("--reason", required=True, help="Stands in the record.")
@with_options
def retire(options: Options, model: str, undo: bool, reason: str) -> None:
    """Take a model out of service, with its history kept.

    No run works on it any more, nobody is its champion, and the registry's alias is gone; what waits for approval, or
    was approved and not carried out, is void. History, audit chain, tables and registered versions stay. Once that is
    done its declaration may be removed.

    \b
    retrain-assets retire flight_delay --reason "the airline has its own by now"
    retrain-assets retire flight_delay --undo --reason "it has not"
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.home import open_stores
    from retrain_assets.lifecycle.renaming import retire as let_go
    from retrain_assets.lifecycle.renaming import take_back

    declared = options.model(model)
    home = options.opened_home()
    if not home.state_exists:
        raise RefusedError(f"nothing is known of {model}: there is no state in {home.folder}")
    stores, now = open_stores(home.prepare()), datetime.now(UTC)
    move = take_back if undo else let_go
    move(stores, declared, reason=reason, actor=person(), now=now)
    log = stores.state.promotions(model)
    served = f"v{log[-1].version}" if log else "nobody"
    said = f"is in service again, {served} is champion" if undo else f"is retired; {served} serves no more"
    click.echo(f"{model} {said}")
