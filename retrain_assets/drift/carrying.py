"""Of the reports of earlier batches the one whose evidence the next carries on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from retrain_assets.drift.accumulation import REMEMBERED
from retrain_assets.drift.report import DriftReport


def carried(earlier: Iterable[DriftReport | None]) -> DriftReport | None:
    """The newest report that tells something; what was compared in none of them has no evidence in it.

    Args:
        earlier: of the batches before, the newest first; None of one that was missing or refused. Of more than
            `REMEMBERED` in a row that say nothing the evidence is forgotten; no more are read than it takes.
    """
    found: DriftReport | None = None
    silent: set[str] = set()
    for report in islice(earlier, REMEMBERED + 1):
        if report is None or (report.verdict == "unknown" and not report.evidence):
            continue
        if found is None:
            found = report
            silent = {column.name for column in report.columns if column.verdict == "unknown" and column.evidence}
        silent -= {column.name for column in report.columns if column.verdict != "unknown"}
        if not silent:
            return found
    if found is None:
        return None
    kept = (replace(column, evidence=None) if column.name in silent else column for column in found.columns)
    return replace(found, columns=tuple(kept))
