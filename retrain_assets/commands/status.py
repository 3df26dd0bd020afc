"""`retrain-assets status`: where each model stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from retrain_assets.commands.options import Options, with_options
from retrain_assets.data.sound_texts import visible

if TYPE_CHECKING:
    from rich.table import Table

    from retrain_assets.home import Home
    from retrain_assets.reporting.overview import ModelOverview, Sign

_LEAST_ROOM = 12
"""Of a model's name, in characters: with less, the table is wider than the terminal."""


@click.command()
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@with_options
def status(options: Options, model: str | None, as_json: bool) -> None:
    """Show where each model stands: champion, age, last verdicts, what waits or failed, what comes next.

    Reads the declarations and the state database only. With a MODEL, says more about it.

    \b
    retrain-assets status
    retrain-assets status flight_delay --json
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.home import open_state
    from retrain_assets.reporting.overview import overview
    from retrain_assets.reporting.records import Records

    declared = [options.declared(model)] if model else options.declarations()
    home, now = options.opened_home(), datetime.now(UTC)
    state = open_state(home) if home.state_exists else None
    models: list[ModelOverview] = []
    for each in declared:
        records = Records() if state is None else Records.read(state, each.spec, now=now)
        models.append(overview(each.spec, records, now=now))
    if as_json:
        click.echo(json.dumps([_plain(asdict(each)) for each in models], indent=2))
    elif model:
        _print_details(models[0])
    elif not models:
        searched = ", ".join(map(str, options.declaration_paths()))
        click.echo(
            f"no model is declared below {searched}: `retrain-assets init DATA` makes one, `--defs` names a folder"
        )
    else:
        _print_status(models, home)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            f"{key}_seconds" if isinstance(inner, timedelta) else key: _plain(inner) for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, datetime) else value


def _print_status(models: Sequence[ModelOverview], home: Home) -> None:
    from rich.console import Console
    from rich.measure import measure_renderables

    console = Console()
    names = [each.model for each in models]
    table = _table(models, names)
    excess = measure_renderables(console, console.options.update(width=1000), [table]).maximum - console.width
    if excess > 0:
        longest = max(map(len, names))
        room = max(longest - excess, min(longest, _LEAST_ROOM))
        console.width += room - (longest - excess)  # the terminal breaks such lines; nothing of them is cut off
        table = _table(models, [_broken(name, room) for name in names])
    console.print(table)
    for each in models:
        for said, style in _remarks(each):
            console.print(visible(said), style=style, soft_wrap=True, markup=False)
    console.print(f"state in {home.folder}", style="dim", soft_wrap=True)


def _broken(name: str, room: int) -> str:
    """A name in lines that end at its underscores, as far as these leave it room."""
    return "\n".join(line.replace(" ", "") for line in wrap(name.replace("_", "_ "), room))


def _table(models: Sequence[ModelOverview], names: Sequence[str]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in ("model", "champion", "last batch", "drift", "health", "decision", "next"):
        table.add_column(column, overflow="fold", no_wrap=column != "model")
    for each, name in zip(models, names, strict=True):
        table.add_row(
            name,
            _champion(each),
            f"{each.last_batch}\n{each.last_batch_outcome}" if each.last_batch else "",
            _light(each.drift),
            _light(each.health),
            each.decision or "",
            _next(each),
        )
    return table


def _remarks(each: ModelOverview) -> Iterator[tuple[str, str]]:
    """What no column has room for, and its colour."""
    if each.away is not None:
        yield each.away, "yellow"
    for waits in each.approvals:
        yield f"{each.model}: {waits.text}", "yellow"
    ended = each.last_retrain if each.champion is None and each.away is None else each.lapsed
    if ended is not None:
        yield f"{each.model}: {ended}", "yellow"
    if each.contradicted is not None:
        yield f"{each.model}: {each.contradicted}", "red"
    for wanted in each.unmade:
        yield f"{each.model}: {wanted}", "red"
    if each.source_failure is not None:
        yield f"{each.model}: its source cannot be looked at: {each.source_failure}", "red"
    if each.missing and each.away is None:
        yield f"{each.model}: no rows came for {_missing(each)}", "yellow"
    for said in filter(
        None, (each.drifted_columns, each.judged_otherwise, each.blind_triggers, each.held, each.retrain_waits)
    ):
        yield f"{each.model}: {said}", "yellow"
    for failing in _failing(each):
        yield f"{each.model}: {failing}", "red"


def _failing(model: ModelOverview) -> list[str]:
    """An outage may have failed many jobs: the first are told, and how many more."""
    more = len(model.failing) - 3
    return [each.text for each in model.failing[:3]] + ([f"and {more} more failed"] if more > 0 else [])


def _next(model: ModelOverview) -> str:
    """What comes next of itself: a batch, a retrain that waits, and what time alone will trigger."""
    if model.away is not None:
        return ""
    due = model.next_due
    waits = f"retrain of {model.decision_batch}" if model.retrain_waits else model.due_now
    following = f"batch {model.next_batch}" if model.next_batch else "stream ended"
    first = waits.replace(" of ", " of\n") if waits else following
    return first + (f"\n{due.trigger}\n{due.at:%Y-%m-%d}" if due else "")


def _missing(model: ModelOverview) -> str:
    earlier = f" and {len(model.missing) - 3} before" if len(model.missing) > 3 else ""
    return f"batch {', '.join(model.missing[-3:])}{earlier}, which should be there"


def _champion(model: ModelOverview) -> str:
    if model.state in ("retired", "renamed"):
        return f"[dim]{model.state}[/]"
    return "[dim]none[/]" if model.champion is None else f"v{model.champion}\n{_model_age(model)}"


def _model_age(model: ModelOverview) -> str:
    """How far batch time is beyond the champion's data: none where it was trained up to the end of the last batch."""
    from retrain_assets.reporting.age import age

    trained_to_the_end = model.model_age is not None and model.model_age <= timedelta(0)
    return "newest data" if trained_to_the_end else age(model.model_age)


def _print_details(model: ModelOverview) -> None:
    from rich.console import Console
    from rich.markup import escape

    from retrain_assets.reporting.age import age

    came = "promoted" if model.came_back is None else "back for"
    champion = f"v{model.champion}, {came} {age(model.champion_age)}{' ago' if model.came_back is None else ''}"
    if model.model_age is not None:
        ends = f"{age(model.model_age)} before the last batch does"
        champion += f", trained on data that ends {ends if model.model_age > timedelta(0) else 'with the last batch'}"
    due = model.next_due
    waits = [*filter(None, [model.held, model.retrain_waits]), *_failing(model)]
    lines = {
        "state": model.state + (f"; run {model.working} is at work" if model.working else ""),
        **({"record": f"[red]{escape(model.contradicted)}[/]"} if model.contradicted else {}),
        **({"not made": f"[red]{escape('; '.join(model.unmade))}[/]"} if model.unmade else {}),
        "champion": champion if model.champion is not None else "none",
        **({"came back": escape(model.came_back)} if model.came_back else {}),
        **({"adopted": escape(model.blind_triggers)} if model.blind_triggers else {}),
        **({"source": f"cannot be looked at: {escape(model.source_failure)}"} if model.source_failure else {}),
        **({"missing": f"no rows came for {_missing(model)}"} if model.missing else {}),
        **({"refused": escape(model.judged_otherwise)} if model.judged_otherwise else {}),
        "last batch": f"{model.last_batch} {model.last_batch_outcome}" if model.last_batch else "none",
        "drift": f"{_light(model.drift)}  {escape(model.drift.reason)}",
        "health": f"{_light(model.health)}  {escape(model.health.reason)}",
        "decision": escape(f"{model.decision} for {model.decision_batch}: {model.decision_reason}")
        if model.decision
        else "none",
        **({"retrain": escape(model.last_retrain)} if model.last_retrain else {}),
        **({"approval": escape("; ".join(waits.text for waits in model.approvals))} if model.approvals else {}),
        **({"waits": escape("; ".join(waits))} if waits else {}),
        **({"due now": escape(model.due_now)} if model.due_now else {}),
        "next batch": f"{model.next_batch}, closes {model.next_batch_closes:%Y-%m-%d %H:%M}"
        if model.next_batch and model.next_batch_closes
        else model.away or "the stream has ended",
        "next trigger": f"{due.trigger} at {due.at:%Y-%m-%d %H:%M} ({due.clock} time)"
        if due
        else "none"
        if model.away
        else "only the data tells",
    }
    console = Console(highlight=False)
    console.print(f"[bold]{model.model}[/] ({model.task}, {model.metric})")
    for name, line in lines.items():
        console.print(f"  [dim]{name:<13}[/]{visible(line)}", soft_wrap=True)


def _light(sign: Sign) -> str:
    colours = {"green": "green", "red": "red", "unknown": "yellow", "not applicable": "dim"}
    return f"[{colours[sign.light]}]{'n/a' if sign.light == 'not applicable' else sign.light}[/]"
