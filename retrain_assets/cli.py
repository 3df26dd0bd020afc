"""The command line: each command reads its arguments, calls one function and prints what it answers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click

from retrain_assets import __version__
from retrain_assets.commands.adopt import adopt
from retrain_assets.commands.approval import approval, approve, reject
from retrain_assets.commands.asking import event, retrain
from retrain_assets.commands.gc import gc
from retrain_assets.commands.history import audit, history
from retrain_assets.commands.hold import hold
from retrain_assets.commands.label_answers import label_answers
from retrain_assets.commands.label_next import label_next
from retrain_assets.commands.options import Options, with_options
from retrain_assets.commands.reconcile import reconcile
from retrain_assets.commands.rename import rename, retire
from retrain_assets.commands.replay import replay
from retrain_assets.commands.reproduce import reproduce
from retrain_assets.commands.rollback import clear, rollback
from retrain_assets.commands.run import run
from retrain_assets.commands.status import status
from retrain_assets.commands.ui import ui
from retrain_assets.data.sound_texts import visible
from retrain_assets.errors import DeclarationError, Problem, RetrainAssetsError

DONE, FAILED, INTERRUPTED = 0, 1, 130
"""Exit codes; wrong usage is click's 2."""


class _Commands(click.Group):
    """Errors of ours are sentences, not tracebacks; `--debug` shows where they come from."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RetrainAssetsError as error:
            if ctx.params.get("debug"):
                raise
            _fail(error)
        except KeyboardInterrupt:  # click alone would end it as a failure
            click.echo("\nInterrupted.", err=True)
            sys.exit(INTERRUPTED)


def _fail(error: RetrainAssetsError) -> NoReturn:
    if isinstance(error, DeclarationError):
        _print_problems(error.problems)
    else:
        click.secho(visible(f"{type(error).__name__}: {error}"), fg="red", err=True)
    sys.exit(FAILED)


def _print_problems(problems: Sequence[Problem]) -> None:
    for problem in problems:
        click.secho(visible(str(problem)), fg="yellow" if problem.severity == "warning" else "red", err=True)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="retrain-assets")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of all state.  [default: $RETRAIN_ASSETS_HOME or ./.retrain_assets]",
)
@click.option(
    "--defs",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Folder or file of declarations; can be repeated.  [default: the project's defs folder]",
)
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
@click.pass_context
def main(ctx: click.Context, home: Path | None, defs: tuple[Path, ...], debug: bool) -> None:
    """Keep machine-learning models fresh.

    \b
    A new model:        retrain-assets init sales.csv --target sold --event-time day
    Is it right?        retrain-assets check
    One batch, now:     retrain-assets run sales
    How are they all?   retrain-assets status
    Look around:        retrain-assets ui
    When to retrain?    retrain-assets replay --data sales.csv --target sold --batch month

    Exit codes: 0 done, 1 problems were found or it failed, 2 wrong usage, 130 interrupted.
    """  # noqa: D301 - click reads the backspace
    working_folder = str(Path.cwd())
    if working_folder not in sys.path:  # the code that declarations name lies in the project, as for `dagster dev`
        sys.path.insert(0, working_folder)
    # A waiting OpenMP thread sleeps instead of spinning, here and in what is started from here: where cores are shared,
    # a fit takes a fraction of the time. Results are the same.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # As in the home's `dagster.yaml`: nothing calls home unless somebody wants it to.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # A tracking server's client prints two lines into our table whenever a run is left, three times a retrain.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    ctx.obj = Options(home=home, defs=defs, debug=debug)


@main.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Name of the model.  [default: from the file's name]")
@click.option("--event-time", help="Column with the time of a row.  [default: guessed]")
@click.option("--target", help="Column to predict.  [default: guessed]")
@click.option(
    "--every", type=click.Choice(["hour", "day", "week", "month"]), help="Length of a batch.  [default: guessed]"
)
@click.option(
    "--metric",
    type=click.Choice(["log_loss", "brier", "squared_error", "absolute_error", "poisson_deviance"]),
    help="Loss by which models are compared; tells classification from regression.  [default: guessed]",
)
@click.option("--encoding", help="Of a CSV file, such as cp1251.  [default: guessed]")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write into.  [default: <defs>/<name>]")
def init(
    data: Path,
    name: str | None,
    event_time: str | None,
    target: str | None,
    every: str | None,
    metric: str | None,
    encoding: str | None,
    out: Path | None,
) -> None:
    """Scaffold a model from a data file (CSV or Parquet).

    Infers the schema, guesses what is not given, writes defs.yaml, and cuts the file into one file for each batch
    beside it: further batches are dropped there. Separator, encoding and decimal mark of a CSV file are told from it;
    it may be compressed with gzip.

    \b
    retrain-assets init sales.csv
    retrain-assets init flights.parquet --target delayed --event-time time_hour --every week
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.authoring.checking import check_declarations
    from retrain_assets.authoring.scaffold import form_of, read_data, scaffold, write_scaffold

    form = form_of(data, encoding=encoding)
    given = {"name": name, "event_time": event_time, "target": target, "every": every, "metric": metric}
    made = scaffold(read_data(data, form), file=data, form=form, **given)
    folder = out if out is not None else _defs_folder() / made.name
    written = write_scaffold(made, data, folder)
    batches = f"{len(written)} batch{'' if len(written) == 1 else 'es'}"
    click.secho(f"{made.name}: wrote {folder / 'defs.yaml'} and {batches} to {folder / 'data'}", bold=True)
    if made.guesses:
        click.echo("\nGuessed; please review:")
        for guess in made.guesses:
            click.echo(f"  {visible(guess)}")
    problems = check_declarations([folder])
    _print_problems(problems)
    if any(problem.severity == "error" for problem in problems):
        sys.exit(FAILED)
    click.echo(f"\nThe declaration is valid. Next: retrain-assets --defs {folder} run {made.name}")


def _defs_folder() -> Path:
    from retrain_assets.stores.declarations import declarations_root

    root = declarations_root(Path.cwd())
    return root if root.name == "defs" else root / "defs"


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
@with_options
def check(options: Options, paths: tuple[Path, ...], as_json: bool) -> None:
    """Validate declarations: all mistakes at once, each with its file and line.

    Also imports what the declarations name (schema, transform, source, estimator, distance) and checks that it fits:
    columns, parameters, the task, floors. PATHS are files or folders.

    \b
    retrain-assets check
    retrain-assets check defs/sales/defs.yaml --json
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.authoring.checking import check_declarations
    from retrain_assets.stores.declarations import find_all

    searched = paths or options.declaration_paths()
    files = find_all(searched)
    if not files:
        raise click.UsageError(f"no defs.yaml below {', '.join(map(str, searched))}")
    problems = check_declarations(files)
    wrong = [problem for problem in problems if problem.severity == "error"]
    if as_json:
        click.echo(json.dumps([asdict(problem) for problem in problems], indent=2))
    else:
        _print_problems(problems)
        said = f"{len(wrong)} problem{'' if len(wrong) == 1 else 's'}" if wrong else "no problems"
        click.echo(f"{said} in {len(files)} file{'' if len(files) == 1 else 's'}")
    sys.exit(FAILED if wrong else DONE)


@main.command()
@click.option("--weeks", type=click.IntRange(min=1), help="Play no more batches of each model.  [default: the year]")
@with_options
def demo(options: Options, weeks: int | None) -> None:
    """Replay a year of real flights and bike rentals through the assets, jobs and sensors.

    Goes on where it was interrupted. Its data comes with the package's `demo` extra.

    \b
    retrain-assets demo
    retrain-assets demo --weeks 8
    """  # noqa: D301 - click reads the backspace
    from retrain_assets.demo.run import main as play

    sys.exit(play(options.opened_home(), weeks=weeks))


@main.command()
def schema() -> None:
    """Print the JSON schema of a declaration's attributes, for editors and other tools."""
    from retrain_assets.spec import ModelSpec

    click.echo(json.dumps(ModelSpec.model_json_schema(by_alias=True), indent=2))


for _command in (
    adopt,
    run,
    status,
    history,
    audit,
    reconcile,
    rollback,
    clear,
    rename,
    retire,
    approve,
    reject,
    approval,
    reproduce,
    hold,
    gc,
    label_next,
    label_answers,
    event,
    retrain,
    replay,
    ui,
):
    main.add_command(_command)


if __name__ == "__main__":
    main()
