"""How long a command waits for a tracking server that does not answer."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from retrain_assets.home import Home


@contextmanager
def patience(home: Home, name: str, *, again: str = "") -> Generator[None]:
    """Says at once that the tracking server does not answer. One that cannot be reached has seconds, not minutes.

    Args:
        home: names the server.
        name: of the model, before what is said.
        again: what becomes of what fails.
    """
    from retrain_assets.errors import without_password
    from retrain_assets.home import open_registry

    registry = open_registry(home)
    silence = registry.silence()
    if silence is None:
        yield
        return
    then = (
        "what needs it waits for it, for minutes if it must"
        if silence.slow
        else f"what needs it fails after seconds{again}. Start it, or set RETRAIN_ASSETS_TRACKING_URI"
    )
    server = without_password(home.tracking_uri)
    click.secho(
        f"{name}: the tracking server {server} does not answer ({silence.reason}): {then}", fg="yellow", err=True
    )
    if silence.slow:
        yield
        return
    with registry.briefly():
        yield
