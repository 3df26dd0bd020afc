"""Looking at the sources of many models under a time budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from retrain_assets.errors import RetrainAssetsError
from retrain_assets.lifecycle.events import see_events
from retrain_assets.lifecycle.ingest import note_missing, see_labels, see_sources
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.stores.protocols import Stores
from retrain_assets.stores.source_failures import note_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """Where the next look begins, and which models' sources could not be looked at, with the reason."""

    position: int
    failed: Mapping[str, str]


def poll_sources(
    stores: Stores,
    models: Sequence[DeclaredModel],
    *,
    now: datetime,
    budget_seconds: float,
    start: int,
    clock: Callable[[], float],
) -> Polled:
    """Notes new, changed and missing batches, round-robin from `start`.

    At least one model is looked at, however small the budget. A source that is out of reach stops nobody else's.
    """
    failed: dict[str, str] = {}
    if not models:
        return Polled(position=0, failed=failed)
    deadline = clock() + budget_seconds
    position = start % len(models)
    for _ in range(len(models)):
        failure = _failure(stores, models[position], now)
        if failure is not None:
            failed[models[position].name] = failure
        position = (position + 1) % len(models)
        if clock() >= deadline:
            break
    return Polled(position=position, failed=failed)


def _failure(stores: Stores, model: DeclaredModel, now: datetime) -> str | None:
    """Looks at one source; why that failed, which the outbox is told."""
    failure = None
    try:
        poll_source(stores, model, now=now)
    except RetrainAssetsError as error:
        failure = str(error)
    except Exception as error:  # noqa: BLE001 - whatever a user's code or a library raises stops this model alone
        failure = f"{type(error).__name__}: {error}"
    note_source(stores.state, model.name, failure, now=now)
    return failure


def poll_source(stores: Stores, model: DeclaredModel, *, now: datetime) -> tuple[list[str], list[str]]:
    """Notes the new (or changed) and the missing batches of one model, and its business events; returns the keys."""
    try:
        closed = list(model.calendar.until(now))
        seen = see_sources(stores, model, closed, now=now)
        see_labels(stores, model, closed, now=now)
        missing = note_missing(stores, model, now=now)
    except Exception:  # whatever a source raises, which is raised again below
        # Events come from elsewhere: they are seen all the same, and a look at them that fails, too, is written down.
        with suppress(Exception):
            see_events(stores, model, now=now)
        raise
    see_events(stores, model, now=now)
    return seen, missing
