"""A first declaration for a data file: what can be guessed from the rows, and what a person should look at."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import pandas as pd
import yaml

from retrain_assets.authoring.personal import holds_births, personal_columns
from retrain_assets.data.infer import infer_columns
from retrain_assets.data.reading import read_part
from retrain_assets.data.windows import Calendar
from retrain_assets.errors import DeclarationError, Problem, UnreadableFileError, did_you_mean
from retrain_assets.spec import BatchesSpec, ColumnSpec, spec_from
from retrain_assets.spec.loading import COMPONENT_TYPE

_TARGETS = ("target", "label", "y", "outcome", "class", "is_fraud", "churn", "churned", "default")
_TIMES = re.compile(r"time|date|timestamp|(^|_)ts$|_at$|^day$", re.IGNORECASE)
_CATEGORIES = 50
_CLASSES = 20
_ISO = "ISO dates or times, such as 2024-01-31 or 2024-01-31T12:30:00Z"
_STEPS: dict[str, pd.Timedelta] = {
    "hour": pd.Timedelta(hours=1),
    "day": pd.Timedelta(days=1),
    "week": pd.Timedelta(weeks=1),
    "month": pd.Timedelta(days=30),
}

_PERSONAL = (
    "Guessed by names and values: look at every column yourself. Of the columns named here no report, log or",
    "quarantine shows a value. They are inputs of the model only through a transform, or where features.columns",
    "names a number.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold:
    """A declaration as text, what in it was guessed and why, and the rows of the file by batch."""

    name: str
    text: str
    guesses: tuple[str, ...]
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
) -> Scaffold:
    """The declaration of a model for rows like these; whatever is not given is guessed.

    Raises:
        DeclarationError: a given column is not there, or no column holds times.
    """
    guess = _Guesses(frame, infer_columns(frame))
    name = name or guess.name(file.stem)
    event_time = guess.event_time(event_time)
    target = guess.target(target, event_time)
    if frame[target].isna().all():
        raise _wrong("target", f"must have values (got '{target}', which has none in any row)")
    metric = metric or guess.metric(target)
    times = pd.to_datetime(frame[event_time], utc=True, errors="coerce", format="ISO8601")
    every = every or guess.every(times)
    batches = BatchesSpec.model_validate({"every": every, "start": times.min().floor("h" if every == "hour" else "D")})
    by_batch = _by_batch(times, Calendar(batches))
    attributes = guess.attributes(name, event_time, target, metric, batches, file.suffix, by_batch)
    # Without a feature the file is written all the same: `check` names its one mistake, where it is to be mended.
    spec_from(attributes if attributes["features"]["columns"] else {**attributes, "features": {}})
    return Scaffold(name=name, text=_text(attributes, file), guesses=tuple(guess.told), batches=by_batch)


def read_data(file: Path) -> pd.DataFrame:
    """The rows of a CSV or Parquet file.

    Raises:
        DeclarationError: another kind of file, or one that cannot be read.
    """
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {".csv": _read_csv, ".parquet": pd.read_parquet}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise _wrong("DATA", f"must be a .csv or .parquet file (got '{file.name}')")
    try:
        frame = reader(file)
    except UnreadableFileError as error:
        raise _wrong("DATA", f"must be UTF-8 with commas here, whatever is declared later: {error}") from error
    except (ValueError, OSError) as error:  # parser and decoding errors are ValueErrors
        raise _wrong("DATA", f"{file} cannot be read: {error}") from error
    if frame.empty:
        raise _wrong("DATA", f"must have rows (got {file} without any)")
    return frame


def _read_csv(file: Path) -> pd.DataFrame:
    """As pandas types it, once the reader of deliveries takes it: else the first batch would be refused."""
    read_part(file.name, "csv", file.read_bytes())
    return pd.read_csv(file)


def write_scaffold(made: Scaffold, data: Path, folder: Path) -> list[Path]:
    """Writes the declaration, and the rows of each batch as a file of its own beside it.

    Raises:
        DeclarationError: the folder holds a declaration already.
    """
    declaration = folder / "defs.yaml"
    if declaration.exists():
        raise _wrong("", f"{declaration} exists already: remove it, or choose another folder by --out")
    (folder / "data").mkdir(parents=True, exist_ok=True)
    csv = data.suffix.lower() == ".csv"
    # The cells of a CSV file go on as they were written: reading them as numbers and back could change them.
    frame = pd.read_csv(data, dtype=str, keep_default_na=False, na_filter=False) if csv else pd.read_parquet(data)
    written: list[Path] = []
    for key, rows in made.batches.items():
        file = folder / "data" / f"{key}{data.suffix.lower()}"
        part = frame.loc[rows]
        part.to_csv(file, index=False) if csv else part.to_parquet(file, index=False)
        written.append(file)
    declaration.write_text(made.text, encoding="utf-8")
    return written


class _Guesses:
    """Each guess says what it took and why."""

    def __init__(self, frame: pd.DataFrame, columns: Mapping[str, ColumnSpec]) -> None:
        self._frame = frame
        self._columns = dict(columns)
        self.told: list[str] = []

    def name(self, stem: str) -> str:
        name = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_") or "model"
        name = name if name[0].isalpha() else f"model_{name}"
        self.told.append(f"name: {name} (from the file's name)")
        return name[:63]

    def event_time(self, given: str | None) -> str:
        if given is not None:
            self._known("event_time", given)
        else:
            times = [name for name, column in self._columns.items() if column.type == "datetime" or self._parses(name)]
            times.sort(key=lambda name: (holds_births(name), _TIMES.search(name) is None))
            if not times:
                raise _wrong(
                    "event_time",
                    f"no column holds {_ISO}, and a row needs its time (got the columns {_listed(self._columns)})",
                )
            given = times[0]
            others = f"; also times: {', '.join(times[1:])}" if times[1:] else ""
            self.told.append(f"event_time: {given} (holds times{others})")
        if not self._parses(given):
            known = self._frame[given].dropna()
            got = "no value" if known.empty else repr(str(known.iloc[0]))
            raise _wrong("event_time", f"column '{given}' must hold {_ISO} (got {got})")
        self._columns[given] = self._columns[given].model_copy(
            update={"type": "datetime", "values": None, "nullable": False}
        )
        return given

    def _parses(self, name: str) -> bool:
        values = self._frame[name].dropna()
        if values.empty or pd.api.types.is_numeric_dtype(values):
            return False
        parsed = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
        return bool(parsed.notna().mean() > 0.95)

    def target(self, given: str | None, event_time: str) -> str:
        if given is not None:
            return self._known("target", given)
        others = [name for name in self._columns if name != event_time]
        if not others:
            raise _wrong("target", "there is no column beside the event time")
        named = [name for name in others if name.lower() in _TARGETS]
        target = named[0] if named else others[-1]
        self.told.append(f"target: {target} ({'by its name' if named else 'the last column: very likely wrong'})")
        return target

    def metric(self, target: str) -> str:
        values = self._frame[target].dropna()
        distinct = values.nunique()
        classes = distinct <= 2 or not pd.api.types.is_numeric_dtype(values)
        metric = "log_loss" if classes else "squared_error"
        self.told.append(
            f"metric: {metric} ({target} has {distinct} distinct values: {'classes' if classes else 'numbers'})"
        )
        return metric

    def every(self, times: pd.Series) -> str:
        span = times.max() - times.min()
        rows = {every: len(times) / max(span / step, 1) for every, step in _STEPS.items()}
        fitting = [each for each in _STEPS if rows[each] >= 500 and span / _STEPS[each] >= 8]
        long_enough = [each for each in reversed(_STEPS) if span / _STEPS[each] >= 8]
        every = (fitting or long_enough or ["hour"])[0]
        self.told.append(f"batches.every: {every} (about {rows[every]:.0f} rows each over {span.days} days)")
        return every

    def attributes(
        self,
        name: str,
        event_time: str,
        target: str,
        metric: str,
        batches: BatchesSpec,
        suffix: str,
        by_batch: Mapping[str, pd.Index],
    ) -> dict[str, Any]:
        identity = [] if (row_id := self._row_id(event_time, target)) is None else [row_id]
        kind = "Classifier" if metric in ("log_loss", "brier") else "Regressor"
        personal = self._personal({event_time, target})
        features = self._features({event_time, target, *identity}, personal)
        if kind == "Classifier":
            self._name_classes(target)
        else:
            # Limits would take labels away where the target moves, which is when they matter most.
            self._columns[target] = ColumnSpec(type=self._columns[target].type, nullable=self._columns[target].nullable)
        typical = int(pd.Series([len(rows) for rows in by_batch.values()]).median())
        attributes: dict[str, Any] = {
            "name": name,
            "batches": {
                "every": batches.every,
                "start": batches.start.strftime("%Y-%m-%dT%H:%M" if batches.every == "hour" else "%Y-%m-%d"),
            },
            "source": {"type": "files", "path": f"data/{{batch}}*{suffix.lower()}"},
            "event_time": event_time,
            **({"row_id": identity[0]} if identity else {}),
            "target": {"column": target, "label_delay": "0 days"},
            "personal_columns": personal,
            "features": {"columns": features},
            "estimator": {"class": f"sklearn.ensemble.HistGradientBoosting{kind}", "params": {"max_iter": 100}},
            "metric": metric,
            "window": {"train": "all_history"},
            "drift": {"distance": "jensen_shannon", "reference": "recent"},
            "freshness": {"model_age": "12 weeks"},
            "retrain": {
                "when": "staleness | model_age | event",
                "cooldown": f"2 {batches.every}s" if batches.every != "month" else "60 days",
            },
            "promote": {"require": "not_worse_than_champion & beats_baseline"},
            "schema": {column: _rules(rules) for column, rules in self._columns.items()},
        }
        if typical < 400:
            attributes["drift"]["min_rows"] = max(typical // 2, 20)
            self.told.append(f"drift.min_rows: lowered, since a batch has about {typical} rows")
        reserved = typical // 5
        if reserved < 250:
            attributes["promote"]["min_rows"] = max(reserved // 2, 20)
            self.told.append(f"promote.min_rows: lowered, since about {reserved} rows of a batch are reserved")
        self.told.append("target.label_delay: 0 days (nothing in a file tells when its labels became known)")
        return attributes

    def _name_classes(self, target: str) -> None:
        """A margin would name classes that nobody has seen; what is declared of classes is held against these."""
        column = self._columns[target]
        if column.type not in ("int", "float"):
            return
        classes = sorted(self._frame[target].dropna().unique().tolist())
        broken = [value for value in classes if not float(value).is_integer()]
        if broken:
            raise _wrong(
                "target", f"'{target}' must hold whole numbers, texts or truth values as classes (got {broken[0]:g})"
            )
        if len(classes) <= _CLASSES:
            self._columns[target] = ColumnSpec(type=column.type, nullable=column.nullable, values=tuple(classes))

    def _row_id(self, event_time: str, target: str) -> str | None:
        for name in self._columns:
            values = self._frame[name]
            named = name.lower() == "id" or name.lower().endswith(("_id", "uuid", "_key"))
            if named and name not in (event_time, target) and values.notna().all() and values.is_unique:
                self.told.append(f"row_id: {name} (unique, and named like an id)")
                return name
        return None

    def _personal(self, shown: set[str]) -> list[str]:
        """Those that look so; their values stand in no schema either."""
        found = personal_columns(self._frame, {k: v for k, v in self._columns.items() if k not in shown})
        for name in found:
            kind = "string" if self._columns[name].type == "category" else self._columns[name].type
            self._columns[name] = ColumnSpec(type=kind, nullable=self._columns[name].nullable)
        why = "; ".join(f"{name} ({reason})" for name, reason in found.items()) or "none (by no name and no value)"
        self.told.append(
            f"personal_columns: {why}. A person must look, before the first batch; none of them is a feature"
        )
        return list(found)

    def _features(self, others: set[str], personal: Collection[str]) -> list[str]:
        left: list[str] = []
        for name, column in self._columns.items():
            many = column.type in ("string", "category") and self._frame[name].nunique() > _CATEGORIES
            why = "personal" if name in personal else "times" if column.type == "datetime" else None
            why = why or ("too many distinct texts" if many else None)
            if name not in others and why is None:
                left.append(name)
            elif name not in others:
                self.told.append(f"features.columns: without {name} ({why})")
        if not left:
            self.told.append(
                "features.columns: no column is left, and a model needs one. Put a features.transform in its place "
                "that derives some, or take a column off personal_columns that is none and name it here"
            )
        return left

    def _known(self, field: str, name: str) -> str:
        if name not in self._columns:
            raise _wrong(field, f"must be a column of the file (got '{name}').{did_you_mean(name, self._columns)}")
        return name


def _by_batch(times: pd.Series, calendar: Calendar) -> dict[str, pd.Index]:
    keys = times.dropna().map(lambda moment: getattr(calendar.containing(moment.to_pydatetime()), "key", None))
    return {str(key): rows.index for key, rows in keys.groupby(keys)}


def _rules(column: ColumnSpec) -> dict[str, Any]:
    return column.model_dump(mode="json", exclude_defaults=True)


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


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True)
    return text.removesuffix("...\n").strip()


def _wrong(field: str, message: str) -> DeclarationError:
    return DeclarationError([Problem(field=field, message=message)])
