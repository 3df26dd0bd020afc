"""What can be guessed of a model from rows that somebody has at hand, and in which words that is told."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from retrain_assets.authoring.own_names import LABEL, owner_of
from retrain_assets.authoring.personal import holds_births, personal_columns
from retrain_assets.authoring.signs import counts_up, numbers_rows, other_time, unfit
from retrain_assets.data.conversion import read_as
from retrain_assets.data.csv_form import CsvForm
from retrain_assets.data.infer import infer_columns, nearly_numbers
from retrain_assets.errors import DeclarationError, Problem, did_you_mean
from retrain_assets.spec import BatchesSpec, ColumnSpec

_TARGETS = ("target", "label", "y", "outcome", "class", "is_fraud", "churn", "churned", "default")
_TIMES = re.compile(r"time|date|timestamp|(^|_)(ts|at)$|^day$", re.IGNORECASE)
_ID = re.compile(r"(?:^|[\W_])(?i:id|key)$|(?i:uuid|guid)$|(?<=[a-z])(?:I[dD]|Key)$")
_NUMBER = re.compile(r"[\W_](?:no|nr|num|number)\.?$", re.IGNORECASE)
_CATEGORIES = 50
_CLASSES = 20
_LAST_IN_EACH_MONTH = 28
_ISO = "ISO dates or times, such as 2024-01-31 or 2024-01-31T12:30:00Z"
_AS_ISO = (
    "Write times so here and in each delivery, or have a function of yours read the files and do it "
    "(`source: {type: python, load: ...}`)"
)
_WHY = {
    "separator": "the header has the most names by it",
    "decimal": "numbers have a decimal comma",
    "encoding": "look whether letters with accents are right, else give another --encoding",
}
_STEPS: dict[str, pd.Timedelta] = {
    "hour": pd.Timedelta(hours=1),
    "day": pd.Timedelta(days=1),
    "week": pd.Timedelta(weeks=1),
    "month": pd.Timedelta(days=30),
}


class Guesses:
    """Each guess says what it took and why."""

    def __init__(self, frame: pd.DataFrame) -> None:
        left_out = {name: why for name in frame.columns if (why := unfit(name, frame[name])) is not None}
        self._left_out = left_out
        self._counters: set[str] = set()
        self._ids: set[str] = set()
        self._frame = frame.drop(columns=list(left_out))
        self._columns = infer_columns(self._frame)
        self.told = [f"schema: without {why}" for why in left_out.values()]

    def name(self, stem: str) -> str:
        name = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_") or "model"
        name = name if name[0].isalpha() else f"model_{name}"
        self.told.append(f"name: {name} (from the file's name)")
        return name[:63]

    def event_time(self, given: str | None) -> str:
        if given is not None:
            self._known("event_time", given)
        else:
            times = [
                name
                for name, column in self._columns.items()
                if name != LABEL and (column.type == "datetime" or self._parses(name))
            ]
            times.sort(key=lambda name: (holds_births(name), _TIMES.search(name) is None))
            if not times:
                got = f"(got the columns {_listed(self._columns)}{self._other_times() or ')'}"
                raise _wrong("event_time", f"no column holds {_ISO}, and a row needs its time {got}")
            given = times[0]
            others = f"; also times: {', '.join(times[1:])}" if times[1:] else ""
            self.told.append(f"event_time: {given} (holds times{others})")
        if given == LABEL:
            raise _wrong("event_time", f"must not be named {LABEL}, the platform's name of the target: rename it")
        if not self._parses(given):
            known = self._frame[given].dropna()
            got = "no value" if known.empty else repr(str(known.iloc[0]))
            raise _wrong("event_time", f"column '{given}' must hold {_ISO} (got {got}). {_AS_ISO}")
        self._columns[given] = self._columns[given].model_copy(
            update={"type": "datetime", "values": None, "nullable": False}
        )
        return given

    def _other_times(self) -> str:
        """The columns that look like times in another form, and what to do about them; none that looks personal."""
        asked = self._columns.keys() - personal_columns(self._frame, self._columns).keys()
        found = {
            name: first
            for name in self._columns
            if name in asked and not holds_births(name) and (first := other_time(self._frame[name])) is not None
        }
        if not found:
            return ""
        named = ", ".join(f"{name} with {first!r}" for name, first in found.items())
        return f"; {named} may be times of another form). {_AS_ISO}"

    def _parses(self, name: str) -> bool:
        values = self._frame[name].dropna()
        if values.empty or pd.api.types.is_numeric_dtype(values):
            return False
        parsed = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
        return bool(parsed.notna().mean() > 0.95)

    def target(self, given: str | None, event_time: str) -> str:
        target = self._target(event_time) if given is None else self._known("target", given)
        if self._frame[target].isna().all():
            raise _wrong("target", f"must have values (got '{target}', which has none in any row)")
        return target

    def _target(self, event_time: str) -> str:
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
        classes = distinct <= 2 or self._columns[target].type not in ("int", "float")
        metric = "log_loss" if classes else "squared_error"
        said = f"{target} has {distinct} distinct values: {'classes' if classes else 'numbers'}"
        if distinct == 1:
            said = f"{target} has one value, of which nothing can be learned: a first model waits for labels of another"
        self.told.append(f"metric: {metric} ({said}{self._odd_number(target)})")
        return metric

    def every(self, times: pd.Series) -> str:
        span = times.max() - times.min()
        rows = {every: len(times) / max(span / step, 1) for every, step in _STEPS.items()}
        fitting = [each for each in _STEPS if rows[each] >= 500 and span / _STEPS[each] >= 8]
        long_enough = [each for each in reversed(_STEPS) if span / _STEPS[each] >= 8 and rows[each] >= 1]
        # Of a few rows no batch is right; one that most often holds nothing is no stream at all.
        filled = [each for each in _STEPS if rows[each] >= 1]
        every = (fitting or long_enough or filled or ["month"])[0]
        self.told.append(f"batches.every: {every} (about {rows[every]:.0f} rows each over {span.days} days)")
        return every

    def start(self, times: pd.Series, every: str) -> pd.Timestamp:
        start = times.min().floor("h" if every == "hour" else "D")
        # A month that begins on the 31st would not be found in each month.
        return start.replace(day=1) if every == "month" and start.day > _LAST_IN_EACH_MONTH else start

    def tell_left_out(self, event_time: str, rows: int) -> None:
        if rows:
            self.told.append(f"data: without {rows} of {len(self._frame)} rows, whose {event_time} cannot be read")

    def attributes(
        self,
        name: str,
        event_time: str,
        target: str,
        metric: str,
        batches: BatchesSpec,
        suffix: str,
        form: CsvForm,
        by_batch: Mapping[str, pd.Index],
    ) -> dict[str, Any]:
        if (whose := owner_of(LABEL, target=target)) is not None and self._columns.pop(LABEL, None) is not None:
            self.told.append(f"schema: without {LABEL} ({whose}: rename it in the file)")
        identity = [] if (row_id := self._row_id(event_time, target)) is None else [row_id]
        kind = "Classifier" if metric in ("log_loss", "brier") else "Regressor"
        personal = self._personal({event_time, target})
        self._free_counters(event_time)
        self._free_ids({event_time, target}, identity)
        features = self._features({event_time, target, *identity}, personal)
        if kind == "Classifier":
            self._name_classes(target)
        else:
            # Limits would take labels away where the target moves, which is when they matter most.
            self._columns[target] = ColumnSpec(type=self._columns[target].type, nullable=self._columns[target].nullable)
        attributes: dict[str, Any] = {
            "name": name,
            "batches": {
                "every": batches.every,
                "start": batches.start.strftime("%Y-%m-%dT%H:%M" if batches.every == "hour" else "%Y-%m-%d"),
            },
            "source": {"type": "files", "path": f"data/{{batch}}*{suffix}", **self._form(form)},
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
        self._lower_min_rows(attributes, int(pd.Series([len(rows) for rows in by_batch.values()]).median()))
        self.told.append("target.label_delay: 0 days (nothing in a file tells when its labels became known)")
        return attributes

    def _form(self, form: CsvForm) -> dict[str, str]:
        """What of a file's form must be declared."""
        usual = asdict(CsvForm())
        declared: dict[str, str] = {name: value for name, value in asdict(form).items() if value != usual[name]}
        for name, value in declared.items():
            self.told.append(f"source.{name}: {value!r} ({_WHY[name]})")
        return declared

    def _lower_min_rows(self, attributes: dict[str, Any], typical: int) -> None:
        """Of batches that typically hold too few rows for the defaults."""
        if typical < 400:
            attributes["drift"]["min_rows"] = max(typical // 2, 20)
            self.told.append(f"drift.min_rows: lowered, since a batch has about {typical} rows")
        reserved = typical // 5
        if reserved < 250:
            attributes["promote"]["min_rows"] = max(reserved // 2, 20)
            self.told.append(f"promote.min_rows: lowered, since about {reserved} rows of a batch are reserved")

    def _free_counters(self, event_time: str) -> None:
        """Finds numbers that never fall, as the order of an order line: what is to come lies beyond any limit."""
        times = read_as(self._frame[event_time], "datetime", lenient=True)[0]
        for name, column in self._columns.items():
            if column.type in ("int", "float") and counts_up(self._frame[name], times):
                self._counters.add(name)
                self._columns[name] = ColumnSpec(type=column.type, nullable=column.nullable)

    def _free_ids(self, others: Collection[str], identity: Collection[str]) -> None:
        """Finds numbers that name something: the next customer's lies beyond any limit, and more is not greater."""
        for name, column in self._columns.items():
            many = _ID.search(name) is not None and self._frame[name].nunique() > _CATEGORIES
            if column.type == "int" and name not in others and (many or name in identity):
                self._ids.add(name)
                self._columns[name] = ColumnSpec(type=column.type, nullable=column.nullable)

    def _name_classes(self, target: str) -> None:
        """A margin would name classes that nobody has seen; what is declared of classes is held against these.

        A class alone is not named: the other, which only had not come yet, would be refused for ever.
        """
        column = self._columns[target]
        if column.type not in ("int", "float"):
            return
        classes = sorted(read_as(self._frame[target], column.type, lenient=True)[0].dropna().unique().tolist())
        broken = [value for value in classes if not float(value).is_integer()]
        if broken:
            raise _wrong(
                "target", f"'{target}' must hold whole numbers, texts or truth values as classes (got {broken[0]:g})"
            )
        named = tuple(classes) if 1 < len(classes) <= _CLASSES else None
        self._columns[target] = ColumnSpec(type=column.type, nullable=column.nullable, values=named)

    def _row_id(self, event_time: str, target: str) -> str | None:
        for name, column in self._columns.items():
            named = _ID.search(name) is not None or _NUMBER.search(name) is not None
            values = self._frame[name]
            is_key = column.type in ("int", "string", "category") and values.notna().all() and values.is_unique
            if named and is_key and name not in (event_time, target):
                self.told.append(f"row_id: {name} (unique, and named like an id)")
                return name
        self.told.append("row_id: none (no column is unique and named like an id): its content identifies a row")
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
            why = why or ("too many distinct texts" + self._odd_number(name) if many else None)
            why = why or ("it numbers the rows" if numbers_rows(self._frame[name]) else None)
            why = why or ("it only grows with time" if name in self._counters else None)
            why = why or ("a number that names something, many distinct" if name in self._ids else None)
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

    def _odd_number(self, name: str) -> str:
        """What made a column of numbers texts, and what to do; nothing of another, nor of one that looks personal."""
        odd = nearly_numbers(self._frame[[name]]).get(name)
        if odd is None or name in personal_columns(self._frame, self._columns):
            return ""
        return f", though most read like numbers: {odd!r} is none. Write them as 1234.5, here and in each delivery"

    def _known(self, field: str, name: str) -> str:
        if name in self._left_out:
            raise _wrong(field, f"must be a column that can be used (got {self._left_out[name]})")
        if name not in self._columns:
            raise _wrong(field, f"must be a column of the file (got '{name}').{did_you_mean(name, self._columns)}")
        return name


def _rules(column: ColumnSpec) -> dict[str, Any]:
    return column.model_dump(mode="json", exclude_defaults=True)


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")


def _wrong(field: str, message: str) -> DeclarationError:
    return DeclarationError([Problem(field=field, message=message)])
