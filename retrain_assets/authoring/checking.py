"""What can be wrong with a declaration beyond its own text: the code, the columns and the environment it names."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrain_assets.authoring.own_names import owner_of
from retrain_assets.drift.distances.registry import floor_problem
from retrain_assets.errors import DeclarationError, Problem, did_you_mean
from retrain_assets.performance.loss_chart import LossChart
from retrain_assets.policy.cron import Cron
from retrain_assets.spec import (
    ColumnSpec,
    EnvReference,
    FilesSource,
    ModelSpec,
    PythonSource,
    SpecModel,
    SqlSource,
)
from retrain_assets.spec.fields import Location
from retrain_assets.spec.limits import gate_of
from retrain_assets.spec.loading import Declaration
from retrain_assets.spec.problems import undotted
from retrain_assets.stores.declarations import read_files
from retrain_assets.stores.plugins import load_object, read_source

if TYPE_CHECKING:
    from pandera.api.pandas.container import DataFrameSchema

Told = Iterator[tuple[str, str]]
"""Field and message of each mistake."""

_RESTS_ON: dict[str, tuple[Location, ...]] = {
    "target": (("metric",), ("schema",)),
    "event_time": (("schema",),),
    "row_id": (("schema",),),
    "leak_columns": (("schema",),),
    "reserve": (("schema",),),
    "drift": (("schema",),),
    "features": (("schema",), ("features", "transform")),
}
"""What the fields are held against."""


def check_declarations(paths: Iterable[Path], *, environ: Mapping[str, str] | None = None) -> list[Problem]:
    """All mistakes and warnings of the declarations in files and folders, by file and line."""
    declared, problems = read_files(paths)
    for each in declared:
        problems += check_declaration(each, environ=os.environ if environ is None else environ)
    return sorted(problems, key=lambda problem: (problem.file or "", problem.line or 0))


def check_declaration(declared: Declaration, *, environ: Mapping[str, str]) -> list[Problem]:
    """What is wrong with one declaration that can be read: it imports the code that the declaration names."""
    spec = declared.draft.spec
    if spec is None:
        return []
    checks = (
        _check_source, _check_labels, _check_schema, _check_transform, _check_estimator, _check_schedule, _check_drift,
        _check_chart,
    )  # fmt: skip
    told = [each for check in checks for each in check(spec)]
    if not declared.draft.rests_on_wrong(("metric",)):  # which tells the task
        told += _check_task(spec)
    doubts = [*_unset_variables(spec, environ), *_unknown_columns(spec), *_without_effect(spec)]
    # What rests on a value that is wrong by itself may vanish with that mistake.
    problems = [
        replace(declared.problem(field, message), severity=severity)
        for severity, found in (("error", told), ("warning", doubts))
        for field, message in found
        if not declared.draft.rests_on_wrong(undotted(field), *_RESTS_ON.get(field.partition(".")[0], ()))
    ]
    return list(dict.fromkeys(problems))


def _loaded(field: str, path: str, told: list[tuple[str, str]]) -> Any:
    try:
        return load_object(path)
    except DeclarationError as error:
        told.extend((field, problem.message) for problem in error.problems)
        return None


def _check_source(spec: ModelSpec) -> Told:
    yield from _source(spec.source, "source")


def _check_labels(spec: ModelSpec) -> Told:
    if spec.target.labels is not None:
        yield from _source(spec.target.labels, "target.labels")


def _source(source: SpecModel, field: str) -> Told:
    if isinstance(source, FilesSource) and isinstance(source.path, str) and "{batch}" not in source.path:
        yield (
            f"{field}.path",
            f"must hold {{batch}}, the place of the batch key in the path (got '{source.path}')",
        )
    if isinstance(source, SqlSource):
        missing = [name for name in (":start", ":end") if not re.search(rf"{name}\b", source.query)]
        if missing:
            yield f"{field}.query", f"must use the parameters :start and :end (missing: {', '.join(missing)})"
        if isinstance(source.url, str) and source.url.startswith("postgresql://"):
            yield f"{field}.url", "must name its driver: postgresql+psycopg2://... (got postgresql://)"
    if isinstance(source, PythonSource):
        told: list[tuple[str, str]] = []
        load = _loaded(f"{field}.load", source.load, told)
        yield from told
        if load is not None:
            yield from _takes_window(load, source, field)


def _takes_window(load: Any, source: PythonSource, field: str) -> Told:
    if not callable(load):
        yield f"{field}.load", f"must be a callable load(start, end) (got {type(load).__name__})"
        return
    signature = inspect.signature(load)
    names = [each.name for each in signature.parameters.values()]
    if not _any_keyword(signature):
        for name in source.arguments:
            if name not in names[2:]:
                yield (
                    f"{field}.arguments.{name}",
                    f"is not an argument of {source.load}.{did_you_mean(name, names[2:])}",
                )
    arguments = {name: value for name, value in source.arguments.items() if name in names or _any_keyword(signature)}
    try:
        signature.bind(None, None, **arguments)
    except TypeError as error:
        yield f"{field}.load", f"must be callable as load(start, end, **arguments): {error}"


def _any_keyword(signature: inspect.Signature) -> bool:
    return any(each.kind is inspect.Parameter.VAR_KEYWORD for each in signature.parameters.values())


def _check_schema(spec: ModelSpec) -> Told:
    if not isinstance(spec.schema_, str):
        yield from _reserved_names(spec, spec.schema_)
        yield from _column_kinds(spec, {name: _declared_kind(column) for name, column in spec.schema_.items()})
        return
    told: list[tuple[str, str]] = []
    found = _loaded("schema", spec.schema_, told)
    yield from told
    if found is None:
        return
    schema = _pandera(found)
    if schema is None:
        yield "schema", f"must be a pandera DataFrameModel or DataFrameSchema (got {_kind_of(found)})"
        return
    columns: dict[str, Any] = schema.columns
    yield from _reserved_names(spec, [name for name, column in columns.items() if not column.regex])
    if not any(column.regex for column in columns.values()):
        for field, name in spec.chosen_inputs():
            if name not in columns and name != spec.event_time:
                yield field, f"must be a column of {spec.schema_} (got '{name}').{did_you_mean(name, columns)}"
    yield from _column_kinds(spec, {name: _dtype_kind(column.dtype) for name, column in columns.items()})


def _reserved_names(spec: ModelSpec, names: Iterable[str]) -> Told:
    """Columns that would be taken for the platform's own: those of validated rows, or the label beside them.

    Args:
        spec: Tells which columns are split off before that.
        names: The columns of its schema.
    """
    written = isinstance(spec.schema_, dict)
    fields = {spec.event_time: "event_time", spec.target.column: "target.column"}
    fields |= {name: f"schema.{name}" if written else "schema" for name in names if name not in spec.leak_columns}
    for name, field in fields.items():
        whose = owner_of(name, target=spec.target.column)
        if whose is None:
            continue
        needed = name in (spec.event_time, spec.target.column)
        remedy = "Rename it in the data" + ("" if needed else ", or leave it out of the schema")
        yield field, f"must have another name (got '{name}'): {whose}. {remedy}"


def _unknown_columns(spec: ModelSpec) -> Told:
    """A schema need not name what is split off before it or only identifies a row: a near miss is but a doubt."""
    known = _known_columns(spec)
    for field, name in spec.named_columns():
        close = get_close_matches(name, known, n=1, cutoff=0.88)
        if close and name not in known:
            yield field, f"is not a column of the schema (got '{name}'). Did you mean '{close[0]}'?"


def _known_columns(spec: ModelSpec) -> list[str]:
    if not isinstance(spec.schema_, str):
        return list(spec.schema_)
    found = _loaded("schema", spec.schema_, [])
    schema = None if found is None else _pandera(found)
    return [] if schema is None else list(schema.columns)


def _pandera(found: Any) -> DataFrameSchema | None:
    import pandera.pandas as pa

    if inspect.isclass(found) and issubclass(found, pa.DataFrameModel):
        return found.to_schema()
    return found if isinstance(found, pa.DataFrameSchema) else None


def _kind_of(found: Any) -> str:
    return f"the class {found.__name__}" if inspect.isclass(found) else type(found).__name__


def _declared_kind(column: ColumnSpec) -> str:
    kinds = {"int": "number", "float": "number", "bool": "flag", "datetime": "time"}
    return kinds.get(column.type, "text")


def _dtype_kind(dtype: Any) -> str | None:
    """What a pandera column holds; None where the schema does not say."""
    if dtype is None:
        return None
    text = str(dtype).lower()
    words = {
        "datetime": "time",
        "date": "time",
        "int": "number",
        "float": "number",
        "decimal": "number",
        "bool": "flag",
    }
    return next((kind for word, kind in words.items() if text.startswith((word, f"u{word}"))), "text")


def _column_kinds(spec: ModelSpec, kinds: Mapping[str, str | None]) -> Told:
    event_time = kinds.get(spec.event_time)
    if event_time in ("number", "flag"):
        yield "event_time", f"must be a column of times (got '{spec.event_time}', a {event_time})"
    target = kinds.get(spec.target.column)
    if spec.task == "regression" and target in ("text", "time"):
        yield (
            "target.column",
            f"must hold numbers, as `metric: {spec.metric}` needs (got '{spec.target.column}', a {target})",
        )


def _check_transform(spec: ModelSpec) -> Told:
    if spec.features.transform is None:
        return
    told: list[tuple[str, str]] = []
    transform = _loaded("features.transform", spec.features.transform, told)
    yield from told
    if transform is None:
        return
    try:
        read_source(spec.features.transform)
        inspect.signature(transform).bind(None)
    except DeclarationError as error:
        yield from (("features.transform", problem.message) for problem in error.problems)
    except TypeError as error:
        yield "features.transform", f"must be callable with one DataFrame: {error}"


def _check_estimator(spec: ModelSpec) -> Told:
    told: list[tuple[str, str]] = []
    found = _loaded("estimator.class", spec.estimator.class_, told)
    yield from told
    if found is None:
        return
    if not (inspect.isclass(found) and hasattr(found, "fit") and hasattr(found, "get_params")):
        yield "estimator.class", f"must be a scikit-learn compatible estimator class (got {_kind_of(found)})"
        return
    unknown = dict(_unknown_params(spec, found))
    yield from unknown.items()
    try:
        estimator = found(**_known_params(spec, unknown))
        _validate = getattr(estimator, "_validate_params", None)  # scikit-learn would say so only at the first fit
        if _validate is not None:
            _validate()
    except (TypeError, ValueError) as error:
        yield "estimator.params", f"are refused by {spec.estimator.class_}: {error}"


def _unknown_params(spec: ModelSpec, found: type) -> Told:
    signature = inspect.signature(found)
    if _any_keyword(signature):
        return
    known = list(signature.parameters)
    searched = spec.estimator.search.params if spec.estimator.search is not None else {}
    for field, names in (("estimator.params", spec.estimator.params), ("estimator.search.params", searched)):
        for name in names:
            if name not in known:
                yield f"{field}.{name}", f"is not a parameter of {found.__name__}.{did_you_mean(name, known)}"


def _known_params(spec: ModelSpec, unknown: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in spec.estimator.params.items() if f"estimator.params.{name}" not in unknown}


def _check_task(spec: ModelSpec) -> Told:
    """Whether the estimator does what the metric measures; nothing of one that cannot be made."""
    from sklearn.base import is_classifier, is_regressor

    found = _loaded("estimator.class", spec.estimator.class_, [])
    if not (inspect.isclass(found) and hasattr(found, "fit")):
        return
    try:
        estimator = found(**_known_params(spec, dict(_unknown_params(spec, found))))
    except (TypeError, ValueError):
        return
    if spec.task == "classification" and not is_classifier(estimator):
        yield "estimator.class", _wrong_task(spec, "a classifier", "Regressor", "Classifier")
    elif spec.task == "classification" and not hasattr(estimator, "predict_proba"):
        yield (
            "estimator.class",
            f"must have predict_proba, which `metric: {spec.metric}` needs (got {spec.estimator.class_})",
        )
    elif spec.task == "regression" and not is_regressor(estimator):
        yield "estimator.class", _wrong_task(spec, "a regressor", "Classifier", "Regressor")


def _wrong_task(spec: ModelSpec, wanted: str, word: str, other: str) -> str:
    path = spec.estimator.class_
    message = f"must be {wanted}, which `metric: {spec.metric}` needs (got {path})"
    counterpart = path.replace(word, other)
    try:
        load_object(counterpart)
    except DeclarationError:
        return message
    return f"{message}. Did you mean '{counterpart}'?" if counterpart != path else message


def _check_schedule(spec: ModelSpec) -> Told:
    if spec.retrain.schedule is None:
        return
    try:
        cron = Cron.parse(spec.retrain.schedule)
    except ValueError as error:
        yield "retrain.schedule", f"must be a cron expression: {error}"
        return
    if cron.next(spec.batches.start) is None:
        yield "retrain.schedule", f"must come due some day (got '{spec.retrain.schedule}', which never does)"


def _check_drift(spec: ModelSpec) -> Told:
    try:
        problem = floor_problem(spec.drift.distance, spec.drift.effect_floor)
    except (TypeError, ValueError) as error:
        yield "drift.distance", str(error)
        return
    if problem is not None:
        yield "drift.effect_floor", problem


def _check_chart(spec: ModelSpec) -> Told:
    try:
        LossChart(spec.retrain.chart)
    except (TypeError, ValueError) as error:
        yield "retrain.chart", str(error)


def _unset_variables(spec: ModelSpec, environ: Mapping[str, str]) -> Told:
    for field, reference in _references(spec, ""):
        if reference.env not in environ:
            yield field, f"refers to the environment variable {reference.env}, which is not set here"


_LIMITS_OF_MORE = frozenset({"slices"})
"""Limits that more than their gate reads: what is asked to be labelled covers the slices."""


def _without_effect(spec: ModelSpec) -> Told:
    """What is declared and asks for something else that is not."""
    if spec.retrain.priority and spec.retrain.shared_budget is None:
        yield (
            "retrain.priority",
            f"has no effect (got {spec.retrain.priority}): it is one within retrain.shared_budget, which is not set",
        )
    required = spec.promote.expression.names()
    for name in sorted(spec.promote.limits.model_fields_set - _LIMITS_OF_MORE):
        gate = gate_of(name)
        if gate is not None and gate not in required:
            yield (
                f"promote.limits.{name}",
                f"has no effect: promote.require does not name {gate}, which it is a limit of",
            )
    for name in sorted(spec.rollback.model_fields_set & {"max_loss", "checks"}):
        if spec.rollback.watch is None and getattr(spec.rollback, name) is not None:
            yield f"rollback.{name}", "has no effect: rollback.watch, the time in which it is looked at, is not set"


def _references(value: object, field: str) -> Iterator[tuple[str, EnvReference]]:
    if isinstance(value, EnvReference):
        yield field, value
    elif isinstance(value, SpecModel):
        for name, info in type(value).model_fields.items():
            written = info.alias or name
            yield from _references(getattr(value, name), f"{field}.{written}" if field else written)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _references(inner, f"{field}.{key}")
