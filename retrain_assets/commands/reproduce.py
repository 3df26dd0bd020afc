"""`retrain-assets reproduce`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from retrain_assets.commands.options import Options, with_options
from retrain_assets.data.sound_texts import visible


@click.command()
@click.argument("model")
@click.argument("version", type=click.IntRange(min=1))
@with_options
def reproduce(options: Options, model: str, version: int) -> None:
    """Train a version again from its frozen window, and compare the hashes.

    Says which input differs (data, declaration, transform, libraries, threads, code) where the hash is another one.
    Registers and changes nothing. Exit code 1 when it is not the same.

    \b
    retrain-assets reproduce flight_delay 7
    """  # noqa: D301 - click reads the backspace
    declared = options.model(model)
    from retrain_assets.home import open_stores
    from retrain_assets.lifecycle.reproducing import reproduce as train_again

    found = train_again(open_stores(options.opened_home()), declared, version, now=datetime.now(UTC))
    click.secho(visible(str(found)), fg=None if found.same else "red")
    sys.exit(0 if found.same else 1)
