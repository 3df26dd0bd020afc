"""`performance`: what one version achieved on one batch."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

import pandas as pd

from retrain_assets.data.small_tables import table_of_rows
from retrain_assets.performance.intervals import MetricEstimate
from retrain_assets.performance.slice_metrics import SliceMetrics

ScoringMode = Literal["served", "backscored", "rescored", "member"]
_NUMBERS = ("value", "lower", "upper", "standard_error")
_TYPES = {
    "version": "int64",
    "mode": "object",
    "label_revision": "int64",
    "slice": "object",
    "metric": "object",
    **dict.fromkeys(_NUMBERS, "float64"),
    "rows": "int64",
    "as_of": "datetime64[us, UTC]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPerformance:
    """Metrics of one version's scores of a batch, made in one mode, against one revision of its labels.

    `rows` is the number of scored rows with a label; `slices` are parts of them, where the declaration names some.
    """

    model: str
    batch: str
    version: int
    mode: ScoringMode
    label_revision: int
    rows: int
    as_of: datetime
    metrics: tuple[MetricEstimate, ...]
    slices: tuple[SliceMetrics, ...] = ()

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
        """One row for each metric of the whole, and of each slice."""
        return performance_frame([self])

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, model: str, batch: str) -> tuple[BatchPerformance, ...]:
        """All records of one batch's rows of the table, in the table's order.

        Slices that were measured later, for example as they were declared later, belong to the newest measurement of
        the whole before them.
        """
        known, key = with_slices(frame), ["version", "mode", "label_revision"]
        whole = known["as_of"].where(known["slice"] == "")
        known = known.assign(measured=whole.groupby([known[name] for name in key]).ffill())
        groups = known.groupby([*key, "measured"], sort=False)
        return tuple(
            cls(
                model=model,
                batch=batch,
                version=int(rows["version"].iloc[0]),
                mode=cast(ScoringMode, str(rows["mode"].iloc[0])),
                label_revision=int(rows["label_revision"].iloc[0]),
                rows=int(of_whole_batches(rows)["rows"].max()),
                as_of=pd.Timestamp(rows["as_of"].iloc[0]).to_pydatetime().astimezone(UTC),
                metrics=tuple(_estimate(row) for row in of_whole_batches(rows).to_dict("records")),
                slices=_slices(rows.drop_duplicates(["slice", "metric"], keep="last")),
            )
            for _, rows in groups
        )


def of_whole_batches(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the table that are no slice's; partitions of before there were any have no such column, or nulls."""
    if "slice" not in frame:
        return frame
    whole = (frame["slice"].isna() | (frame["slice"] == "")).to_numpy()
    return frame if whole.all() else frame[whole]


def with_slices(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with the column `slice`, empty for whole batches, whenever it was stored."""
    if "slice" not in frame:
        return frame.assign(slice="")
    return frame.assign(slice=frame["slice"].where(frame["slice"].notna(), ""))


def _slices(rows: pd.DataFrame) -> tuple[SliceMetrics, ...]:
    return tuple(
        SliceMetrics(
            name=str(name),
            rows=int(part["rows"].max()),
            metrics=tuple(_estimate(row) for row in part.to_dict("records")),
        )
        for name, part in rows[rows["slice"] != ""].groupby("slice", sort=False)
    )


def performance_frame(performances: Sequence[BatchPerformance]) -> pd.DataFrame:
    """The `performance` table of one batch, with fixed types also when empty.

    One row for each record and metric of the whole batch, whose `slice` is empty, and of each slice.
    """
    rows = [
        (
            performance.version,
            performance.mode,
            performance.label_revision,
            part,
            estimate.metric,
            *(getattr(estimate, name) for name in _NUMBERS),
            estimate.rows,
            performance.as_of,
        )
        for performance in performances
        for part, estimate in _estimates(performance)
    ]
    return table_of_rows(rows, _TYPES)


def _estimates(performance: BatchPerformance) -> Iterator[tuple[str, MetricEstimate]]:
    """Each metric with its slice; that of the whole has no name."""
    yield from (("", estimate) for estimate in performance.metrics)
    yield from ((each.name, estimate) for each in performance.slices for estimate in each.metrics)


def _estimate(row: Mapping[Hashable, Any]) -> MetricEstimate:
    numbers = {name: None if pd.isna(row[name]) else float(row[name]) for name in _NUMBERS}
    return MetricEstimate(metric=str(row["metric"]), rows=int(row["rows"]), **numbers)
