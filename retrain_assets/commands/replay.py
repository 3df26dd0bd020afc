"""`retrain-assets replay`: what any policy would have done on one's own history."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click
from click.core import ParameterSource

from retrain_assets.commands.options import Options, with_options

if TYPE_CHECKING:
    from retrain_assets.home import Home
    from retrain_assets.replay.history import History
    from retrain_assets.replay.laboratory import Scenario
    from retrain_assets.replay.report import Report
    from retrain_assets.replay.run import ReplaySettings

Parsed = TypeVar("Parsed")
DEFAULT_POLICIES = "default,default+mixture,never,every,every:2,every:4,every:8,every:13,every:26"
OF_A_FILE = (
    "target", "batch", "label_delay", "window", "metric", "estimator", "seed", "every",
)  # fmt: skip
"""Options that a declared model answers by itself."""
TRIED = "performance_decay,drift,adwin,ddm,page_hinkley,cusum,cara,upf,debt_growth"


def _finite(_context: click.Context, _parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"must be a finite number (got {value:g})")
    return value


@click.command()
@click.option("--model", help="A declared model, on what it has validated and labelled so far.")
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Parquet or CSV file: one row for each event, in batches.",
)
@click.option("--target", help="Column to predict.")
@click.option(
    "--batch",
    help="Column with the batch of each row, batches are in order of its values; or hour, day, week or month, where "
    "one column holds times and none has that name.",
)
@click.option("--label-delay", default=1, show_default=True, type=click.IntRange(0), help="Batches until labels come.")
@click.option("--lag", default=0, show_default=True, type=click.IntRange(0), help="Batches until a promotion serves.")
@click.option(
    "--window", default="all_history", show_default=True, help="all_history, rolling:N batches, or since_change:ROWS."
)
@click.option(
    "--policies",
    default=f"{DEFAULT_POLICIES},{TRIED}",
    help="Comma-separated: never, every, every:N, default, adwin, ddm, page_hinkley, cusum, cara, upf, debt_growth, or "
    'triggers such as "performance_decay | drift"; +mixture behind one serves its last champions together.  '
    "[default: all]",
)
@click.option(
    "--first",
    type=click.IntRange(1),
    help="Batches that train the first model.  [default: window, at most half of them, or a tenth]",
)
@click.option(
    "--cost", default=0.5, show_default=True, type=click.FloatRange(0, min_open=True), callback=_finite,
    help="Of a retrain, in batches' worth of loss.",
)  # fmt: skip
@click.option(
    "--metric",
    type=click.Choice(["log_loss", "squared_error", "absolute_error"]),
    help="Loss; tells classification from regression.  [default: by the target]",
)
@click.option(
    "--estimator",
    default="hist_gradient_boosting",
    show_default=True,
    help="hist_gradient_boosting, random_forest, linear, or the import path of a scikit-learn compatible class.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the estimator.")
@click.option(
    "--every", default="week", show_default=True, type=click.Choice(["hour", "day", "week", "month"]),
    help="Length of a batch, for the YAML.",
)  # fmt: skip
@click.option(
    "--inject",
    help="Put a drift into the history and tell how late each policy notices: sudden (the concept only), gradual, "
    "recurring, covariate, missing, stuck, unit, scale, recoded, swapped, late, outage or feedback, from a batch on, "
    "such as sudden@30 or sudden@30:FEATURE.",
)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write everything as JSON.")
@click.option("--figure", type=click.Path(dir_okay=False, path_type=Path), help="Write the frontier as PNG.")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Of scores.  [default: HOME/replay]")
@click.option("--workers", type=click.IntRange(1), help="Processes that fit.  [default: one for each core]")
@with_options
def replay(
    options: Options,
    model: str | None,
    data: Path | None,
    target: str | None,
    batch: str | None,
    label_delay: int,
    lag: int,
    window: str,
    policies: str,
    first: int | None,
    cost: float,
    metric: Literal["log_loss", "squared_error", "absolute_error"] | None,
    estimator: str,
    seed: int,
    every: str,
    inject: str | None,
    json_path: Path | None,
    figure: Path | None,
    cache: Path | None,
    workers: int | None,
) -> None:
    """Replay a history under many retraining policies.

    Fits every model that a policy could have had, once, and keeps their scores; an interrupted replay goes on where it
    was. Then each policy walks the history under a simulated clock: it sees labels when they were due, trains on what
    was known, passes the gate, and serves from the next batch on. Skill is 0 for evenly spaced retrains as many as the
    policy's and 1 for the best schedule in hindsight with as many.

    \b
    retrain-assets replay --data flights.parquet --target late --batch week --json replay.json
    retrain-assets replay --model flight_delay --figure frontier.png
    retrain-assets replay --data sales.csv --target sold --batch month --window rolling:12 --label-delay 2
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.home import open_stores
    from retrain_assets.replay.bare_file import FileSettings
    from retrain_assets.replay.history import history_of_file, history_of_model
    from retrain_assets.replay.names import listed
    from retrain_assets.replay.run import ReplaySettings
    from retrain_assets.replay.telling import require_writable, tell, write
    from retrain_assets.replay.windows import parse_window

    names = listed(policies)
    if not names:
        raise click.BadParameter("names no policy", param_hint="--policies")
    if (model is None) == (data is None):
        raise click.UsageError("give either --data, --target and --batch, or --model")
    if model is not None:
        _require_no_file_options(click.get_current_context())
        names = ["declared", *names]
        scenario, declared = _scenario(inject), options.model(model)
        stores = open_stores(options.opened_home().prepare())
        history = history_of_model(stores, declared, first=first, lag=lag, scenario=scenario)
    else:
        if data is None or target is None or batch is None:
            raise click.UsageError("--data needs --target and --batch")
        batches, least_rows = _parsed(parse_window, window, "--window")
        _require_estimator(estimator)
        read = FileSettings(
            target=target, batch=batch, label_delay=label_delay, window=batches, metric=metric, estimator=estimator,
            seed=seed, first=first, least_rows=least_rows,
        )  # fmt: skip
        history = history_of_file(data, read, lag=lag, scenario=_scenario(inject))
    click.echo(f"{history.told}; the first {history.first} batches train the first model", err=True)
    root = cache or options.opened_home().folder / "replay"
    require_writable(files={"--json": json_path, "--figure": figure}, folder=root)
    settings = ReplaySettings(
        policies=names, first=history.first, lag=lag, cost=cost, every=history.every or every, scenario=history.scenario
    )
    report = _compared(history, settings, root, workers)
    told, frontier = report.to_json(), _frontier(report) if figure is not None or model is not None else b""
    tell(report, told, json_path)
    if figure is not None:
        write(figure, frontier)
    if model is not None and history.scenario is None:  # what is shown happened
        _show(options.opened_home(), model, told, frontier)
        click.echo(f"shown in Dagster as {model}/replay_report", err=True)


def _require_no_file_options(context: click.Context) -> None:
    given = [name for name in OF_A_FILE if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"{named} tells about a file, with --data: what --model names declares its own")


def _compared(history: History, settings: ReplaySettings, root: Path, workers: int | None) -> Report:
    """All policies, with progress shown while models are fitted and walked."""
    from retrain_assets.replay.progress import Progress
    from retrain_assets.replay.run import replay as run

    with Progress() as progress:
        return run(
            history.stream,
            settings,
            root,
            source=history.source,
            workers=workers,
            fitted=progress.fitted,
            walked=progress.walked,
        )


def _frontier(report: Report) -> bytes:
    from retrain_assets.replay.report import frontier_figure

    title = f"{report.stream.spec.metric} against retrains, label delay {report.stream.label_delay}"
    return frontier_figure(report.outcomes, metric=report.metric, title=title)


def _show(home: Home, model: str, told: Mapping[str, Any], frontier: bytes) -> None:
    """In Dagster, on the page of the model's `replay_report`."""
    import dagster as dg

    from retrain_assets.orchestration.replay_report import report_replay

    with dg.DagsterInstance.from_config(str(home.dagster_home)) as instance:
        report_replay(instance, model, told, frontier)


def _scenario(injected: str | None) -> Scenario | None:
    from retrain_assets.replay.laboratory import parse_scenario

    return None if injected is None else _parsed(parse_scenario, injected, "--inject")


def _parsed(parse: Callable[[str], Parsed], text: str, option: str) -> Parsed:
    """A mistake in an option is one of usage."""
    try:
        return parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def _require_estimator(name: str) -> None:
    """One of the known names, or the path of something that can be imported."""
    from retrain_assets.errors import did_you_mean
    from retrain_assets.replay.bare_file import ESTIMATORS
    from retrain_assets.spec.imports import load_object

    if name in ESTIMATORS:
        return
    if re.fullmatch(r"[\w.]+[.:]\w+", name) is None:
        raise click.BadParameter(
            f"must be {', '.join(ESTIMATORS)}, or an import path such as 'package.module.Class' (got {name!r})."
            f"{did_you_mean(name, ESTIMATORS)}",
            param_hint="--estimator",
        )
    load_object(name, field="--estimator")
