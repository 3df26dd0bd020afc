"""Records of a batch as Dagster metadata: what a person sees on an asset's page and what the UI plots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from retrain_assets.data.exact import EXACT
from retrain_assets.data.stored_schemas import validated_schema
from retrain_assets.orchestration.columns import as_table_schema
from retrain_assets.orchestration.showing import (
    estimate,
    figure,
    interval,
    moment,
    number,
    rounded,
    short,
    shown,
    table,
    version_text,
)
from retrain_assets.performance.slice_metrics import why_unknown

if TYPE_CHECKING:
    from retrain_assets.data.contracts import Contract
    from retrain_assets.drift.report import ColumnDrift
    from retrain_assets.lifecycle.records import (
        Detected,
        Ingested,
        LabelsSettled,
        Measured,
        Profiled,
        Scored,
        Validated,
    )
    from retrain_assets.stores.protocols import Stores, TableCommit

Metadata = Mapping[str, Any]


def of_table(stores: Stores, commit: TableCommit) -> Metadata:
    """Rows, place and version of what was written: the last lines of a page."""
    return {
        "dagster/row_count": commit.rows,
        "dagster/uri": stores.tables.uri(commit.table),
        "table_version": commit.version,
        "content_hash": short(commit.content_hash),
        "content_changed": commit.changed,
    }


def of_ingested(record: Ingested) -> Metadata:
    """The delivery and where its bytes are."""
    arrival = record.arrival
    return {
        "delivery": arrival.kind,
        "revision": arrival.revision,
        "arrived_at": moment(arrival.arrived_at),
        "files": len(arrival.parts),
        "bytes": sum(part.size for part in arrival.parts),
        "content_hash": short(arrival.content_hash),
        "manifest": table(
            {
                "name": part.name,
                "holds": f"{part.size:,} bytes of {part.media_type}",
                "content_hash": short(part.content_hash),
            }
            for part in arrival.parts
        ),
        **({"dagster/uri": record.uris[0]} if len(record.uris) == 1 else {}),
    }


def of_validated(stores: Stores, contract: Contract, record: Validated) -> Metadata:
    """Accepted rows, their share and their columns."""
    return {
        "parsed_rows": record.parsed_rows,
        "quarantined_rows": record.quarantined_rows,
        "accepted_share": _share(record.accepted.rows, record.parsed_rows),
        "extra_columns": ", ".join(record.extra_columns) or "none",
        "dagster/column_schema": as_table_schema(validated_schema(contract), frozenset(contract.spec.personal_columns)),
        **of_table(stores, record.accepted),
    }


def of_quarantine(stores: Stores, record: Validated) -> Metadata:
    """Refused rows by reason."""
    return {
        "quarantined_rows": record.quarantined_rows,
        "reasons": table({"reason": reason, "rows": rows} for reason, rows in sorted(record.reasons.items())),
        "unreadable_files": table(
            {"file": name, "reason": said} for name, said in sorted(record.unreadable_files.items())
        ),
        **of_table(stores, record.quarantined),
    }


def of_profile(stores: Stores, record: Profiled) -> Metadata:
    """Missing share and range of each column."""
    return {
        "profiled_rows": record.profile.rows,
        "columns": table(
            {
                "column": column.name,
                "holds": f"{column.kind}, {column.missing_share:.1%} missing",
                "mean": shown(column.mean, column.kind),
                "range": _range(shown(column.minimum, column.kind), shown(column.maximum, column.kind)),
            }
            for column in record.profile.columns
        ),
        **of_table(stores, record.commit),
    }


def _range(low: str | float | None, high: str | float | None) -> str | None:
    """Both ends in one cell, which breaks where a page is narrow."""
    if low is None or high is None:
        return None
    return " to ".join(each if isinstance(each, str) else _end(each) for each in (low, high))


def _end(value: float) -> str:
    """A whole number with all its digits: two ends that differ are not told as one.

    >>> _end(1234567.0), _end(0.123456), _end(1e300)
    ('1234567', '0.1235', '1e+300')
    """
    return f"{value:.0f}" if value.is_integer() and abs(value) < EXACT else f"{value:.4g}"


def of_drift(stores: Stores, record: Detected) -> Metadata:
    """The verdict, and the score of each column as a series of its own.

    Three narrow tables, as a page cuts off what is wider than half of it.
    """
    report = record.report
    distances = sorted({f"{column.distance}, drift from {column.floor:g} on" for column in report.columns})
    return {
        "verdict": report.verdict,
        "reason": report.reason,
        "champion": version_text(report.champion_version),
        "episode": record.episode.id if record.episode is not None else "none",
        **figure("reference_and_batch", record.figure),
        "distance": "; ".join(distances) or "none",
        "columns": table(
            {
                "column": column.name,
                "verdict": _judged_column(column),
                "score": column.score,
                "importance": None if column.importance is None else rounded(column.importance, 2),
            }
            for column in report.ranked
        ),
        "changes": table(
            {
                "column": column.name,
                "before": column.before,
                "after": column.after,
            }
            for column in report.ranked
        ),
        "reasons": table({"column": column.name, "reason": column.reason} for column in report.ranked),
        **number("drift_score", report.score),
        **{
            name: value
            for column in report.ranked
            for name, value in number(f"drift/{column.name}", column.score).items()
        },
        **of_table(stores, record.commit),
    }


def _judged_column(column: ColumnDrift) -> str:
    """The verdict with the aspect that decides it, and how often chance alone would show as much."""
    p_value = None if column.adjusted_p_value is None else f"adjusted p {column.adjusted_p_value:.2g}"
    why = ", ".join(each for each in (column.aspect, p_value) if each)
    return f"{column.verdict} ({why})" if why else column.verdict


def of_predictions(stores: Stores, record: Scored) -> Metadata:
    """Who scored, how, and the mean score."""
    return {
        "champion": "bootstrapping: nobody scores yet" if record.version is None else str(record.version),
        "mode": record.mode or "none",
        **_weights(record),
        **_estimate(record),
        "scored_rows": record.rows,
        **number("mean_score", record.mean_score),
        **of_table(stores, record.commit),
    }


def _weights(record: Scored) -> Metadata:
    """Of those who served together, as series; nothing where the champion served alone."""
    return {f"weight/v{version}": weight for version, weight in record.weights.items()}


def _estimate(record: Scored) -> Metadata:
    """What the batch is estimated to lose, with its interval and what it rests on."""
    made = record.estimate
    if made is None:
        return {}
    return {
        "estimated_loss": made.value,
        "estimated_loss_interval": interval(made.lower, made.upper),
        "estimate_is_trusted": made.trusted,
        "estimate_rests_on": made.reason,
    }


def of_labels(stores: Stores, record: LabelsSettled) -> Metadata:
    """How many rows have their label."""
    return {
        "as_of": moment(record.as_of),
        "labelled_rows": record.labelled,
        "labelled_share": _share(record.labelled, record.rows),
        "corrected": record.corrected,
        "pending": record.pending,
        "unreadable_targets": record.unreadable,
        "unreadable_values": ", ".join(record.unreadable_values) or "none",
        "labels_of_quarantined_rows": record.quarantined,
        "labels_of_unknown_rows": record.unknown,
        "unknown_ids": ", ".join(record.unknown_ids) or "none",
        "labels_before_their_event": record.early,
        "labels_of_unreadable_time": record.undated,
        "maturity": record.reason,
        **_delay(record),
        **of_table(stores, record.commit),
    }


def _delay(record: LabelsSettled) -> Metadata:
    """How late the labels came, as a series and in words."""
    if record.delay is None:
        return {}
    return {"label_delay_hours": record.delay.most.total_seconds() / 3600, "label_delay": record.delay.reason}


def of_performance(stores: Stores, record: Measured) -> Metadata:
    """Each metric as a series of its own, with the ends of its interval where it was served, and all as tables.

    `champion_loss` is what the check judges: the champion's mean loss over its newest matured batches; `/limit` is the
    one above which it is not healthy.
    """
    series: dict[str, Any] = {}
    for performance in record.performances:
        prefix = {"served": "", "member": f"member v{performance.version}/"}.get(
            performance.mode, f"{performance.mode}/"
        )
        for metric in performance.metrics:
            series |= number(f"{prefix}{metric.metric}", metric.value)
            if performance.mode == "served":
                series |= number(f"{metric.metric}/lower", metric.lower)
                series |= number(f"{metric.metric}/upper", metric.upper)
    return {
        "health": record.reason,
        **_judged(record),
        **_chart(record),
        "backscored": ", ".join(f"v{version}" for version in record.backscored) or "none",
        **series,
        "metrics": table(
            {
                "metric": f"{metric.metric}, {performance.mode} by v{performance.version}",
                "value": estimate(metric.value, metric.lower, metric.upper, metric.rows),
            }
            for performance in record.performances
            for metric in performance.metrics
        ),
        **_slices(record),
        **of_table(stores, record.commit),
    }


def _judged(record: Measured) -> Metadata:
    if record.judged is None:
        return {}
    return {
        **number("champion_loss", record.judged.value),
        **number("champion_loss/limit", record.judged.limit),
    }


def _chart(record: Measured) -> Metadata:
    """What the chart of the champion's losses says, and its level as a series; 1 is its limit."""
    if record.chart is None:
        return {}
    return {"loss_chart": record.chart.reason, **number("loss_chart_level", record.chart.level)}


def _slices(record: Measured) -> Metadata:
    """The metrics of each slice; nothing where none is declared."""
    rows = [
        {
            "slice": part.name,
            "metric": f"{metric.metric}, {performance.mode} by v{performance.version}",
            "value": why_unknown(metric) or estimate(metric.value, metric.lower, metric.upper, metric.rows),
        }
        for performance in record.performances
        for part in performance.slices
        for metric in part.metrics
    ]
    left = (f"{column}: {count:,} values with fewer rows" for column, count in record.slices_left_out.items())
    told = {"slices_left_out": "; ".join(left)} if record.slices_left_out else {}
    return {"slices": table(rows), **told} if rows else {}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
