"""`retrain-assets history` and `retrain-assets audit`: who was champion when and why; is the record of it whole."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from retrain_assets.commands.options import Options, moment, with_options
from retrain_assets.data.sound_texts import visible

if TYPE_CHECKING:
    from retrain_assets.lifecycle.auditing import HistoryLine, Verified
    from retrain_assets.promotion.model_moves import ModelMove
    from retrain_assets.stores.protocols import StateStore


@click.command()
@click.argument("model")
@click.option(
    "--as-of",
    type=moment,
    help="Only the champion in force at this moment of batch time (UTC unless it names an offset).",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, evidence included.")
@with_options
def history(options: Options, model: str, as_of: datetime | None, as_json: bool) -> None:
    """Show who was champion when, why, on what evidence and by whose approval.

    Reads the state database only; also of a model that is no longer declared.

    \b
    retrain-assets history flight_delay
    retrain-assets history flight_delay --as-of 2013-06-01
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.home import open_state
    from retrain_assets.lifecycle.auditing import history as read
    from retrain_assets.promotion.log import champion_as_of

    state = open_state(options.opened_home())
    lines = read(state, model)
    if not lines:
        _refuse_unknown(options, state, model)
    if as_of is not None:
        found = champion_as_of([line.promotion for line in lines], as_of)
        lines = [line for line in lines if line.promotion == found]
    if as_json:
        click.echo(json.dumps([_plain(line) for line in lines], indent=2))
    elif lines:
        _print(model, lines)
        _print_moves(state, model)
    else:
        gone = next((move.model for move in reversed(state.model_moves()) if _left(move, model)), None)
        since = f" under this name: `retrain-assets history {gone}`" if gone else " yet"
        click.echo(f"{model}: no champion" + (f" as of {as_of:%Y-%m-%d %H:%M}" if as_of else since))
        _print_moves(state, model)


def _refuse_unknown(options: Options, state: StateStore, model: str) -> None:
    """A name that nothing is recorded of must be declared: a typo has no history, and is not whole."""
    moved = {name for move in state.model_moves() for name in (move.model, move.previous)}
    if model not in {*state.models(), *moved} and not state.audited(model)[0]:
        options.declared(model)


def _print(model: str, lines: list[HistoryLine]) -> None:
    """One block for each change; whole sentences, which no table has room for."""
    click.secho(model, bold=True)
    for line in lines:
        made = line.promotion
        until = f"{line.until:%Y-%m-%d %H:%M}" if line.until else "now"
        approved = f", approved by {', '.join(line.approved_by)}" if line.approved_by else ""
        click.secho(f"{made.id:>4}  v{made.version} {made.action}", bold=True, nl=False)
        click.echo(f"  in force from {made.as_of:%Y-%m-%d %H:%M} to {until}  (now {line.stage or 'not recorded'})")
        click.echo(f"      by {visible(made.actor)} on {made.promoted_at:%Y-%m-%d %H:%M}{approved}")
        click.echo(
            f"      trained to {made.training_end:%Y-%m-%d}, data {(line.data_hash or 'unknown')[:12]}, "
            f"model {(line.model_hash or 'unknown')[:12]}, code {made.evidence.get('code_version', 'unknown')}"
        )
        click.echo(f"      {visible(made.reason)}")


def _print_moves(state: StateStore, model: str) -> None:
    for move in state.model_moves():
        if model in (move.model, move.previous):
            did = {
                "rename": f"renamed from {move.previous} to {move.model}",
                "retire": "retired",
                "return": "returned",
                "accept": f"record accepted although the registry had seen {move.previous}",
            }
            click.echo(f"{did[move.action]} by {move.actor} on {move.moved_at:%Y-%m-%d %H:%M}: {visible(move.reason)}")


def _left(move: ModelMove, name: str) -> bool:
    """Whether a model was given another name, with all its history."""
    return move.action == "rename" and move.previous == name


def _plain(line: HistoryLine) -> dict[str, Any]:
    made = line.promotion
    return {
        "promotion": made.id,
        "version": made.version,
        "stage": line.stage,
        "action": made.action,
        "previous": made.previous_id,
        "in_force_from": made.as_of.isoformat(),
        "in_force_until": line.until.isoformat() if line.until else None,
        "promoted_at": made.promoted_at.isoformat(),
        "actor": made.actor,
        "approved_by": list(line.approved_by),
        "reason": made.reason,
        "batch": made.batch,
        "attempt": made.attempt,
        "training_end": made.training_end.isoformat(),
        "model_hash": line.model_hash,
        "data_hash": line.data_hash,
        "training_hash": line.training_hash,
        "evidence": dict(made.evidence),
    }


@click.group()
def audit() -> None:
    """Check the record of what was decided.

    \b
    retrain-assets audit verify
    retrain-assets audit verify flight_delay
    """  # noqa: D301 - click reads the backspace


@audit.command()
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@with_options
def verify(options: Options, model: str | None, as_json: bool) -> None:
    """Recompute the hash chain over decisions, promotions, stages and approvals.

    Finds what was changed, deleted or slipped in, and compares the head of the chain with the one that the registry
    saw last. Without a MODEL, of all that are declared. Exit code 1 when something is wrong.

    \b
    retrain-assets audit verify
    retrain-assets audit verify flight_delay --json
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.home import open_stores
    from retrain_assets.lifecycle.auditing import verify as check

    names = [model] if model else [declared.spec.name for declared in options.declarations()]
    stores = open_stores(options.opened_home())
    if model:
        _refuse_unknown(options, stores.state, model)
    checked = [check(stores, name) for name in names]
    if as_json:
        click.echo(json.dumps([_verified(each) for each in checked], indent=2))
    else:
        for each in checked:
            _say(each)
    sys.exit(1 if any(each.faults for each in checked) else 0)


def _verified(each: Verified) -> dict[str, Any]:
    return {
        "model": each.model,
        "whole": not each.faults,
        "entries": each.entries,
        "head": each.head,
        "faults": [str(fault) for fault in each.faults],
        "registry_not_compared": each.unseen,
    }


def _say(each: Verified) -> None:
    head = f", head {each.head[:16]}" if each.head else ""
    if each.unread:
        told = "a row is damaged, and the chain could not be verified"
        click.secho(f"{each.model}: {told}: {visible(str(each.faults[0]))}", fg="red", err=True)
    elif each.faults:
        click.secho(f"{each.model}: the chain of {each.entries} entries is broken", fg="red", err=True)
        for fault in each.faults:
            click.secho(f"  {visible(str(fault))}", fg="red", err=True)
    else:
        click.echo(f"{each.model}: {each.entries} entries, whole{head}")
    if each.unseen:
        click.secho(f"  {visible(each.unseen)}", fg="yellow", err=True)
