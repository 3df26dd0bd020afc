"""When a source is asked that shows no change: a query or a callable tells what there is only by answering."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.spec.sources import AskedSource
from retrain_assets.stores.protocols import OutboxRow, Source

LOOKS_PER_TOLERANCE = 8
"""An empty answer is asked for again so often between the window's end and the moment at which the batch is due."""

EMPTY_LOOKS = 8
"""So many empty batches are asked for at one tick, the newest first: each is a query and a run."""

Looks = Mapping[str, OutboxRow]
"""The newest look at each batch that was looked at, and what was shown then."""


def shown_rows(
    model: DeclaredModel, batches: Sequence[Batch], *, last: Looks, empty: Collection[str], now: datetime
) -> dict[str, str]:
    """What the source shows of each batch; one that must be asked shows something new whenever a look is due.

    A batch in `empty`, for which the newest answer held no rows, is asked until it is due, and ever more rarely after
    that, a few at a time. One that was answered is asked when it is due, and for `recheck` after that.
    """
    declared, listed = model.spec.source, model.source.listing(batches)
    if not isinstance(declared, AskedSource):
        return listed
    hollow = 0
    for batch in sorted(batches, key=lambda batch: batch.key, reverse=True):
        due, unit = batch.end + model.spec.batches.tolerance, _unit(model, batch)
        look = last.get(batch.key)
        if look is None:
            listed[batch.key] = "due" if now >= due else "closed"
        elif batch.key in empty:
            before, by_now = (_looks_for_rows(batch.end, due, unit, moment) for moment in (look.recorded_at, now))
            news = by_now > before and hollow < EMPTY_LOOKS
            hollow += news
            listed[batch.key] = _told(look, f"empty {by_now}", news=news)
        else:
            before, by_now = (
                (moment >= due) + _looks_for_changes(due, unit, declared.recheck, moment)
                for moment in (look.recorded_at, now)
            )
            news = by_now > before and (look.recorded_at < due or not _is_over(due, unit, declared.recheck, now))
            listed[batch.key] = _told(look, f"answered {by_now}", news=news)
    return listed


def shown_labels(
    model: DeclaredModel, source: Source, batches: Sequence[Batch], *, last: Looks, now: datetime
) -> dict[str, str]:
    """The same of a source of labels, which settling asks: here only for `recheck` after they should be known."""
    declared = model.spec.target.labels
    if not isinstance(declared, AskedSource):
        return source.listing(batches)
    listed: dict[str, str] = {}
    for batch in batches:
        due, unit = model.matured_at(batch), _unit(model, batch)
        if _is_over(due, unit, declared.recheck, now):
            continue
        look, by_now = last.get(batch.key), _looks_for_changes(due, unit, declared.recheck, now)
        told = f"answered {by_now}"
        if look is not None:
            before = _looks_for_changes(due, unit, declared.recheck, look.recorded_at)
            told = _told(look, told, news=by_now > before)
        listed[batch.key] = told
    return listed


def _told(look: OutboxRow, fingerprint: str, *, news: bool) -> str:
    return fingerprint if news else str(look.payload["fingerprint"])


def _unit(model: DeclaredModel, batch: Batch) -> timedelta:
    return model.spec.batches.tolerance or batch.end - batch.start


def _looks_for_rows(end: datetime, due: datetime, unit: timedelta, moment: datetime) -> int:
    """How many looks an empty batch was due until a moment: evenly before it is due, then at growing intervals."""
    if moment < due:
        return int(LOOKS_PER_TOLERANCE * (moment - end) / (due - end))
    return LOOKS_PER_TOLERANCE + _doublings(moment - due, unit)


def _looks_for_changes(due: datetime, unit: timedelta, span: timedelta | None, moment: datetime) -> int:
    """The same of one that was answered, within a span after it was due: at growing intervals, and at its end."""
    if not span or moment < due:
        return 0
    return _doublings(min(moment - due, span), unit) + (moment - due >= span)


def _is_over(due: datetime, unit: timedelta, span: timedelta | None, moment: datetime) -> bool:
    """No look for changes is made up for long after the span, as where `recheck` was declared only later."""
    return moment - due > (span or timedelta()) + unit


def _doublings(elapsed: timedelta, unit: timedelta) -> int:
    """How many of the moments 1, 3, 7, 15, ... units have passed.

    >>> [_doublings(timedelta(days=days), timedelta(days=1)) for days in (0, 1, 2, 3, 6, 7)]
    [0, 1, 1, 2, 2, 3]
    """
    return (elapsed // unit + 1).bit_length() - 1
