"""`evaluation_report`: candidate, champion and baseline on the same reserved rows, with paired differences."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import pandas as pd

from retrain_assets.data.small_tables import rows_of, table_of_rows
from retrain_assets.performance.intervals import MetricEstimate
from retrain_assets.promotion.measures import KINDS, Measure

Role = Literal["candidate", "champion", "baseline", "earlier"]
Unit = Literal["rows", "batches", "entities"]
Scope = Literal["reserved", "newer"]

ROLES: tuple[Role, ...] = ("candidate", "champion", "baseline")
PAIRS: tuple[tuple[Role, Role], ...] = (
    ("candidate", "champion"),
    ("candidate", "baseline"),
    ("champion", "baseline"),
)
ENOUGH_BATCHES = ENOUGH_UNITS = 8
"""From so many batches on whole batches are resampled; fewer make too few different resamples for an interval. Of so
many declared entities there must be at least: from fewer no difference is known."""

COLUMN_TYPES = {
    "attempt": "int64", "role": "object", "version": "Int64", "metric": "object", "scope": "object",
    "value": "float64", "lower": "float64", "upper": "float64", "standard_error": "float64",
    "rows": "int64", "rows_newer_than_both": "int64", "batches": "object", "confidence": "float64",
    "resampled": "object", "passed": "boolean", "applicable": "boolean", "reason": "object",
}  # fmt: skip
"""Columns of the `evaluation_report` table; the rows of the gates stand in it too, with role `gate`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleEvaluation:
    """One model of the comparison; the baseline has no version. Earlier champions share a role."""

    role: Role
    version: int | None
    metrics: tuple[MetricEstimate, ...]

    @property
    def label(self) -> str:
        """The name of the model in series, where each has one of its own."""
        return f"{self.role}_v{self.version}" if self.role == "earlier" else self.role

    def metric(self, name: str) -> MetricEstimate:
        """The estimate of a metric.

        Raises:
            KeyError: it was not measured.
        """
        for estimate in self.metrics:
            if estimate.metric == name:
                return estimate
        raise KeyError(f"{name!r} was not measured for the {self.role}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """Mean of loss(a) - loss(b) over the same rows, with its interval: negative = `a` is better.

    `scope` is `reserved` for all rows of the report, `newer` for those newer than what either model was trained on.
    `version` tells earlier champions apart.
    """

    a: Role
    b: Role
    metric: str
    value: float
    lower: float
    upper: float
    rows: int
    scope: Scope = "reserved"
    version: int | None = None

    @property
    def label(self) -> str:
        """Both sides in words."""
        return f"{self.a}{f' v{self.version}' if self.version else ''} - {self.b}"


def differences_in(evidence: Mapping[str, Any]) -> tuple[PairedDifference, ...]:
    """Those with which a promotion was made, or persons were asked; none of a record without an evaluation."""
    return tuple(PairedDifference(**each) for each in evidence.get("differences", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """`evaluation_report`: the evidence for or against a candidate.

    `resampled` tells what the bootstrap of the differences drew: single rows, or whole batches where there are at least
    `ENOUGH_BATCHES` of them, or declared entities. There is no difference where fewer than two rows carry it.
    """

    model: str
    batch: str
    attempt: int
    metric: str
    rows: int
    batches: tuple[str, ...]
    rows_newer_than_both: int
    confidence: float
    resampled: Unit
    roles: tuple[RoleEvaluation, ...]
    differences: tuple[PairedDifference, ...]
    measures: tuple[Measure, ...] = ()

    def role(self, name: Role) -> RoleEvaluation | None:
        """One model of the comparison; None where it took no part."""
        return next((role for role in self.roles if role.role == name), None)

    @property
    def kind_of_rows(self) -> str:
        """Which rows judged: none that a model was fitted on."""
        if not self.rows_newer_than_both:
            return "reserved rows"
        whole = self.rows_newer_than_both == self.rows
        return f"{'' if whole else 'reserved rows and '}rows newer than all training"

    @property
    def earlier(self) -> tuple[RoleEvaluation, ...]:
        """The earlier champions."""
        return tuple(role for role in self.roles if role.role == "earlier")

    def difference(
        self, a: Role, b: Role, scope: Scope = "reserved", *, version: int | None = None
    ) -> PairedDifference | None:
        """The paired difference of two models; None where there is none. Of an earlier champion, by its version."""
        wanted = (a, b, scope, version)
        found = (pair for pair in self.differences if (pair.a, pair.b, pair.scope, pair.version) == wanted)
        return next(found, None)

    def to_frame(self) -> pd.DataFrame:
        """One row for each model and metric, and one for each paired difference."""
        shared = {
            "attempt": self.attempt,
            "rows_newer_than_both": self.rows_newer_than_both,
            "batches": json.dumps(self.batches),
            "confidence": self.confidence,
            "resampled": self.resampled,
        }
        rows: list[dict[str, Any]] = [
            {
                **shared, "role": role.role, "version": role.version, "scope": "reserved",
                "metric": made.metric, "value": made.value, "lower": made.lower, "upper": made.upper,
                "standard_error": made.standard_error, "rows": made.rows,
            }
            for role in self.roles for made in role.metrics
        ]  # fmt: skip
        rows += [
            {
                **shared, "role": f"{pair.a}-{pair.b}", "scope": pair.scope, "metric": pair.metric,
                "value": pair.value, "lower": pair.lower, "upper": pair.upper, "rows": pair.rows,
                "version": pair.version,
            }
            for pair in self.differences
        ]  # fmt: skip
        rows += [{**shared, **measure.to_row()} for measure in self.measures]
        return report_frame(rows)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, model: str, batch: str, attempt: int | None = None) -> EvaluationReport:
        """The report of an attempt (the latest by default) from its rows of the table.

        Raises:
            ValueError: no row of that attempt.
        """
        chosen = frame["attempt"].max() if attempt is None else attempt
        own = frame[frame["attempt"] == chosen]
        records = list(rows_of(own, [str(name) for name in own.columns]))
        models = [row for row in records if row["role"] in (*ROLES, "earlier")]
        if not models:
            raise ValueError(f"the table holds no evaluation of {model} {batch} attempt {attempt}")
        first = models[0]
        return cls(
            model=model,
            batch=batch,
            attempt=int(first["attempt"]),
            metric=str(first["metric"]),
            rows=int(first["rows"]),
            batches=tuple(json.loads(first["batches"])),
            rows_newer_than_both=int(first["rows_newer_than_both"]),
            confidence=float(first["confidence"]),
            resampled=first["resampled"],
            roles=_roles(models),
            differences=tuple(_difference(row) for row in records if "-" in row["role"]),
            measures=tuple(Measure.from_row(row) for row in records if row["role"] in KINDS),
        )


def report_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of the `evaluation_report` table, in its columns and types."""
    return table_of_rows([[row.get(name, math.nan) for name in COLUMN_TYPES] for row in rows], COLUMN_TYPES)


def _roles(rows: Sequence[Mapping[str, Any]]) -> tuple[RoleEvaluation, ...]:
    """The models in the order of their roles, earlier champions in that of the rows."""
    own: dict[tuple[Role, int | None], list[Mapping[str, Any]]] = {}
    for row in rows:
        own.setdefault((row["role"], None if pd.isna(row["version"]) else int(row["version"])), []).append(row)
    order = [*ROLES, "earlier"]
    return tuple(_role(*key, own[key]) for key in sorted(own, key=lambda each: order.index(each[0])))


def _role(name: Role, version: int | None, own: Sequence[Mapping[str, Any]]) -> RoleEvaluation:
    return RoleEvaluation(
        role=name,
        version=version,
        metrics=tuple(
            MetricEstimate(
                metric=str(row["metric"]),
                value=_number(row["value"]),
                lower=_number(row["lower"]),
                upper=_number(row["upper"]),
                standard_error=_number(row["standard_error"]),
                rows=int(row["rows"]),
            )
            for row in own
        ),
    )


def _difference(row: Mapping[str, Any]) -> PairedDifference:
    a, _, b = str(row["role"]).partition("-")
    return PairedDifference(
        a=cast(Role, a),
        b=cast(Role, b),
        metric=str(row["metric"]),
        value=float(row["value"]),
        lower=float(row["lower"]),
        upper=float(row["upper"]),
        rows=int(row["rows"]),
        scope=row["scope"],
        version=None if pd.isna(row["version"]) else int(row["version"]),
    )


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
