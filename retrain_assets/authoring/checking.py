"""What can be wrong with a declaration beyond its own text: the code, the columns and the environment it names."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from retrain_assets.authoring.column_checks import check_schema, unknown_columns
from retrain_assets.authoring.estimator_checks import check_estimator, check_task
from retrain_assets.authoring.named_code import Told, any_keyword, loaded
from retrain_assets.data.windows import Calendar
from retrain_assets.drift.distances.registry import floor_problem
from retrain_assets.errors import DeclarationError, Problem, did_you_mean
from retrain_assets.performance.loss_chart import LossChart
from retrain_assets.policy.cron import Cron
from retrain_assets.spec import EnvReference, FilesSource, ModelSpec, PythonSource, SpecModel, SqlSource
from retrain_assets.spec.durations import format_duration
from retrain_assets.spec.fields import Location
from retrain_assets.spec.limits import gate_of
from retrain_assets.spec.loading import Declaration
from retrain_assets.spec.problems import undotted
from retrain_assets.stores.declarations import read_files
from retrain_assets.stores.plugins import read_source

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
        problems += _check_declaration(each, environ=os.environ if environ is None else environ)
    return sorted(problems, key=lambda problem: (problem.file or "", problem.line or 0))


def _check_declaration(declared: Declaration, *, environ: Mapping[str, str]) -> list[Problem]:
    """What is wrong with one declaration that can be read: it imports the code that the declaration names."""
    spec = declared.draft.spec
    if spec is None:
        return []
    checks = (
        _check_source, _check_labels, check_schema, _check_transform, check_estimator, _check_schedule, _check_drift,
        _check_chart,
    )  # fmt: skip
    told = [each for check in checks for each in check(spec)]
    if not declared.draft.rests_on_wrong(("metric",)):  # which tells the task
        told += check_task(spec)
    doubts = [
        *_unset_variables(spec, environ),
        *unknown_columns(spec),
        *_without_effect(spec),
        *_short_watch(spec),
        *_trusted_names(spec),
    ]
    # What rests on a value that is wrong by itself may vanish with that mistake.
    problems = [
        replace(declared.problem(field, message), severity=severity)
        for severity, found in (("error", told), ("warning", doubts))
        for field, message in found
        if not declared.draft.rests_on_wrong(undotted(field), *_RESTS_ON.get(field.partition(".")[0], ()))
    ]
    return list(dict.fromkeys(problems))


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
    if isinstance(source, PythonSource):
        told: list[tuple[str, str]] = []
        load = loaded(f"{field}.load", source.load, told)
        yield from told
        if load is not None:
            yield from _takes_window(load, source, field)


def _takes_window(load: Any, source: PythonSource, field: str) -> Told:
    if not callable(load):
        yield f"{field}.load", f"must be a callable load(start, end) (got {type(load).__name__})"
        return
    signature = inspect.signature(load)
    names = [each.name for each in signature.parameters.values()]
    if not any_keyword(signature):
        for name in source.arguments:
            if name not in names[2:]:
                yield (
                    f"{field}.arguments.{name}",
                    f"is not an argument of {source.load}.{did_you_mean(name, names[2:])}",
                )
    arguments = {name: value for name, value in source.arguments.items() if name in names or any_keyword(signature)}
    try:
        signature.bind(None, None, **arguments)
    except TypeError as error:
        yield f"{field}.load", f"must be callable as load(start, end, **arguments): {error}"


def _check_transform(spec: ModelSpec) -> Told:
    if spec.features.transform is None:
        return
    told: list[tuple[str, str]] = []
    transform = loaded("features.transform", spec.features.transform, told)
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

_OF_TRIGGERS = {
    "freshness.model_age": "model_age",
    "retrain.events": "event",
    "retrain.min_new_labels": "new_labels",
    "retrain.min_new_share": "new_labels",
    "retrain.schedule": "schedule",
}
"""What one trigger reads, by its field."""


def _without_effect(spec: ModelSpec) -> Told:
    """What is declared and asks for something else that is not."""
    if spec.retrain.priority and spec.retrain.shared_budget is None:
        yield (
            "retrain.priority",
            f"has no effect (got {spec.retrain.priority}): it is one within retrain.shared_budget, which is not set",
        )
    named = spec.retrain.expression.names()
    for field, trigger in _OF_TRIGGERS.items():
        section, _, name = field.partition(".")
        declared: SpecModel = getattr(spec, section)
        if name in declared.model_fields_set and getattr(declared, name) is not None and trigger not in named:
            yield (
                field,
                f"retrains nothing: retrain.when ({spec.retrain.when}) does not name {trigger}, which reads it",
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


def _short_watch(spec: ModelSpec) -> Told:
    """A watch that ends before the labels of what the new champion served are settled."""
    calendar, watch = Calendar(spec.batches), spec.rollback.watch
    asked = ["champion_is_healthy"] if "champion_is_healthy" in spec.rollback.checks else []
    asked += [] if spec.rollback.max_loss is None else ["max_loss"]
    known = calendar.first.end + spec.target.label_delay
    settled = calendar.containing(known - timedelta(microseconds=1))
    if watch is None or not asked or settled is None or watch >= settled.end - calendar.first.start:
        return
    needed = format_duration(settled.end - calendar.first.start)
    yield (
        "rollback.watch",
        (
            f"ends before the labels of the first batch that a new champion serves are settled, {needed} after its "
            f"promotion (got {format_duration(watch)}): within it {' and '.join(asked)} can judge it by "
            f"batches of before alone, on which it is back-scored. Declare {needed} or more"
        ),
    )


def _trusted_names(spec: ModelSpec) -> Told:
    """Approvals whose names nobody proves, without a word on that in the declaration."""
    approval = spec.promote.approval
    if approval.when != "never" and "names" not in approval.model_fields_set:
        yield (
            "promote.approval",
            (
                "does not say whether names are proven, so they are taken on trust: whoever types a name is believed. "
                "Declare `names: signed` and a key of each approver, or `names: on_trust` where that is what you want"
            ),
        )


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
