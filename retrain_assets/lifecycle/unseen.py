"""Columns that the schema requires and that no labelled batch has yet: what is trained now would not know them."""

from __future__ import annotations

from collections.abc import Iterable

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.partitions import rows_of_batch
from retrain_assets.stores.protocols import Stores


def why_unseen(stores: Stores, model: DeclaredModel, batches: Iterable[Batch]) -> str | None:
    """Why nothing can be trained on the batches, and from when; None where each column is known."""
    known = tuple(batches)
    lacking = _unseen(stores, model, known)
    if not known or not lacking:
        return None
    # One that a rolling window has left behind may have them, and is not what labels are awaited of.
    since, used = min(batch.key for batch in known), {batch.key for batch in known}
    kept = stores.tables.commits(model.table("validated"))
    later = sorted(key for key in kept if key > since and key not in used)
    having = (batch for key in later if not _lacking(stores, model, batch := model.calendar.batch(key), lacking))
    first = next(having, None)
    when = "no batch has come yet that has"
    if first is not None:
        known_from = f"{model.matured_at(first):%Y-%m-%d %H:%M} UTC"
        when = f"{first.key} is the first batch that has, and its labels are known from {known_from}"
    return f"no labelled batch of the window has {', '.join(lacking)}, which the schema requires: {when}"


def _unseen(stores: Stores, model: DeclaredModel, batches: Iterable[Batch]) -> list[str]:
    """The required columns that no validated row of the batches has, as of a feature that was renamed."""
    lacking = [name for name in model.contract.reader.required() if name in model.contract.columns()]
    for batch in sorted(batches, key=lambda each: each.key, reverse=True):
        # The newest has them all but for the first batches after a change: that one alone is read.
        if not lacking:
            break
        lacking = _lacking(stores, model, batch, lacking)
    return lacking


def _lacking(stores: Stores, model: DeclaredModel, batch: Batch, names: list[str]) -> list[str]:
    rows = rows_of_batch(stores, model, "validated", batch)
    return [name for name in names if name not in rows]
