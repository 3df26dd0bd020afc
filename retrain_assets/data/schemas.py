"""The schema of a model as pandera sees it: compiled from the declaration, or the user's own class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pandas as pd

from retrain_assets.data.conversion import UTC_TIME, kind_of
from retrain_assets.data.reasons import is_value_check
from retrain_assets.errors import DeclarationError, Problem, did_you_mean
from retrain_assets.spec import ColumnSpec, ModelSpec

if TYPE_CHECKING:
    from pandera.pandas import Check, Column, DataFrameModel, DataFrameSchema

_DTYPES: dict[str, tuple[Any, Any]] = {
    # Nullable integers and booleans need a type of their own: numpy's have no room for "missing".
    "int": ("int64", pd.Int64Dtype()),
    "float": ("float64", "float64"),
    "string": (str, str),
    "bool": ("bool", pd.BooleanDtype()),
    "datetime": (UTC_TIME, UTC_TIME),
    "category": (str, str),
}


def compile_schema(columns: Mapping[str, ColumnSpec]) -> DataFrameSchema:
    """The pandera schema of columns that are written in a declaration; values are coerced to their type.

    A category is a text among `values`; columns that are not named are dropped.
    """
    import pandera.pandas as pa

    return pa.DataFrameSchema({name: _column(column) for name, column in columns.items()}, coerce=True)


def _column(spec: ColumnSpec) -> Column:
    import pandera.pandas as pa

    def limit(value: float | None) -> Any:
        return pd.Timestamp(value, unit="s", tz="UTC") if spec.type == "datetime" and value is not None else value

    checks: list[pa.Check] = []
    if spec.min is not None:
        checks.append(pa.Check.ge(limit(spec.min)))
    if spec.max is not None:
        checks.append(pa.Check.le(limit(spec.max)))
    if spec.values is not None:
        allowed = [str(value) for value in spec.values] if spec.type in ("string", "category") else list(spec.values)
        checks.append(pa.Check.isin(allowed))
    if spec.whole_pattern is not None:
        checks.append(pa.Check.str_matches(spec.whole_pattern))
    dtype = _DTYPES[spec.type][spec.nullable or not spec.required]
    return pa.Column(
        dtype, checks=checks, nullable=spec.nullable, unique=spec.unique, required=spec.required, coerce=True
    )


def as_schema(schema: type[DataFrameModel] | DataFrameSchema | Mapping[str, ColumnSpec]) -> DataFrameSchema:
    """Any form of a schema as pandera's object.

    Raises:
        TypeError: it is none of them.
    """
    import pandera.pandas as pa

    if isinstance(schema, pa.DataFrameSchema):
        return schema
    if isinstance(schema, type) and issubclass(schema, pa.DataFrameModel):
        return schema.to_schema()
    if isinstance(schema, Mapping):
        return compile_schema(schema)
    raise TypeError(f"a schema must be a pandera DataFrameModel or DataFrameSchema, or columns (got {schema!r})")


def load_schema(spec: ModelSpec) -> DataFrameSchema:
    """The schema that a declaration names or writes out.

    Raises:
        DeclarationError: the import path leads nowhere, or to something else than a schema.
    """
    declared = spec.schema_
    if not isinstance(declared, str):
        return compile_schema(declared)
    module_name, _, name = declared.rpartition(":" if ":" in declared else ".")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise _wrong(spec, f"names a module that cannot be imported: {error}") from error
    if not hasattr(module, name):
        raise _wrong(spec, f"names '{name}', which {module_name} does not have.{did_you_mean(name, _names(module))}")
    try:
        return as_schema(getattr(module, name))
    except TypeError as error:
        raise _wrong(spec, str(error)) from error


def _names(module: Any) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, type) and not name.startswith("_")]


def _wrong(spec: ModelSpec, message: str) -> DeclarationError:
    return DeclarationError([Problem(field="schema", message=f"of model '{spec.name}' {message}")])


def without_columns(schema: DataFrameSchema, hidden: Iterable[str], *, event_time: str) -> DataFrameSchema:
    """The schema of validated rows: a copy without the hidden columns, in which the event time is UTC.

    Conversion and strictness are the contract's business and are switched off here; of values that must be unique
    the first stays.
    """
    import pandera.pandas as pa

    copy = deepcopy(schema)
    hidden = set(hidden)
    columns: dict[str, Column] = {name: column for name, column in copy.columns.items() if name not in hidden}
    for column in columns.values():
        column.coerce = False
        column.report_duplicates = "exclude_first"
    when = columns.get(event_time)
    columns[event_time] = pa.Column(
        UTC_TIME,
        checks=None if when is None else when.checks,
        unique=False if when is None else when.unique,
        description=None if when is None else when.description,
        report_duplicates="exclude_first",
    )
    unique = [name for name in copy.unique or [] if name not in hidden]
    return pa.DataFrameSchema(
        columns,
        checks=copy.checks,
        parsers=copy.parsers,
        unique=unique or None,
        report_duplicates="exclude_first",
        add_missing_columns=copy.add_missing_columns,
        name=copy.name,
        description=copy.description,
    )


def listed_categories(dtype: Any) -> list[Any] | None:
    """The categories of a categorical type, if it lists them."""
    categories: Any = dtype.categories if isinstance(dtype, pd.CategoricalDtype) else None
    return None if categories is None else list(categories)


def is_plain(column: Column) -> bool:
    """Whether a column has no rule but its type and checks of single values: these need no pass of their own.

    Its checks can be called one by one; what remains is left to pandera's validation of the whole.
    """
    return not column.unique and _is_plain_but_unique(column)


def _is_plain_but_unique(column: Column) -> bool:
    return (
        _known_kind(column)
        and not (column.parsers or column.default is not None)
        and all(_is_rowwise(check) for check in column.checks)
    )


def asks_only_for_unique(remaining: DataFrameSchema) -> bool:
    """Whether remaining rules are nothing but values of single columns that must not come twice."""
    whole = remaining.checks or remaining.unique or remaining.parsers or remaining.add_missing_columns
    columns: Iterable[Column] = remaining.columns.values()
    return not whole and all(_is_plain_but_unique(column) and not column.checks for column in columns)


def value_checks(column: Column) -> list[Check]:
    """The checks of a column that judge each value by itself."""
    return [check for check in column.checks if _is_rowwise(check)]


def _known_kind(column: Column) -> bool:
    dtype = getattr(column.dtype, "type", None)
    return dtype is not None and kind_of(dtype) != "other"


def _is_rowwise(check: Any) -> bool:
    return is_value_check(check.name) and check.groupby is None and not check.raise_warning


def remaining_rules(visible: DataFrameSchema) -> DataFrameSchema | None:
    """What is left for a pass over whole columns and rows; None where every column is plain.

    Types and missing values have been seen to by then.
    """
    rest = deepcopy(visible)
    if not rest.add_missing_columns:
        rest = rest.remove_columns([str(name) for name, column in rest.columns.items() if is_plain(column)])
    columns: dict[str, Column] = rest.columns
    for column in columns.values():
        column.nullable = column.default is None
        column.required = False
    return rest if columns or rest.checks or rest.unique or rest.parsers else None
