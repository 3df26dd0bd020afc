"""`retrain-assets ui`: Dagster on the project."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click

from retrain_assets.commands.options import Options, with_options


@click.command()
@click.option("--port", default=3000, show_default=True, help="Port on 127.0.0.1.")
@with_options
def ui(options: Options, port: int) -> None:
    """Open the Dagster UI on the project, daemon included (`dagster dev`).

    \b
    retrain-assets ui --port 3001
    """  # noqa: D301 - click reads the backspace
    if options.defs:
        raise click.UsageError("--defs does not reach Dagster: start `ui` in the folder of the project, without it")
    home = options.opened_home().prepare()
    command = [sys.executable, "-m", "dagster", "dev", *_code_location(), "-h", "127.0.0.1", "-p", str(port)]
    address = f"http://127.0.0.1:{port}"
    environ = {
        **os.environ,
        "DAGSTER_HOME": str(home.dagster_home),
        "RETRAIN_ASSETS_HOME": str(home.folder),
        "RETRAIN_ASSETS_DAGSTER_URL": os.environ.get("RETRAIN_ASSETS_DAGSTER_URL", address),
    }
    click.echo(f"{address} (Ctrl-C ends it); state in {home.folder}")
    sys.stdout.flush()
    # A shell's background job ignores SIGINT, and so would all that Dagster starts and ends by it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execve(sys.executable, command, environ)  # noqa: S606 - our own interpreter with our own arguments


def _code_location() -> list[str]:
    """The workspace here, what Dagster reads from the project's settings, what is declared here, or else the demo's."""
    if Path("workspace.yaml").exists():
        return ["-w", "workspace.yaml"]
    from retrain_assets.stores.declarations import find_declarations, is_dagster_project

    if is_dagster_project(Path.cwd()):
        return []
    declared = find_declarations(Path.cwd())
    return ["-m", "retrain_assets.orchestration.folder" if declared else "retrain_assets.definitions"]
