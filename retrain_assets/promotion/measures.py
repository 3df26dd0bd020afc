"""What an evaluation measures beside the models' losses: rows of the same table, told apart by their role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pandas as pd

MeasureKind = Literal[
    "change",
    "slice",
    "fairness",
    "calibration",
    "cost",
    "leakage",
    "explanation",
    "robustness",
    "servability",
    "test",
    "recall",
    "worth",
    "ranking",
    "holdout",
    "luck",
    "margin",
    "opponent",
    "unmeasured",
]
KINDS: tuple[MeasureKind, ...] = get_args(MeasureKind)
LEVEL = "confidence"
"""Of the kind `recall`: at what level the differences to an earlier champion are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number of a kind, over all rows or a group of them; `value` None where it is not known.

    `reason` says what a number cannot: why it is not known, or what was compared.
    """

    kind: MeasureKind
    name: str
    value: float | None
    group: str = ""
    lower: float | None = None
    upper: float | None = None
    rows: int = 0
    reason: str = ""

    def to_row(self) -> dict[str, Any]:
        """The row of the `evaluation_report` table."""
        return {
            "role": self.kind,
            "metric": self.name,
            "scope": self.group,
            "value": self.value,
            "lower": self.lower,
            "upper": self.upper,
            "rows": self.rows,
            "reason": self.reason or None,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Measure:
        """The measure of a row of the table."""
        return cls(
            kind=row["role"],
            name=str(row["metric"]),
            group="" if pd.isna(row["scope"]) else str(row["scope"]),
            value=_number(row["value"]),
            lower=_number(row["lower"]),
            upper=_number(row["upper"]),
            rows=int(row["rows"]),
            reason="" if pd.isna(row["reason"]) else str(row["reason"]),
        )


def chosen(measures: Sequence[Measure], kind: MeasureKind, name: str | None = None) -> list[Measure]:
    """The measures of a kind, and of a name where one is given."""
    return [each for each in measures if each.kind == kind and name in (None, each.name)]


def value_of(measures: Sequence[Measure], kind: MeasureKind, name: str) -> float | None:
    """The number of the one measure of that name over all rows; None where there is none, or it is not known."""
    return next((each.value for each in chosen(measures, kind, name) if not each.group), None)


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
