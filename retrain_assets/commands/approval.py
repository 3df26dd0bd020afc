"""`retrain-assets approve`, `reject` and `approval`: what a person answers to a promotion that waits."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from retrain_assets.commands.options import Options, with_options
from retrain_assets.data.sound_texts import visible

if TYPE_CHECKING:
    from retrain_assets.promotion.approvals import ApprovalRequest, Hold
    from retrain_assets.spec import ApprovalSpec

Command = TypeVar("Command", bound=Callable[..., Any])
Verdict = Literal["approve", "reject"]
KEY_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _answering(function: Command) -> Command:
    """The arguments of an answer."""
    for option in reversed(
        (
            click.argument("model"),
            click.argument("version", type=click.IntRange(min=1)),
            click.option("--hash", "model_hash", required=True, help="At least 8 digits of the hash of the model."),
            click.option("--reason", required=True, help="Stands in the record."),
            click.option("--person", help="Who you are.  [default: your login]"),
            click.option("--token", help="What `approval sign` printed, where names must be signed."),
            click.option("--key", type=KEY_FILE, help="Or your private key, to sign with here and now."),
        )
    ):
        function = option(function)
    return function


@click.command()
@_answering
@with_options
def approve(options: Options, **given: Any) -> None:
    """Approve the promotion of exactly this version.

    The answer is recorded; the sensor `approvals_answered` carries it out as soon as enough persons have approved, and
    so does materializing `champion`. Everything is checked again then.

    \b
    retrain-assets approval list
    retrain-assets approve flight_delay 7 --hash 3fa9c01be2 --reason "compared the cards"
    """  # noqa: D301 - click reads the backspace
    _answer(options, "approve", **given)


@click.command()
@_answering
@with_options
def reject(options: Options, **given: Any) -> None:
    """Reject the promotion of exactly this version; one rejection suffices.

    \b
    retrain-assets reject flight_delay 7 --hash 3fa9c01be2 --reason "too many false alarms at night"
    """  # noqa: D301 - click reads the backspace
    _answer(options, "reject", **given)


@click.group()
def approval() -> None:
    """Promotions that wait for a person, and the keys with which persons sign.

    \b
    retrain-assets approval list
    retrain-assets approval key --out ann.key
    retrain-assets approval sign flight_delay 7 --person ann --key ann.key
    """  # noqa: D301 - click reads the backspace


@approval.command("list")
@click.argument("model", required=False)
@click.option("--all", "everything", is_flag=True, help="Also those that are settled.")
@with_options
def list_holds(options: Options, model: str | None, everything: bool) -> None:
    """Show what waits for an answer, with its evidence.

    \b
    retrain-assets approval list
    retrain-assets approval list flight_delay --all
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.home import open_state
    from retrain_assets.lifecycle.model import DeclaredModel
    from retrain_assets.lifecycle.waiting import holds

    declared = [options.declared(model)] if model else options.declarations()
    state = open_state(options.opened_home())
    shown = 0
    for each in declared:
        for hold in holds(state, DeclaredModel.of(each)):
            if everything or hold.state == "pending":
                _show(each.spec.promote.approval, hold, datetime.now(UTC))
                shown += 1
    if not shown:
        click.echo("nothing waits for an answer")


@approval.command("show")
@click.argument("model")
@click.argument("version", type=click.IntRange(min=1))
@with_options
def show_hold(options: Options, model: str, version: int) -> None:
    """Show the newest hold of a version, and whether its model card is still the one that persons were shown.

    \b
    retrain-assets approval show flight_delay 7
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.home import open_stores
    from retrain_assets.lifecycle.cards import card_since
    from retrain_assets.lifecycle.champions import registered
    from retrain_assets.lifecycle.waiting import holds

    declared = options.model(model)
    request = _request(options, model, version)
    stores = open_stores(options.opened_home())
    hold = next(each for each in holds(stores.state, declared) if each.request.id == request.id)
    _show(declared.spec.promote.approval, hold, datetime.now(UTC))
    click.echo(f"  the card is {card_since(stores, registered(stores, declared, version), request.evidence)}")


@approval.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File of the private key.")
def key(out: Path) -> None:
    """Make a key pair: the private key goes into a file, the public one into the declaration.

    \b
    retrain-assets approval key --out ann.key
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.promotion.tokens import make_key

    private, public = make_key()
    try:
        out.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise click.BadParameter(f"{out} exists already, and a key is not overwritten", param_hint="--out") from None
    out.write_text(f"{private}\n", encoding="ascii")
    click.echo(f"wrote the private key to {out}: keep it to yourself\npublic key, for the declaration:\n{public}")


@approval.command()
@click.argument("model")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--person", help="Who you are.  [default: your login]")
@click.option("--key", "key_file", type=KEY_FILE, required=True, help="Your private key.")
@click.option("--verdict", type=click.Choice(["approve", "reject"]), default="approve", show_default=True)
@with_options
def sign(options: Options, model: str, version: int, person: str | None, key_file: Path, verdict: Verdict) -> None:
    """Print the token that proves your answer, to be pasted into the launchpad or given with `--token`.

    \b
    retrain-assets approval sign flight_delay 7 --person ann --key ann.key
    """  # noqa: D301 - click reads the backspace
    click.echo(_token(_request(options, model, version), person or getpass.getuser(), verdict, key_file))


def _answer(
    options: Options,
    verdict: Verdict,
    *,
    model: str,
    version: int,
    model_hash: str,
    reason: str,
    person: str | None,
    token: str | None,
    key: Path | None,
) -> None:
    if token is not None and key is not None:
        raise click.UsageError("give --token or --key, not both")
    from retrain_assets.home import open_stores
    from retrain_assets.lifecycle.approval_record import show_settled
    from retrain_assets.lifecycle.approving import answer
    from retrain_assets.promotion.approvals import requirement_of

    declared, who = options.model(model), person or getpass.getuser()
    signed = token if key is None else _token(_request(options, model, version), who, verdict, key)
    stores, now = open_stores(options.opened_home().prepare()), datetime.now(UTC)
    hold = answer(
        stores,
        declared,
        version,
        verdict=verdict,
        model_hash=model_hash,
        person=who,
        reason=reason,
        token=signed,
        now=now,
    )
    approved = ", ".join(each.person for each in hold.answers if each.verdict == "approve") or "nobody"
    click.echo(
        f"{model}: v{version} is {hold.state} (approved by {approved}; your answer: {hold.answers[-1].shown_proof})"
    )
    if hold.state == "pending":
        click.echo(f"  {requirement_of(declared.spec.promote.approval)} must approve")
    if hold.state == "rejected" and (said := show_settled(stores, declared, now=now)) is not None:
        click.secho(f"  {said}", fg="yellow", err=True)
    if hold.state == "approved":
        click.echo(
            f"  the sensor approvals_answered carries it out; without a daemon, `retrain-assets run {model}` does"
        )


def _request(options: Options, model: str, version: int) -> ApprovalRequest:
    from retrain_assets.errors import RefusedError
    from retrain_assets.home import open_state

    asked = [each for each in open_state(options.opened_home()).approvals(model) if each.version == version]
    if not asked:
        raise RefusedError(f"nobody is asked about {model} v{version}: see `retrain-assets approval list`")
    return asked[-1]


def _token(request: ApprovalRequest, person: str, verdict: Verdict, key_file: Path) -> str:
    from retrain_assets.promotion.tokens import sign as make_token

    try:
        return make_token(request, person, verdict, key_file.read_text(encoding="ascii").strip())
    except ValueError as error:
        raise click.BadParameter(
            f"{key_file} holds no private key: {error}; `retrain-assets approval key` makes one", param_hint="--key"
        ) from error


def _show(spec: ApprovalSpec, hold: Hold, now: datetime) -> None:
    from retrain_assets.promotion.approvals import requirement_of
    from retrain_assets.promotion.evaluation import differences_in
    from retrain_assets.promotion.gates import GateResult
    from retrain_assets.promotion.margins import name_of

    request = hold.request
    then = {True: " and promoted", False: ", to be carried out"}[hold.promoted] if hold.state == "approved" else ""
    if hold.state == "pending" and now >= request.expires_at:
        then = ", but its time has passed: it is to be rejected"
    click.secho(f"{request.model} v{request.version}: {hold.state}{then}", bold=True)
    click.echo(f"  model {request.model_hash[:16]}, trained for {request.batch}")
    click.echo(f"  why: {visible(request.reason)}")
    click.echo(f"  asked {request.requested_at:%Y-%m-%d %H:%M}, expires {request.expires_at:%Y-%m-%d %H:%M} UTC")
    if hold.state == "pending":
        whom = ", ".join(f"{name} ({each.role})" if each.role else name for name, each in spec.approvers.items())
        signed = "signed" if spec.names == "signed" else "taken on trust"
        click.echo(f"  must approve: {requirement_of(spec)}; {whom or 'anybody'} may answer, names are {signed}")
    card = request.evidence.get("card")
    click.echo(f"  model card: {'unknown' if card is None else card.get('reason') or card['url']}")
    for gate in request.evidence.get("gates", ()):
        click.echo(f"  {visible(str(GateResult(**gate)))}")
    for each in differences_in(request.evidence):
        click.echo(
            f"  {visible(each.label)}, {each.metric}: {each.value:+.4g} ({each.lower:.4g} to {each.upper:.4g}), "
            f"{each.rows:,} {each.scope} rows"
        )
    for measure in request.evidence.get("measures", ()):
        if measure["kind"] == "change" and measure["value"] is not None:
            click.echo(f"  {visible(measure['name'])}: {measure['value']:.4g}")
        if measure["kind"] == "luck" and measure["name"] == name_of(0.0) and not measure["group"]:
            why = visible(measure["reason"])
            click.echo(f"  of the difference {measure['value']:+.4g} is owed to luck: {why}")
    for given in hold.answers:
        said = visible(given.reason)
        click.echo(f"  {given.verdict} by {given.person} on {given.answered_at:%Y-%m-%d %H:%M}: {said}")
