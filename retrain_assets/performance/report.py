"""`performance`: what one version achieved on one batch."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

import pandas as pd

from retrain_assets.data.small_tables import table_of_rows
from retrain_assets.performance.intervals import MetricEstimate

ScoringMode = Literal["served", "backscored", "rescored", "member"]
_NUMBERS = ("value", "lower", "upper", "standard_error")
_TYPES = {
    "version": "int64",
    "mode": "object",
    "label_revision": "int64",
    "metric": "object",
    **dict.fromkeys(_NUMBERS, "float64"),
    "rows": "int64",
    "as_of": "datetime64[us, UTC]",
}
COLUMNS = tuple(_TYPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPerformance:
    """Metrics of one version's scores of a batch, made in one mode, against one revision of its labels.

    `rows` is the number of scored rows with a label.
    """

    model: str
    batch: str
    version: int
    mode: ScoringMode
    label_revision: int
    rows: int
    as_of: datetime
    metrics: tuple[MetricEstimate, ...]

    def metric(self, name: str) -> MetricEstimate:
        """The estimate of a metric.

        Raises:
            KeyError: it was not measured.
        """
        for estimate in self.metrics:
            if estimate.metric == name:
                return estimate
        raise KeyError(f"{name!r} was not measured (measured: {', '.join(m.metric for m in self.metrics)})")

    def to_frame(self) -> pd.DataFrame:
        """One row for each metric."""
        return performance_frame([self])

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, model: str, batch: str) -> tuple[BatchPerformance, ...]:
        """All records of one batch's rows of the table, in the table's order."""
        groups = frame.groupby(["version", "mode", "label_revision", "as_of"], sort=False)
        return tuple(
            cls(
                model=model,
                batch=batch,
                version=int(rows["version"].iloc[0]),
                mode=cast(ScoringMode, str(rows["mode"].iloc[0])),
                label_revision=int(rows["label_revision"].iloc[0]),
                rows=int(rows["rows"].max()),
                as_of=pd.Timestamp(rows["as_of"].iloc[0]).to_pydatetime().astimezone(UTC),
                metrics=tuple(_estimate(row) for row in rows.to_dict("records")),
            )
            for _, rows in groups
        )


def performance_frame(performances: Sequence[BatchPerformance]) -> pd.DataFrame:
    """The `performance` table of one batch: one row for each record and metric, with fixed types also when empty."""
    rows = [
        (
            performance.version,
            performance.mode,
            performance.label_revision,
            estimate.metric,
            *(getattr(estimate, name) for name in _NUMBERS),
            estimate.rows,
            performance.as_of,
        )
        for performance in performances
        for estimate in performance.metrics
    ]
    return table_of_rows(rows, _TYPES)


def _estimate(row: Mapping[Hashable, Any]) -> MetricEstimate:
    numbers = {name: None if pd.isna(row[name]) else float(row[name]) for name in _NUMBERS}
    return MetricEstimate(metric=str(row["metric"]), rows=int(row["rows"]), **numbers)
