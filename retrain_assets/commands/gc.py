"""`retrain-assets gc`: what of the stored history nobody needs any more, shown and then freed."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from retrain_assets.commands.options import Options, holding, person, serving, with_options

if TYPE_CHECKING:
    from retrain_assets.lifecycle.freeing import Freeable


@click.command()
@click.argument("model", required=False)
@click.option("--yes", is_flag=True, help="Free it. Without, it is only shown.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@with_options
def gc(options: Options, model: str | None, yes: bool, as_json: bool) -> None:
    """Show what of the stored history nobody needs any more, and with --yes free it.

    Older versions of tables and superseded deliveries go. Pinned are the newest of each, and all that a registered
    version of a model was trained from: it can still be reproduced. Registered models, decisions, promotions and their
    audit chain are never touched. Without a MODEL, of all that are declared, retired ones among them.

    \b
    retrain-assets gc
    retrain-assets gc flight_delay --yes
    """  # noqa: D301 - click reads the backspace
    names = [model] if model else serving(options, also_retired=True)
    found = [_freed(options, name, yes=yes) for name in names]
    if as_json:
        click.echo(json.dumps([asdict(each) | {"files": each.files, "bytes": each.bytes} for each in found], indent=2))
        return
    for each in found:
        _print(each, freed=yes)
    if not yes and any(each.files for each in found):
        click.echo("nothing was changed: --yes frees it")


def _freed(options: Options, name: str, *, yes: bool) -> Freeable:
    from retrain_assets.lifecycle.freeing import free, freeable

    if yes:
        with holding(options, name, "gc", also_retired=True) as held:
            return free(held.stores, held.model, actor=person(), now=held.now)
    from retrain_assets.home import open_stores

    return freeable(open_stores(options.opened_home().prepare()), options.model(name))


def _print(each: Freeable, *, freed: bool) -> None:
    verb = "freed" if freed else "can be freed"
    click.secho(f"{each.model}: {each.files:,} files{_size(each.bytes)} {verb}", bold=True)
    for asset, files in each.tables.items():
        if files.files:
            click.echo(f"  {asset:<18} {files.files:>7,} files{_size(files.bytes)}")
    if each.blobs:
        click.echo(f"  {'raw deliveries':<18} {len(each.blobs):>7,} files{_size(each.blob_bytes)}")
    by = f"v{each.pinned_by[0]} to v{each.pinned_by[-1]}" if len(each.pinned_by) > 1 else "the registered version"
    if each.pinned_by:
        click.echo(f"  {each.pinned_table_versions} older versions of tables are pinned by {by}")


def _size(size: int) -> str:
    return f", {size / 1e6:,.1f} MB"
