"""A first declaration for a data file: what can be guessed from the rows, and what a person should look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import pandas as pd
import yaml

from retrain_assets.authoring.data_file import cells_as_written, form_of, is_csv, read_data, suffix_of
from retrain_assets.authoring.guesses import Guesses
from retrain_assets.data.csv_form import CsvForm
from retrain_assets.data.windows import Calendar
from retrain_assets.errors import DeclarationError, Problem
from retrain_assets.spec import BatchesSpec, spec_from
from retrain_assets.spec.loading import COMPONENT_TYPE

_PERSONAL = (
    "Guessed by names and values: look at every column yourself. Of the columns named here no report, log or",
    "quarantine shows a value. They are inputs of the model only through a transform, or where features.columns",
    "names a number.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold:
    """A declaration as text, what in it was guessed and why, how its file is written, and the file's rows by batch."""

    name: str
    text: str
    guesses: tuple[str, ...]
    form: CsvForm = field(default_factory=CsvForm)
    batches: Mapping[str, pd.Index] = field(default_factory=dict[str, pd.Index])


def scaffold(
    frame: pd.DataFrame,
    *,
    file: PurePath,
    name: str | None = None,
    event_time: str | None = None,
    target: str | None = None,
    every: str | None = None,
    metric: str | None = None,
    form: CsvForm | None = None,
) -> Scaffold:
    """The declaration of a model for rows like these, from a file of that form; whatever is not given is guessed.

    Raises:
        DeclarationError: a given column is not there, or no column holds times.
    """
    guess = Guesses(frame)
    form = CsvForm() if form is None else form
    name = name or guess.name(file.name[: -len(suffix_of(file))] if suffix_of(file) else file.name)
    event_time = guess.event_time(event_time)
    target = guess.target(target, event_time)
    metric = metric or guess.metric(target)
    times = pd.to_datetime(frame[event_time], utc=True, errors="coerce", format="ISO8601")
    every = every or guess.every(times)
    batches = BatchesSpec.model_validate({"every": every, "start": guess.start(times, every)})
    by_batch = _by_batch(times, Calendar(batches))
    guess.tell_left_out(event_time, len(frame) - sum(map(len, by_batch.values())))
    attributes = guess.attributes(name, event_time, target, metric, batches, suffix_of(file), form, by_batch)
    # Without a feature the file is written all the same: `check` names its one mistake, where it is to be mended.
    spec_from(attributes if attributes["features"]["columns"] else {**attributes, "features": {}})
    return Scaffold(name=name, text=_text(attributes, file), guesses=tuple(guess.told), form=form, batches=by_batch)


def write_scaffold(made: Scaffold, data: Path, folder: Path) -> list[Path]:
    """Writes the declaration, and the rows of each batch as a file of its own beside it.

    Raises:
        DeclarationError: the folder holds a declaration already.
    """
    declaration = folder / "defs.yaml"
    if declaration.exists():
        message = f"{declaration} exists already: remove it, or choose another folder by --out"
        raise DeclarationError([Problem(field="", message=message)])
    (folder / "data").mkdir(parents=True, exist_ok=True)
    frame = cells_as_written(data, made.form)
    written: list[Path] = []
    for key, rows in made.batches.items():
        file = folder / "data" / f"{key}{suffix_of(data)}"
        part = frame.loc[rows]
        if is_csv(data):
            part.to_csv(file, index=False, sep=made.form.separator, encoding=made.form.encoding)
        else:
            part.to_parquet(file, index=False)
        written.append(file)
    declaration.write_text(made.text, encoding="utf-8")
    return written


def _by_batch(times: pd.Series, calendar: Calendar) -> dict[str, pd.Index]:
    keys = times.dropna().map(lambda moment: getattr(calendar.containing(moment.to_pydatetime()), "key", None))
    return {str(key): rows.index for key, rows in keys.groupby(keys)}


def _text(attributes: Mapping[str, Any], file: PurePath) -> str:
    lines = [
        f"# Made by `retrain-assets init {file.name}`; every value is yours to change.",
        f"type: {COMPONENT_TYPE}",
        "attributes:",
    ]
    for key, value in attributes.items():
        if key == "personal_columns":
            lines += [f"  # {line}" for line in _PERSONAL]
            lines.append(f"  {'' if value else '# '}{key}: {_flow(value)}")
        elif key == "schema":
            lines.append("  schema:")
            lines += [f"    {_flow(column)}: {_flow(rules)}" for column, rules in value.items()]
        else:
            lines.append(f"  {key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True)
    return text.removesuffix("...\n").strip()


__all__ = ["Scaffold", "form_of", "read_data", "scaffold", "write_scaffold"]
