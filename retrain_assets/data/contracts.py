"""The contract of a model with its source: which rows of a batch are accepted, and why the others are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retrain_assets.data.conversion import UTC_TIME, Kind, kind_of, read_as
from retrain_assets.data.failures import Failures
from retrain_assets.data.reasons import reason_of_check
from retrain_assets.data.reserved import is_reserved
from retrain_assets.data.row_ids import ROW_ID, as_text, row_ids
from retrain_assets.data.schemas import (
    as_schema,
    compile_schema,
    is_plain,
    listed_categories,
    load_schema,
    remaining_rules,
    without_columns,
)
from retrain_assets.data.targets import read_targets
from retrain_assets.data.windows import Batch
from retrain_assets.errors import DeclarationError, Problem
from retrain_assets.spec import ModelSpec

if TYPE_CHECKING:
    from pandera.errors import SchemaError
    from pandera.pandas import Column, DataFrameSchema

RESERVED = "ra_reserved"
"""Column that tells whether a row is reserved."""

_MAX_PASSES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of the rows of a batch: `parsed_rows` = rows of `accepted` + `quarantined_rows`.

    `accepted` holds the schema's columns without the target and the leaks, `ra_row_id` and `ra_reserved`, by event time
    and id. `outcomes` holds id, event time and target of the same rows; a target that could not be read is null and
    counted in `unreadable_targets`. `reasons` counts rows. `refused` tells why the whole batch is refused, if it is.
    """

    parsed_rows: int
    accepted: pd.DataFrame
    outcomes: pd.DataFrame
    quarantine: pd.DataFrame
    quarantined_rows: int
    reasons: Mapping[str, int]
    extra_columns: tuple[str, ...]
    unreadable_targets: int
    refused: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A declaration and its schema, ready to check batches. `schema` may or may not name the hidden columns."""

    spec: ModelSpec
    schema: DataFrameSchema
    visible: DataFrameSchema = field(init=False, repr=False)
    """The schema of validated rows."""
    remaining: DataFrameSchema | None = field(init=False, repr=False)
    """The part of it that is about more than single values."""

    def __post_init__(self) -> None:
        visible = without_columns(self.schema, self.spec.hidden_columns, event_time=self.spec.event_time)
        object.__setattr__(self, "visible", visible)
        object.__setattr__(self, "remaining", remaining_rules(visible))

    @classmethod
    def of(cls, spec: ModelSpec) -> Contract:
        """The contract of a declaration, its schema looked up."""
        return cls(spec=spec, schema=load_schema(spec))

    def columns(self) -> dict[str, str]:
        """Name and type of the columns of validated rows, as far as the schema tells."""
        named = {str(name): str(column.dtype or "object") for name, column in self.visible.columns.items()}
        return {**named, ROW_ID: "str", RESERVED: "bool"}

    def check(self, frames: Sequence[tuple[str, pd.DataFrame]], batch: Batch) -> Accepted:
        """Sorts the rows of a batch into accepted ones and quarantined ones.

        Args:
            frames: Name and content of each file, in order; of rows with the same id the first stays.
            batch: The window in which the event times must lie.

        Raises:
            DeclarationError: a check of the schema crashes, for example because it reads the target.
        """
        frames = [(name, frame.reset_index(drop=True)) for name, frame in frames]
        failures = Failures(sum(len(frame) for _, frame in frames))
        converted = self._converted(frames, failures)
        ids = (
            row_ids(converted, [_key(column) for column in self.spec.row_id])
            if self.spec.row_id
            else row_ids(converted[[name for name in converted.columns if not name.startswith(_KEY)]], ())
        )
        self._check_window(converted, batch, failures)
        self._check_ids(ids, failures)
        checked = self._checked(converted, failures)
        checked = self._without_duplicates(checked, ids, failures)
        return self._accepted(frames, converted, checked, ids, failures)

    def _converted(self, frames: Sequence[tuple[str, pd.DataFrame]], failures: Failures) -> pd.DataFrame:
        """All rows as the schema's types, with the columns of ids and blocks under names of their own."""
        parts: list[pd.DataFrame] = []
        offset = 0
        for _, frame in frames:
            positions = np.arange(offset, offset + len(frame), dtype=np.intp)
            parts.append(self._convert_part(frame, positions, failures))
            offset += len(frame)
        filled = [part for part in parts if len(part)] or parts[:1]
        if not filled:
            return self._convert_part(pd.DataFrame(), np.empty(0, dtype=np.intp), failures)
        return pd.concat(filled, ignore_index=True) if len(filled) > 1 else filled[0]

    def _convert_part(self, frame: pd.DataFrame, positions: NDArray[np.intp], failures: Failures) -> pd.DataFrame:
        self._check_columns(frame, positions, failures)
        answer: dict[str, pd.Series] = {}
        for name, column in self._columns_of(frame.columns).items():
            answer[name] = self._convert_column(name, column, frame, positions, failures)
        for name in (*self.spec.row_id, *([self.spec.reserve.block] if self.spec.reserve.block else [])):
            typed = (
                answer[name] if name in answer else frame.get(name, pd.Series(None, index=frame.index, dtype="object"))
            )
            answer[_key(name)] = as_text(typed)
        return pd.DataFrame(answer, index=pd.RangeIndex(len(frame)))

    def _columns_of(self, names: Iterable[object]) -> dict[str, Column]:
        """The schema's columns, those given by a regular expression looked up among the names of the file."""
        shown = [str(name) for name in names if name not in self.spec.hidden_columns]
        found: dict[str, Column] = {}
        for name, column in self.visible.columns.items():
            if column.regex:
                found |= {other: column for other in shown if re.match(str(name), other) and other not in found}
            else:
                found[str(name)] = column
        return found

    def _required(self) -> list[str]:
        named = [
            str(name)
            for name, column in self.visible.columns.items()
            if column.required and not column.regex and not self.visible.add_missing_columns
        ]
        block = [self.spec.reserve.block] if self.spec.reserve.block else []
        return list(dict.fromkeys([*named, self.spec.event_time, *self.spec.row_id, *block]))

    def _check_columns(self, frame: pd.DataFrame, positions: NDArray[np.intp], failures: Failures) -> None:
        for name in self._required():
            if name not in frame.columns:
                failures.add(positions, column=name, rule="required", reason="missing_column")
        if self.schema.strict is True:
            for name in self._extra(frame.columns):
                failures.add(positions, column=name, rule="strict", reason="extra_column", values=frame[name])

    def _extra(self, names: Iterable[object]) -> list[str]:
        names = [str(name) for name in names]
        known = {*self._columns_of(names), *self._required(), *self.spec.hidden_columns}
        return [name for name in names if name not in known]

    def _convert_column(
        self, name: str, column: Column, frame: pd.DataFrame, positions: NDArray[np.intp], failures: Failures
    ) -> pd.Series:
        dtype = _plain_dtype(column)
        kind: Kind = "other" if dtype is None else kind_of(dtype)
        if name not in frame.columns:
            return read_as(pd.Series(None, index=frame.index, dtype="object"), kind, lenient=True)[0]
        raw = frame[name]
        lenient = bool(column.coerce or self.schema.coerce or self._declared_coerce(name))
        values, bad = read_as(raw, kind, lenient=lenient)
        if kind == "other" and _has_dtype(column) and lenient:
            values, bad = _coerce_other(values, column)
        rule = f"dtype:{column.dtype}"
        if kind == "int" and dtype is not None:
            bad = bad | _beyond(values, dtype)
        _note(failures, bad, positions, raw, column=name, rule=rule, reason="wrong_type")
        if kind == "float":
            infinite = np.isinf(values.to_numpy(dtype=float))
            _note(failures, infinite, positions, raw, column=name, rule="finite", reason="not_finite")
        categories = listed_categories(dtype)
        if categories is not None:
            unseen = (values.notna() & ~values.isin(categories)).to_numpy()
            _note(failures, unseen, positions, raw, column=name, rule="categories", reason="unseen_category")
        if name != self.spec.event_time and _needs_value(column, kind, dtype):
            missing = values.isna().to_numpy() & ~bad
            _note(failures, missing, positions, raw, column=name, rule="not_nullable", reason="missing_value")
        return values

    def _declared_coerce(self, name: str) -> bool:
        declared = self.schema.columns.get(name)
        return bool(declared is not None and declared.coerce)

    def _check_window(self, converted: pd.DataFrame, batch: Batch, failures: Failures) -> None:
        times = converted[self.spec.event_time]
        unknown = times.isna().to_numpy() & ~failures.failed
        outside = ((times < batch.start) | (times >= batch.end)).to_numpy()
        name = self.spec.event_time
        failures.add(np.flatnonzero(unknown), column=name, rule="not_nullable", reason="missing_event_time")
        rule = f"[{batch.start:%Y-%m-%dT%H:%MZ}, {batch.end:%Y-%m-%dT%H:%MZ})"
        failures.add(np.flatnonzero(outside), column=name, rule=rule, reason="outside_window", values=times[outside])

    def _check_ids(self, ids: pd.Series, failures: Failures) -> None:
        missing = ids.isna().to_numpy() & ~failures.failed
        failures.add(np.flatnonzero(missing), column=_names(self.spec.row_id), rule="row_id", reason="missing_value")

    def _checked(self, converted: pd.DataFrame, failures: Failures) -> pd.DataFrame:
        """The rows that respect the schema by pandera's own word, as the types of the schema."""
        shown = [name for name in converted.columns if not name.startswith(_KEY)]
        present = converted.loc[~failures.failed, shown]
        columns = self._columns_of(shown)
        rows = pd.DataFrame({name: _as_declared(present[name], columns[name]) for name in shown}, index=present.index)
        for name, column in columns.items():
            if is_plain(column):
                self._check_values(rows[name], column, failures)
        rows = rows[~failures.failed[rows.index.to_numpy()]]
        return rows if self.remaining is None or rows.empty else self._validated(rows, self.remaining, failures)

    def _check_values(self, values: pd.Series, column: Column, failures: Failures) -> None:
        for check in column.checks:
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

    def _validated(self, rows: pd.DataFrame, schema: DataFrameSchema, failures: Failures) -> pd.DataFrame:
        """Rows that pass rules about whole columns and rows; each pass takes out those that do not."""
        from pandera.errors import SchemaErrors

        for _ in range(_MAX_PASSES):
            try:
                return schema.validate(rows, lazy=True)
            except SchemaErrors as errors:
                for error in errors.schema_errors:
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

    def _without_duplicates(self, rows: pd.DataFrame, ids: pd.Series, failures: Failures) -> pd.DataFrame:
        mine = ids[rows.index]
        again = mine.duplicated(keep="first").to_numpy()
        positions = rows.index.to_numpy(dtype=np.intp)[again]
        column = _names(self.spec.row_id)
        failures.add(positions, column=column, rule="unique", reason="duplicated_id", values=mine[again])
        return rows[~again]

    def _accepted(
        self,
        frames: Sequence[tuple[str, pd.DataFrame]],
        converted: pd.DataFrame,
        rows: pd.DataFrame,
        ids: pd.Series,
        failures: Failures,
    ) -> Accepted:
        positions = rows.index.to_numpy(dtype=np.intp)
        frame = rows.copy()
        frame = frame.assign(**{name: frame[name].astype("object") for name in frame.select_dtypes("category")})
        frame[ROW_ID] = ids[positions]
        block = self.spec.reserve.block
        lots = frame[ROW_ID] if block is None else converted.loc[positions, _key(block)].fillna(frame[ROW_ID])
        frame[RESERVED] = is_reserved(lots, self.spec.reserve.share)
        targets, unreadable = read_targets([frame for _, frame in frames], self.spec, self.schema)
        outcomes = frame[[ROW_ID, self.spec.event_time]].assign(**{self.spec.target.column: targets.iloc[positions]})
        order = frame.sort_values([self.spec.event_time, ROW_ID], kind="stable").index
        quarantined = int(failures.failed.sum())
        sizes = [len(part) for _, part in frames]
        numbers = [np.arange(1, size + 1, dtype=np.int64) for size in sizes]
        return Accepted(
            parsed_rows=failures.rows,
            accepted=frame.loc[order].reset_index(drop=True),
            outcomes=outcomes.loc[order].reset_index(drop=True),
            quarantine=failures.frame(
                ids=ids,
                numbers=np.concatenate([*numbers, np.empty(0, dtype=np.int64)]),
                files=[name for name, _ in frames],
                file_of=np.repeat(np.arange(len(frames), dtype=np.intp), sizes),
            ),
            quarantined_rows=quarantined,
            reasons=failures.reasons(),
            extra_columns=tuple(dict.fromkeys(name for _, part in frames for name in self._extra(part.columns))),
            unreadable_targets=int(unreadable[positions].sum()),
            refused=self._refusal(failures.rows, quarantined, failures.reasons()),
        )

    def _refusal(self, parsed: int, quarantined: int, reasons: Mapping[str, int]) -> str | None:
        if parsed == 0:
            return "the batch holds no rows"
        tolerance = self.spec.quarantine.tolerance
        if quarantined == parsed:
            tolerated = "nothing is left of the batch"
        elif quarantined / parsed > tolerance:
            tolerated = f"quarantine.tolerance is {tolerance:.1%}"
        else:
            return None
        why = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
        return f"{quarantined} of {parsed} rows ({quarantined / parsed:.1%}) are in quarantine and {tolerated}: {why}"


_KEY = "\0key:"
"""Prefix of the texts from which ids and blocks are made; no column of a file can begin with it."""


def _key(column: str) -> str:
    return _KEY + column


def _names(columns: Sequence[str]) -> str:
    return ", ".join(columns) or ROW_ID


def _as_declared(values: pd.Series, column: Column) -> pd.Series:
    """Converted values as the type of their column; where an optional column is missing its type must allow that."""
    declared: Any = column.dtype
    dtype: Any = _plain_dtype(column)
    kind: Kind = "other" if dtype is None else kind_of(declared.type)
    if kind == "other" or (kind == "string" and not isinstance(dtype, pd.StringDtype)):
        return values
    if kind == "datetime":
        zone = dtype.tz if isinstance(dtype, pd.DatetimeTZDtype) else None
        return values.dt.tz_convert(zone).astype(declared.type)
    if kind in ("int", "bool") and isinstance(dtype, np.dtype) and values.isna().any():
        return values
    return values.astype(declared.type)


def _plain_dtype(column: Column) -> Any:
    """numpy's or pandas' type of a column; None where the schema gives none."""
    return getattr(column.dtype, "type", None)


def _has_dtype(column: Column) -> bool:
    dtype: Any = column.dtype  # None where the schema gives no type, which its annotation does not tell
    return dtype is not None


def _needs_value(column: Column, kind: Kind, dtype: Any) -> bool:
    """Whether a missing value fails: it is not allowed, or the type has no room for it."""
    if column.default is not None:
        return False
    return not column.nullable or (kind in ("int", "bool") and isinstance(dtype, np.dtype))


def _beyond(values: pd.Series, dtype: Any) -> NDArray[np.bool_]:
    limits = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
    if limits.bits == 64 and limits.min < 0:
        return np.zeros(len(values), dtype=bool)
    known = values.fillna(0)
    return ((known < limits.min) | (known > min(limits.max, 2**63 - 1))).to_numpy(dtype=bool)


def _coerce_other(values: pd.Series, column: Column) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Types of pandera's own (decimals, dates, user types): by their own coercion."""
    from pandera.errors import ParserError

    bad = np.zeros(len(values), dtype=bool)
    plain = values.astype("object")
    try:
        return column.dtype.try_coerce(plain), bad
    except ParserError as error:
        bad[error.failure_cases["index"].dropna().to_numpy(dtype=np.intp)] = True
    try:
        return column.dtype.try_coerce(plain[~bad]).reindex(values.index), bad
    except ParserError:
        return plain, plain.notna().to_numpy()


def _note(
    failures: Failures,
    mask: NDArray[np.bool_],
    positions: NDArray[np.intp],
    raw: pd.Series,
    *,
    column: str,
    rule: str,
    reason: str,
) -> None:
    if mask.any():
        failures.add(positions[mask], column=column, rule=rule, reason=reason, values=raw[mask])


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
    said = cases.iloc[0, 0] if isinstance(cases, pd.DataFrame) else cases
    hidden = ", ".join(spec.hidden_columns)
    return (
        f"of model '{spec.name}': the check {error.check}{of} crashed: {said}; "
        f"note that {hidden} are split off before the checks"
    )


__all__ = ["RESERVED", "ROW_ID", "UTC_TIME", "Accepted", "Contract", "as_schema", "compile_schema"]
