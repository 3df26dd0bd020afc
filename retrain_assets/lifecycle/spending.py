"""What trainings took, as it was measured."""

from __future__ import annotations

from datetime import datetime

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.stores.protocols import Stores

TRAINED = "trained"
"""Outbox kind: a training ended, and the processor time that it took; also one whose candidate was refused later."""


def record_spending(
    stores: Stores, model: DeclaredModel, batch: Batch, *, cpu_seconds: float, version: int, now: datetime
) -> None:
    """Keeps the processor time of a training."""
    payload = {"as_of": batch.as_of.isoformat(), "cpu_seconds": cpu_seconds, "version": version}
    stores.state.append_outbox(TRAINED, model.name, batch=batch.key, payload=payload, key=str(version), now=now)


def spent(stores: Stores, model: DeclaredModel, *, as_of: datetime) -> tuple[tuple[datetime, float], ...]:
    """Each training up to a cutoff with its processor seconds, oldest first; nothing where no limit asks."""
    if model.spec.retrain.spend is None:
        return ()
    rows = stores.state.outbox(model=model.name, kinds=[TRAINED], limit=1_000_000)
    made = [(datetime.fromisoformat(row.payload["as_of"]), float(row.payload["cpu_seconds"])) for row in rows]
    return tuple(sorted(each for each in made if each[0] <= as_of))
