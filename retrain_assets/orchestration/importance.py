"""Metadata of what matters to a candidate."""

from __future__ import annotations

from retrain_assets.drift.importances import ImportanceChange
from retrain_assets.orchestration.metadata import Metadata, number, table

SHOWN = 20


def of_importance(change: ImportanceChange | None) -> Metadata:
    """Shares of the columns for candidate and champion, and a series of how much of it has moved to other columns."""
    if change is None or not change.after:
        return {}
    rows = [
        {"column": name, "candidate": change.after.get(name), "champion": change.before.get(name)}
        for name in change.columns[:SHOWN]
    ]
    return {"importance": table(rows), **number("importance_moved", change.moved)}
