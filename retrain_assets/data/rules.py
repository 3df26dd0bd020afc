"""The rules of a schema, applied to rows that have its types already."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retrain_assets.data.conversion import Kind, kind_of
from retrain_assets.data.failures import Failures
from retrain_assets.data.personal import WITHHELD
from retrain_assets.data.reasons import reason_of_check
from retrain_assets.data.row_reading import plain_dtype
from retrain_assets.data.schemas import asks_only_for_unique, is_plain
from retrain_assets.errors import DeclarationError, Problem
from retrain_assets.spec import ModelSpec

if TYPE_CHECKING:
    from pandera.errors import SchemaError
    from pandera.pandas import Check, Column, DataFrameSchema

_MAX_PASSES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Checks of single values one by one; then `remaining`, if there are rules about whole columns and rows."""

    spec: ModelSpec
    remaining: DataFrameSchema | None
    only_unique: bool = field(init=False, repr=False)
    """What remains is that no value of some columns comes twice: where none does, pandera need not be asked."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "only_unique", self.remaining is not None and asks_only_for_unique(self.remaining))

    def passing(self, converted: pd.DataFrame, columns: Mapping[str, Column], failures: Failures) -> pd.DataFrame:
        """The rows that respect the schema by pandera's own word, as the types of the schema."""
        present = _but(converted, failures.failed)
        declared = {name: _as_declared(present[name], column) for name, column in columns.items()}
        for name, column in columns.items():
            if is_plain(column):
                _check_values(declared[name], column, failures)
        rows = pd.DataFrame(declared, index=present.index, copy=False)
        rows = _but(rows, failures.failed[rows.index.to_numpy()])
        if self.remaining is None or rows.empty or (self.only_unique and _all_unique(rows, columns)):
            return rows
        return self._validated(rows, self.remaining, failures)

    def _validated(self, rows: pd.DataFrame, schema: DataFrameSchema, failures: Failures) -> pd.DataFrame:
        """Rows that pass rules about whole columns and rows; each pass takes out those that do not."""
        from pandera.errors import SchemaErrors

        for _ in range(_MAX_PASSES):
            try:
                return schema.validate(rows, lazy=True)
            except SchemaErrors as errors:
                broken = errors.schema_errors
            # Past the handler: what is raised here must not carry pandera's error, which shows rows.
            for error in broken:
                self._note_error(error, rows, failures)
            rows = _but(rows, failures.failed[rows.index.to_numpy()])
            if rows.empty:
                return rows
        failures.add(rows.index.to_numpy(dtype=np.intp), column="", rule="schema", reason="check_failed")
        return rows.iloc[:0]

    def _note_error(self, error: SchemaError, rows: pd.DataFrame, failures: Failures) -> None:
        code = "" if error.reason_code is None else error.reason_code.name
        cases = error.failure_cases
        column = str(getattr(error.schema, "name", None) or "") if error.schema is not self.remaining else ""
        if code == "CHECK_ERROR":
            seen = [str(name) for name in rows.columns]
            raise DeclarationError([Problem(field="schema", message=_crash(self.spec, error, column, seen))])
        if not isinstance(cases, pd.DataFrame) or cases["index"].isna().any():
            # A rule about the column as a whole: there is no row to blame, so no row may pass.
            positions = rows.index.to_numpy(dtype=np.intp)
        else:
            positions = np.unique(cases["index"].to_numpy(dtype=np.intp))
        rule, reason = _rule_of(error, code)
        values = rows.loc[positions, column] if column in rows.columns else None
        failures.add(positions, column=column, rule=rule, reason=reason, values=values)


def _but(rows: pd.DataFrame, failed: NDArray[np.bool_]) -> pd.DataFrame:
    """Without those that failed; most batches have none, and every copy of one is as dear as a rule."""
    return rows[~failed] if failed.any() else rows


def _all_unique(rows: pd.DataFrame, columns: Mapping[str, Column]) -> bool:
    return all(rows[name].is_unique for name, column in columns.items() if column.unique)


def _check_values(values: pd.Series, column: Column, failures: Failures) -> None:
    if not column.checks:
        return
    # Texts repeat themselves: where each passes once, all of them do. So do numbers whose smallest and largest pass.
    distinct = values.drop_duplicates() if kind_of(plain_dtype(column)) == "string" else None
    span = _span(values)
    for check in column.checks:
        if distinct is not None and check(distinct).check_passed:
            continue
        if span is not None and _spans(check, *span):
            continue
        outcome = check(values)
        if not outcome.check_passed:
            # Missing values are left out of the output: its index tells the rows.
            output = outcome.check_output
            broken = output.index[~output.to_numpy(dtype=bool)]
            failures.add(
                broken.to_numpy(dtype=np.intp),
                column=str(values.name),
                rule=str(check.error or check.name),
                reason=reason_of_check(check.name),
                values=values[broken],
            )


def _span(values: pd.Series) -> tuple[Any, Any] | None:
    """The smallest and the largest number; None of what numpy does not hold as numbers, and where none is known."""
    numbers = values.to_numpy() if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf" else np.empty(0)
    if not len(numbers):
        return None
    smallest, largest = np.fmin.reduce(numbers), np.fmax.reduce(numbers)
    return None if np.isnan(smallest) else (smallest, largest)


_LIMITS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "greater_than": ("min_value", operator.gt),
    "greater_than_or_equal_to": ("min_value", operator.ge),
    "less_than": ("max_value", operator.lt),
    "less_than_or_equal_to": ("max_value", operator.le),
}


def _spans(check: Check, smallest: Any, largest: Any) -> bool:
    """Whether one of pandera's limits holds for all numbers because it holds for these two.

    A check of the user's own may have the name of one, and mean something else.
    """
    name, holds = _LIMITS.get(check.name or "", (None, None))
    limit = None if name is None else (check.statistics or {}).get(name)
    if holds is None or not isinstance(limit, int | float) or not check.ignore_na or check.element_wise:
        return False
    # Not a public name: pandera tells in no other way whose function it is.
    if check._check_fn is not type(check).get_builtin_check_fn(check.name):  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return False
    return bool(holds(smallest, limit) and holds(largest, limit))


def _as_declared(values: pd.Series, column: Column) -> pd.Series:
    """Converted values as the type of their column; where an optional column is missing its type must allow that."""
    declared: Any = column.dtype
    dtype: Any = plain_dtype(column)
    kind: Kind = "other" if dtype is None else kind_of(declared.type)
    if kind == "other" or (kind == "string" and not isinstance(dtype, pd.StringDtype)):
        return values
    if kind == "datetime":
        zone = dtype.tz if isinstance(dtype, pd.DatetimeTZDtype) else None
        return values.dt.tz_convert(zone).astype(declared.type)
    if kind in ("int", "bool") and isinstance(dtype, np.dtype) and values.isna().any():
        return values
    return values.astype(declared.type, copy=False)


def _rule_of(error: SchemaError, code: str) -> tuple[str, str]:
    """Rule and reason of one of pandera's errors."""
    if code in ("SERIES_CONTAINS_DUPLICATES", "DUPLICATES"):
        return "unique", "duplicated_value"
    if code == "SERIES_CONTAINS_NULLS":
        return "not_nullable", "missing_value"
    if code == "WRONG_DATATYPE":
        return f"dtype:{error.schema.dtype}", "wrong_type"
    check = error.check
    name = getattr(check, "name", None)
    if name is None:
        return str(check), "check_failed"
    return str(getattr(check, "error", None) or name), reason_of_check(name)


def _crash(spec: ModelSpec, error: SchemaError, column: str, names: Sequence[str]) -> str:
    of = f" of column '{column}'" if column else ""
    cases = error.failure_cases
    said = str(cases.iloc[0, 0] if isinstance(cases, pd.DataFrame) else cases)
    if spec.personal_columns:
        said = f"{said.partition('(')[0]} {WITHHELD}"
    sees = f"it sees the columns {', '.join(names)}"
    hidden = " and ".join(f"'{name}'" for name in spec.hidden_columns)
    apart = "target.column" if len(spec.hidden_columns) == 1 else "target.column and leak_columns"
    return (
        f"of model '{spec.name}': the check {error.check}{of} crashed: {said}; {sees}, and never {hidden} ({apart}), "
        "split off before it: write it for the columns that it sees, or take it out of the schema"
    )
