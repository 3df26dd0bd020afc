"""Looking at the sources of many models under a time budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from retrain_assets.lifecycle.ingest import note_missing, see_labels, see_sources
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.stores.protocols import Stores


def poll_sources(
    stores: Stores,
    models: Sequence[DeclaredModel],
    *,
    now: datetime,
    budget_seconds: float,
    start: int,
    clock: Callable[[], float],
) -> int:
    """Notes new, changed and missing batches, round-robin from `start`; returns where the next look begins.

    At least one model is looked at, however small the budget.
    """
    if not models:
        return 0
    deadline = clock() + budget_seconds
    position = start % len(models)
    for _ in range(len(models)):
        poll_source(stores, models[position], now=now)
        position = (position + 1) % len(models)
        if clock() >= deadline:
            break
    return position


def poll_source(stores: Stores, model: DeclaredModel, *, now: datetime) -> tuple[list[str], list[str]]:
    """Notes the new (or changed) and the missing batches of one model; returns their keys."""
    closed = list(model.calendar.until(now))
    seen = see_sources(stores, model, closed, now=now)
    see_labels(stores, model, closed, now=now)
    return seen, note_missing(stores, model, now=now)
