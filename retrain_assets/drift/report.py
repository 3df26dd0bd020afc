"""What the comparison of a batch with its reference found: a verdict with its reason for each column and for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from retrain_assets.data.small_tables import rows_of, table_of_rows
from retrain_assets.drift.measures import Change
from retrain_assets.drift.read_only import ReadOnly

ColumnVerdict = Literal["drift", "stable", "unknown"]
TableVerdict = Literal["drift", "stable", "unknown", "not_applicable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """One column: has its distribution moved? `before` and `after` describe both sides in a few words.

    `aspect` is what has changed most by chance's measure: location, spread, shape, missing, novel or infinite
    values. `p_value` is that of the column by itself, `adjusted_p_value` over all columns, and of a number that is
    judged together with others by the part of its level that it has kept. All are None where the two sides cannot be
    compared; the verdict is then `unknown`. `scores` are all distances, where they were asked for; `importance` is how
    much the column matters to the model, where it was told. `evidence` is what this and earlier checks add up to, where
    checks follow each other (see `retrain_assets.drift.accumulation`). `rows_of` is the batch whose rows were compared,
    where it is not the batch of the report: that of the newest labels. `score_errors` says how far each distance of the
    rows may be from the one in `scores`, which is of profiles; None where no bound is known. `measures` are both sides
    as numbers, where they were made from profiles; the table does not keep them.
    """

    name: str
    kind: str
    distance: str
    score: float | None
    floor: float
    p_value: float | None
    verdict: ColumnVerdict
    reason: str
    before: str
    after: str
    aspect: str | None = None
    adjusted_p_value: float | None = None
    evidence: float | None = None
    importance: float | None = None
    rows_of: str | None = None
    scores: Mapping[str, float] = field(default_factory=ReadOnly[str, float], hash=False)
    score_errors: Mapping[str, float | None] = field(default_factory=ReadOnly[str, "float | None"], hash=False)
    measures: Change | None = field(default=None, compare=False)


def by_harm(column: ColumnDrift) -> tuple[bool, bool, float, str]:
    """Order of columns: the drifted ones first, then by the score times the importance where that is known."""
    weight = 1.0 if column.importance is None else column.importance
    return column.verdict != "drift", column.score is None, -(column.score or 0.0) * weight, column.name


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """A batch against the reference of a champion; `not_applicable` while there is no champion.

    `score` is the mean score of the most distant columns: as many of the compared ones as must drift for the table to
    drift. It grows with the score of every column, one column's jitter moves it by a fraction, and columns that stay
    as they are do not dilute it.
    """

    model: str
    batch: str
    champion_version: int | None
    verdict: TableVerdict
    reason: str
    score: float | None
    columns: tuple[ColumnDrift, ...]

    @property
    def evidence(self) -> dict[str, float]:
        """By column, what the checks until now add up to."""
        return {column.name: column.evidence for column in self.columns if column.evidence is not None}

    @property
    def distances(self) -> dict[str, float]:
        """Of the columns that have drifted, by name."""
        return {c.name: c.score for c in self.columns if c.verdict == "drift" and c.score is not None}

    @property
    def drifted(self) -> tuple[str, ...]:
        """Names of the drifted columns, what can hurt most first."""
        return tuple(column.name for column in self.ranked if column.verdict == "drift")

    @property
    def ranked(self) -> tuple[ColumnDrift, ...]:
        """The columns, what can hurt first: see `by_harm`."""
        return tuple(sorted(self.columns, key=by_harm))

    def to_frame(self) -> pd.DataFrame:
        """The `drift_report` table: the verdict on the whole in the row with the column '', then one row a column."""
        whole = {"column": "", "verdict": self.verdict, "reason": self.reason, "score": self.score}
        rows = [whole, *({name: getattr(column, field) for name, field in _FIELDS.items()} for column in self.columns)]
        identity = (self.model, self.batch, self.champion_version)
        cells = [(*identity, *(_written(name, row.get(name)) for name in _FIELDS)) for row in rows]
        return table_of_rows(cells, _TABLE)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, model: str | None = None, batch: str | None = None) -> DriftReport:
        """Reads what `to_frame` wrote, in any order of the rows; other columns are ignored.

        Args:
            frame: the rows of one report.
            model: its model; by default as written.
            batch: its batch; by default as written.

        Raises:
            ValueError: the row of the whole is not there exactly once.
        """
        own = [name for name, of in (("model", model), ("batch", batch)) if of is None]
        columns = [name for name in (*own, "champion_version", *_FIELDS) if name in frame or name not in _LATER]
        rows = list(rows_of(frame, columns))
        wholes = [row for row in rows if row["column"] == ""]
        if len(wholes) != 1:
            raise ValueError(f"a drift report must have one row with the column '' (got {len(wholes)})")
        whole = wholes[0]
        version = whole["champion_version"]
        return cls(
            model=whole["model"] if model is None else model,
            batch=whole["batch"] if batch is None else batch,
            champion_version=None if pd.isna(version) else int(version),
            verdict=whole["verdict"],
            reason=whole["reason"],
            score=_number(whole["score"]),
            columns=tuple(
                ColumnDrift(**{field: _read(name, row.get(name)) for name, field in _FIELDS.items()})
                for row in rows
                if row["column"] != ""
            ),
        )


_TABLE = {
    "model": "object",
    "batch": "object",
    "champion_version": "Int64",
    "column": "object",
    "kind": "object",
    "distance": "object",
    "score": "float64",
    "floor": "float64",
    "p_value": "float64",
    "adjusted_p_value": "float64",
    "evidence": "float64",
    "aspect": "object",
    "importance": "float64",
    "verdict": "object",
    "reason": "object",
    "before": "object",
    "after": "object",
    "rows_of": "object",
}
_LATER = ("importance", "rows_of")
"""Columns that a report of an earlier version of this package does not have."""


_FIELDS = {name: "name" if name == "column" else name for name in list(_TABLE)[3:]}
"""Columns of the table that are fields of a `ColumnDrift`, by their names there."""
_TEXTS = ("kind", "distance", "before", "after", "aspect", "rows_of")
"""Empty where there is nothing to say."""


def _written(name: str, value: Any) -> Any:
    return "" if value is None and name in _TEXTS else value


def _read(name: str, value: Any) -> Any:
    if name in ("aspect", "rows_of"):
        return value or None
    return _number(value) if _TABLE[name] == "float64" else value


def _number(value: float | None) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
