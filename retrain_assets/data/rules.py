"""The rules of a schema, applied to rows that have its types already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from retrain_assets.data.conversion import Kind, kind_of
from retrain_assets.data.failures import Failures
from retrain_assets.data.personal import WITHHELD
from retrain_assets.data.reasons import reason_of_check
from retrain_assets.data.row_reading import plain_dtype
from retrain_assets.data.schemas import is_plain
from retrain_assets.errors import DeclarationError, Problem
from retrain_assets.spec import ModelSpec

if TYPE_CHECKING:
    from pandera.errors import SchemaError
    from pandera.pandas import Column, DataFrameSchema

_MAX_PASSES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Checks of single values one by one; then `remaining`, if there are rules about whole columns and rows."""

    spec: ModelSpec
    remaining: DataFrameSchema | None

    def passing(self, converted: pd.DataFrame, columns: Mapping[str, Column], failures: Failures) -> pd.DataFrame:
        """The rows that respect the schema by pandera's own word, as the types of the schema."""
        shown = list(columns)
        present = converted.loc[~failures.failed, shown]
        rows = pd.DataFrame({name: _as_declared(present[name], columns[name]) for name in shown}, index=present.index)
        for name, column in columns.items():
            if is_plain(column):
                _check_values(rows[name], column, failures)
        rows = rows[~failures.failed[rows.index.to_numpy()]]
        return rows if self.remaining is None or rows.empty else self._validated(rows, self.remaining, failures)

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
            rows = rows[~failures.failed[rows.index.to_numpy()]]
            if rows.empty:
                return rows
        failures.add(rows.index.to_numpy(dtype=np.intp), column="", rule="schema", reason="check_failed")
        return rows.iloc[:0]

    def _note_error(self, error: SchemaError, rows: pd.DataFrame, failures: Failures) -> None:
        code = "" if error.reason_code is None else error.reason_code.name
        cases = error.failure_cases
        column = str(getattr(error.schema, "name", None) or "") if error.schema is not self.remaining else ""
        if code == "CHECK_ERROR":
            raise DeclarationError([Problem(field="schema", message=_crash(self.spec, error, column))])
        if not isinstance(cases, pd.DataFrame) or cases["index"].isna().any():
            # A rule about the column as a whole: there is no row to blame, so no row may pass.
            positions = rows.index.to_numpy(dtype=np.intp)
        else:
            positions = np.unique(cases["index"].to_numpy(dtype=np.intp))
        rule, reason = _rule_of(error, code)
        values = rows.loc[positions, column] if column in rows.columns else None
        failures.add(positions, column=column, rule=rule, reason=reason, values=values)


def _check_values(values: pd.Series, column: Column, failures: Failures) -> None:
    # Texts repeat themselves: where each passes once, all of them do.
    distinct = values.drop_duplicates() if column.checks and kind_of(plain_dtype(column)) == "string" else None
    for check in column.checks:
        if distinct is not None and check(distinct).check_passed:
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
    return values.astype(declared.type)


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


def _crash(spec: ModelSpec, error: SchemaError, column: str) -> str:
    of = f" of column '{column}'" if column else ""
    cases = error.failure_cases
    said = str(cases.iloc[0, 0] if isinstance(cases, pd.DataFrame) else cases)
    if spec.personal_columns:
        said = f"{said.partition('(')[0]} {WITHHELD}"
    hidden = ", ".join(spec.hidden_columns)
    return (
        f"of model '{spec.name}': the check {error.check}{of} crashed: {said}; "
        f"note that {hidden} are split off before the checks"
    )
