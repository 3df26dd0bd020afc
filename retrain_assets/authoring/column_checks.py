"""What can be wrong with the schema of a declaration, and with the columns that the rest of it names."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from retrain_assets.authoring.named_code import Told, kind_of, loaded
from retrain_assets.authoring.own_names import owner_of
from retrain_assets.errors import did_you_mean
from retrain_assets.spec import ColumnSpec, ModelSpec

if TYPE_CHECKING:
    from pandera.api.pandas.container import DataFrameSchema


def check_schema(spec: ModelSpec) -> Told:
    """Whether the schema can be read, holds what is named of it, and types that fit the event time and the target."""
    if not isinstance(spec.schema_, str):
        yield from _reserved_names(spec, spec.schema_)
        yield from _column_kinds(spec, {name: _declared_kind(column) for name, column in spec.schema_.items()})
        return
    told: list[tuple[str, str]] = []
    found = loaded("schema", spec.schema_, told)
    yield from told
    if found is None:
        return
    schema = _pandera(found)
    if schema is None:
        yield "schema", f"must be a pandera DataFrameModel or DataFrameSchema (got {kind_of(found)})"
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


def unknown_columns(spec: ModelSpec) -> Told:
    """A schema need not name what is split off before it or only identifies a row: a near miss is but a doubt."""
    known = _known_columns(spec)
    for field, name in spec.named_columns():
        close = get_close_matches(name, known, n=1, cutoff=0.88)
        if close and name not in known:
            yield field, f"is not a column of the schema (got '{name}'). Did you mean '{close[0]}'?"


def _known_columns(spec: ModelSpec) -> list[str]:
    if not isinstance(spec.schema_, str):
        return list(spec.schema_)
    found = loaded("schema", spec.schema_, [])
    schema = None if found is None else _pandera(found)
    return [] if schema is None else list(schema.columns)


def _pandera(found: Any) -> DataFrameSchema | None:
    import pandera.pandas as pa

    if inspect.isclass(found) and issubclass(found, pa.DataFrameModel):
        return found.to_schema()
    return found if isinstance(found, pa.DataFrameSchema) else None


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
