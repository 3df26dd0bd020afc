"""The contract of a model with its source: which rows of a batch are accepted, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retrain_assets.data.conversion import Kind
from retrain_assets.data.failures import Failures
from retrain_assets.data.reserved import is_reserved
from retrain_assets.data.row_ids import ROW_ID
from retrain_assets.data.row_reading import RowReader, is_key, key_of
from retrain_assets.data.rules import Rules
from retrain_assets.data.schemas import (
    as_schema,
    compile_schema,
    load_schema,
    remaining_rules,
    without_columns,
)
from retrain_assets.data.targets import read_targets, unreadable_values
from retrain_assets.data.time_order import time_order
from retrain_assets.data.windows import Batch
from retrain_assets.spec import ModelSpec

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

RESERVED = "ra_reserved"
"""Column that tells whether a row is reserved."""
_NAMED = 5
"""Most columns that a refusal names for one reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of the rows of a batch: `parsed_rows` = rows of `accepted` + `quarantined_rows`.

    `accepted` holds the schema's columns without the target and the leaks, `ra_row_id` and `ra_reserved`, by event time
    and id. `outcomes`, where it was asked for, holds id, event time and target of the same rows; a target that could
    not be read is null and counted in `unreadable_targets`, and `unreadable_values` shows the first of them. `reasons`
    counts rows. `refused` tells why the whole batch is refused, if it is. `ids` are those of all parsed rows, in the
    order of the files.
    """

    parsed_rows: int
    ids: pd.Series
    accepted: pd.DataFrame
    outcomes: pd.DataFrame
    quarantine: pd.DataFrame
    quarantined_rows: int
    reasons: Mapping[str, int]
    extra_columns: tuple[str, ...]
    unreadable_targets: int
    unreadable_values: tuple[str, ...]
    refused: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A declaration and its schema, ready to check batches. `schema` may or may not name the hidden columns."""

    spec: ModelSpec
    schema: DataFrameSchema
    visible: DataFrameSchema = field(init=False, repr=False)
    """The schema of validated rows."""
    reader: RowReader = field(init=False, repr=False)
    rules: Rules = field(init=False, repr=False)

    def __post_init__(self) -> None:
        visible = without_columns(self.schema, self.spec.hidden_columns, event_time=self.spec.event_time)
        object.__setattr__(self, "visible", visible)
        object.__setattr__(self, "reader", RowReader(spec=self.spec, schema=self.schema, visible=visible))
        object.__setattr__(self, "rules", Rules(spec=self.spec, remaining=remaining_rules(visible)))

    @classmethod
    def of(cls, spec: ModelSpec) -> Contract:
        """The contract of a declaration, its schema looked up."""
        return cls(spec=spec, schema=load_schema(spec))

    def columns(self) -> dict[str, str]:
        """Name and type of the columns of validated rows, as far as the schema tells."""
        named = {str(name): str(column.dtype or "object") for name, column in self.visible.columns.items()}
        return {**named, ROW_ID: "str", RESERVED: "bool"}

    def check(
        self,
        frames: Sequence[tuple[str, pd.DataFrame]],
        batch: Batch,
        *,
        target_kind: Kind | None = None,
        targets: bool = True,
    ) -> Accepted:
        """Sorts the rows of a batch into accepted ones and quarantined ones.

        Args:
            frames: Name and content of each file, in order; of rows with the same id the first stays.
            batch: The window in which the event times must lie.
            target_kind: What the targets are read as; by default what these rows suggest.
            targets: Whether they are wanted; else `outcomes` is empty.

        Raises:
            DeclarationError: a check of the schema crashes, for example because it reads the target.
        """
        frames = [(name, frame.reset_index(drop=True)) for name, frame in frames]
        failures = Failures(sum(len(frame) for _, frame in frames), frozenset(self.spec.personal_columns))
        converted = self.reader.read(frames, failures)
        shown = [name for name in converted.columns if not is_key(name)]
        ids = self.reader.ids_of(converted)
        self._check_window(converted, batch, failures)
        self._check_ids(ids, failures)
        passing = self.rules.passing(converted, self.reader.columns_of(shown), failures)
        kept = self._without_duplicates(passing, ids, failures)
        raw = [frame for _, frame in frames]
        read = read_targets(raw, self.spec, self.schema, kind=target_kind) if targets else None
        return self._accepted(frames, converted, kept, ids, failures, read)

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

    def _without_duplicates(self, rows: pd.DataFrame, ids: pd.Series, failures: Failures) -> pd.DataFrame:
        mine = ids[rows.index]
        again = mine.duplicated(keep="first").to_numpy()
        positions = rows.index.to_numpy(dtype=np.intp)[again]
        column = _names(self.spec.row_id)
        failures.add(positions, column=column, rule="unique", reason="duplicated_id", values=mine[again])
        return rows[~again] if again.any() else rows

    def _accepted(
        self,
        frames: Sequence[tuple[str, pd.DataFrame]],
        converted: pd.DataFrame,
        rows: pd.DataFrame,
        ids: pd.Series,
        failures: Failures,
        read: tuple[pd.Series, NDArray[np.bool_]] | None,
    ) -> Accepted:
        positions = rows.index.to_numpy(dtype=np.intp)
        mine = ids[positions]
        order = np.asarray(time_order(rows[self.spec.event_time], mine), dtype=np.intp)
        accepted = rows.take(order)
        accepted.index = pd.RangeIndex(len(order))
        for name in accepted.select_dtypes("category"):
            accepted[name] = accepted[name].astype("object")
        positions = positions[order]
        accepted[ROW_ID] = mine.to_numpy(dtype=object)[order]
        block = self.spec.reserve.block
        lots = accepted[ROW_ID]
        if block is not None:
            lots = converted[key_of(block)].iloc[positions].reset_index(drop=True).fillna(lots)
        accepted[RESERVED] = is_reserved(lots, self.spec.reserve.share)
        quarantined = int(failures.failed.sum())
        sizes = [len(part) for _, part in frames]
        outcomes, unreadable = self._outcomes(accepted, positions, read)
        numbers = [np.arange(1, size + 1, dtype=np.int64) for size in sizes]
        return Accepted(
            parsed_rows=failures.rows,
            ids=ids,
            accepted=accepted,
            outcomes=outcomes,
            quarantine=failures.frame(
                ids=ids,
                numbers=np.concatenate([*numbers, np.empty(0, dtype=np.int64)]),
                files=[name for name, _ in frames],
                file_of=np.repeat(np.arange(len(frames), dtype=np.intp), sizes),
            ),
            quarantined_rows=quarantined,
            reasons=failures.reasons(),
            extra_columns=tuple(
                dict.fromkeys(name for _, part in frames for name in self.reader.unknown_columns(part.columns))
            ),
            unreadable_targets=int(unreadable.sum()),
            unreadable_values=()
            if read is None
            else unreadable_values([part for _, part in frames], self.spec, unreadable),
            refused=self._refusal(quarantined, failures),
        )

    def _outcomes(
        self,
        accepted: pd.DataFrame,
        positions: NDArray[np.intp],
        read: tuple[pd.Series, NDArray[np.bool_]] | None,
    ) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
        """The targets of accepted rows, which lie at some positions, and among all rows those that cannot be read."""
        named = accepted[[ROW_ID, self.spec.event_time]]
        if read is None:
            return named.iloc[:0].assign(**{self.spec.target.column: None}), np.zeros(0, dtype=bool)
        targets, bad = read
        unreadable = np.zeros_like(bad)
        unreadable[positions] = bad[positions]
        return named.assign(**{self.spec.target.column: targets.iloc[positions].array}), unreadable

    def _refusal(self, quarantined: int, failures: Failures) -> str | None:
        parsed = failures.rows
        if parsed == 0:
            return "the batch holds no rows"
        tolerance = self.spec.quarantine.tolerance
        if quarantined == parsed:
            tolerated = "nothing is left of the batch"
        elif quarantined / parsed > tolerance:
            tolerated = f"quarantine.tolerance is {tolerance:.1%}"
        else:
            return None
        columns = failures.columns()
        why = ", ".join(f"{each} {count}{_of(columns[each])}" for each, count in failures.reasons().items())
        return f"{quarantined} of {parsed} rows ({quarantined / parsed:.1%}) are in quarantine and {tolerated}: {why}"


def _of(columns: Sequence[str]) -> str:
    """The columns of a reason, the first of them where they are many; the count before them is of rows."""
    if not columns:
        return ""
    named = ", ".join(name if name.isprintable() else repr(name) for name in columns[:_NAMED])
    more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
    return f" ({named}{more})"


def _names(columns: Sequence[str]) -> str:
    return ", ".join(columns) or ROW_ID


__all__ = ["RESERVED", "ROW_ID", "Accepted", "Contract", "as_schema", "compile_schema"]
