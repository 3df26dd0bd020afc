"""Metadata of the rows that are asked about."""

from __future__ import annotations

from retrain_assets.lifecycle.labelling import LabelRequests
from retrain_assets.orchestration.metadata import Metadata, table


def of_label_requests(record: LabelRequests) -> Metadata:
    """Where the file lies, and how many rows of which part are asked about for which reason; no value of any row."""
    return {
        "rows": record.rows,
        "reason": record.reason,
        **({} if record.uri is None else {"dagster/uri": record.uri}),
        "asked": table({"part": part, "why": why, "rows": rows} for (part, why), rows in record.asked.items()),
    }
