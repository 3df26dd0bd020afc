"""The rows of files read as the types of a schema; what cannot be read is noted row by row."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retrain_assets.data.conversion import Kind, kind_of, read_as, with_point
from retrain_assets.data.failures import Failures
from retrain_assets.data.personal import has_personal_ids, pseudonyms
from retrain_assets.data.row_ids import as_text, ids_of_texts, row_ids
from retrain_assets.data.schemas import listed_categories
from retrain_assets.spec import ModelSpec, decimal_mark

if TYPE_CHECKING:
    from pandera.pandas import Column, DataFrameSchema

_KEY = "\0key:"


def key_of(column: str) -> str:
    """Name of the column with the texts from which ids or blocks are made; no column of a file can have it."""
    return _KEY + column


def is_key(name: str) -> bool:
    """Whether a column was made by `key_of`."""
    return name.startswith(_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReader:
    """Reads rows by the `visible` part of a user's `schema`: without target and leaks, the event time in UTC."""

    spec: ModelSpec
    schema: DataFrameSchema
    visible: DataFrameSchema

    def ids(self, frames: Sequence[tuple[str, pd.DataFrame]]) -> pd.Series:
        """The ids of all rows; where columns are named for them, nothing else is converted."""
        unused = Failures(sum(len(frame) for _, frame in frames))
        return self.ids_of(self.read(frames, unused, only=self.spec.row_id or None))

    def ids_of(self, converted: pd.DataFrame) -> pd.Series:
        """The ids of rows that were read."""
        texts = [converted[key_of(name)] for name in self.spec.row_id]
        shown = [name for name in converted.columns if not is_key(name)]
        ids = ids_of_texts(texts) if texts else row_ids(converted[shown], ())
        return pseudonyms(ids) if has_personal_ids(self.spec) else ids

    def read(
        self,
        frames: Sequence[tuple[str, pd.DataFrame]],
        failures: Failures,
        *,
        only: Collection[str] | None = None,
    ) -> pd.DataFrame:
        """All rows as the schema's types, with the columns of ids and blocks under names of their own.

        With `only`, those of the schema's columns.
        """
        parts: list[pd.DataFrame] = []
        offset = 0
        for _, frame in frames:
            positions = np.arange(offset, offset + len(frame), dtype=np.intp)
            parts.append(self._convert_part(frame, positions, failures, only))
            offset += len(frame)
        filled = [part for part in parts if len(part)] or parts[:1]
        if not filled:
            return self._convert_part(pd.DataFrame(), np.empty(0, dtype=np.intp), failures, only)
        return pd.concat(filled, ignore_index=True) if len(filled) > 1 else filled[0]

    def _convert_part(
        self, frame: pd.DataFrame, positions: NDArray[np.intp], failures: Failures, only: Collection[str] | None
    ) -> pd.DataFrame:
        self._check_columns(frame, positions, failures)
        answer: dict[str, pd.Series] = {}
        for name, column in self.columns_of(frame.columns).items():
            if only is not None and name not in only:
                continue
            answer[name] = self._convert_column(name, column, frame, positions, failures)
        for name in (*self.spec.row_id, *([self.spec.reserve.block] if self.spec.reserve.block else [])):
            typed = (
                answer[name] if name in answer else frame.get(name, pd.Series(None, index=frame.index, dtype="object"))
            )
            answer[key_of(name)] = as_text(typed)
        # Without a copy: nobody writes to it, and what becomes of the rows is made from its columns.
        return pd.DataFrame(answer, index=pd.RangeIndex(len(frame)), copy=False)

    def columns_of(self, names: Iterable[object]) -> dict[str, Column]:
        """The schema's columns, those given by a regular expression looked up among the names of the file.

        And among the declared inputs: what `features.columns` names is a column whether or not a file has it.
        """
        shown = [str(name) for name in names if name not in self.spec.hidden_columns]
        inputs = self.spec.features.columns if self.spec.features.transform is None else None
        shown += [name for name in inputs or () if name not in shown]
        found: dict[str, Column] = {}
        for name, column in self.visible.columns.items():
            if column.regex:
                found |= {other: column for other in shown if re.match(str(name), other) and other not in found}
            else:
                found[str(name)] = column
        return found

    def required(self) -> list[str]:
        """Names of the columns that every file must have."""
        named = [
            name
            for name, column in self.columns_of(()).items()
            if column.required and not self.visible.add_missing_columns
        ]
        block = [self.spec.reserve.block] if self.spec.reserve.block else []
        return list(dict.fromkeys([*named, self.spec.event_time, *self.spec.row_id, *block]))

    def _unmatched(self, names: Iterable[object]) -> list[str]:
        """Regular expressions of which at least one column must be there, as pandera has it, and none is."""
        shown, asked = [str(name) for name in names], self.visible.columns.items()
        if self.visible.add_missing_columns:
            return []
        return [
            str(name)
            for name, column in asked
            if column.regex and column.required and not any(re.match(str(name), other) for other in shown)
        ]

    def _check_columns(self, frame: pd.DataFrame, positions: NDArray[np.intp], failures: Failures) -> None:
        for name in (*self.required(), *self._unmatched(frame.columns)):
            if name not in frame.columns:
                failures.add(positions, column=name, rule="required", reason="missing_column")
        if self.schema.strict is True:
            for name in self.unknown_columns(frame.columns):
                failures.add(positions, column=name, rule="strict", reason="extra_column", values=frame[name])

    def unknown_columns(self, names: Iterable[object]) -> list[str]:
        """Columns of a file that neither the schema nor the declaration names."""
        names = [str(name) for name in names]
        known = {*self.columns_of(names), *self.required(), *self.spec.hidden_columns}
        return [name for name in names if name not in known]

    def _convert_column(
        self, name: str, column: Column, frame: pd.DataFrame, positions: NDArray[np.intp], failures: Failures
    ) -> pd.Series:
        dtype = plain_dtype(column)
        kind: Kind = "other" if dtype is None else kind_of(dtype)
        if name not in frame.columns:
            return read_as(pd.Series(None, index=frame.index, dtype="object"), kind, lenient=True)[0]
        raw = frame[name]
        lenient = bool(column.coerce or self.schema.coerce or self._declared_coerce(name))
        decimal = decimal_mark(self.spec.source)
        values, bad = read_as(
            with_point(raw, decimal) if _is_exact(column) else raw, kind, lenient=lenient, decimal=decimal
        )
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


def plain_dtype(column: Column) -> Any:
    """numpy's or pandas' type of a column; None where the schema gives none."""
    return getattr(column.dtype, "type", None)


def _has_dtype(column: Column) -> bool:
    dtype: Any = column.dtype  # None where the schema gives no type, which its annotation does not tell
    return dtype is not None


def _is_exact(column: Column) -> bool:
    """Whether it holds numbers of a type of pandera's own, which are read as a text with a point."""
    from pandera.dtypes import Decimal

    return isinstance(column.dtype, Decimal)


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
