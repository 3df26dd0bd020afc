"""What is known of a model's past as of a moment: settled batches, the champion's losses, earlier trainings."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from retrain_assets.data.windows import Batch
from retrain_assets.errors import NotStoredError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.performance.expected import expectable
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import Stores


def champion_losses(
    stores: Stores, model: DeclaredModel, promotion: Promotion, *, as_of: datetime
) -> tuple[BatchLoss, ...]:
    """The champion's loss on each matured batch after its training end, as measured by the cutoff, oldest first.

    Only its own rows count: what it served or what it was back-scored on, never another version's.
    """
    return losses_of_version(stores, model, promotion.version, promotion.training_end, as_of=as_of)


def losses_of_version(
    stores: Stores, model: DeclaredModel, version: int, training_end: datetime, *, as_of: datetime
) -> tuple[BatchLoss, ...]:
    """A version's loss on each matured batch after its training end.

    Where it served together with others, what it said alone counts, not what they served.
    """
    table = performance_table(stores, model)
    own = table[(table["version"] == version) & table["mode"].isin(["served", "backscored", "member"])]
    alone = own.loc[own["mode"] == "member", "ra_batch"]
    own = own[(own["mode"] != "served") | ~own["ra_batch"].isin(alone)]
    losses = _batch_losses(own, model, as_of=as_of)
    return tuple(loss for loss in losses if model.calendar.batch(loss.batch).start >= training_end)


def served_losses(stores: Stores, model: DeclaredModel, *, as_of: datetime) -> tuple[BatchLoss, ...]:
    """The loss on each matured batch of whichever version served it, as measured by the cutoff, oldest first."""
    table = performance_table(stores, model)
    return _batch_losses(table[table["mode"] == "served"], model, as_of=as_of)


def _batch_losses(table: pd.DataFrame, model: DeclaredModel, *, as_of: datetime) -> tuple[BatchLoss, ...]:
    """The newest measurement of each batch, with what was expected of it."""
    known = table[table["as_of"] <= pd.Timestamp(as_of)].sort_values("as_of")
    newest = known.drop_duplicates(["ra_batch", "metric"], keep="last")
    losses = newest[(newest["metric"] == model.spec.metric) & newest["value"].notna()].sort_values("ra_batch")
    expected = newest[newest["metric"].isin(expectable(model.spec.metric))].set_index("ra_batch")["value"]
    return tuple(
        BatchLoss(
            batch=str(row["ra_batch"]),
            value=float(row["value"]),
            standard_error=float(row["standard_error"]),
            rows=int(row["rows"]),
            expected=_number(expected.get(row["ra_batch"])),
        )
        for row in losses.to_dict("records")
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, float) and not pd.isna(value) else None


def holdout_of(promotion: Promotion) -> HoldoutLoss | None:
    """The loss on reserved rows with which the champion was promoted; None for one that was adopted without."""
    held = promotion.evidence.get("holdout")
    if held is None:
        return None
    return HoldoutLoss(value=held["value"], standard_error=held["standard_error"], expected=held.get("expected"))


def performance_table(stores: Stores, model: DeclaredModel) -> pd.DataFrame:
    """All measurements of the model; empty when there are none."""
    try:
        return stores.tables.read(model.table("performance"))
    except NotStoredError:
        return pd.DataFrame(
            columns=["ra_batch", "version", "metric", "mode", "as_of", "value", "standard_error", "rows"]
        )


def settled_batches(stores: Stores, model: DeclaredModel, *, as_of: datetime) -> tuple[Batch, ...]:
    """Batches whose labels are mature by the cutoff and that were not refused, oldest first."""
    settled: dict[str, bool] = {}
    refused: set[str] = set()
    for step in stores.state.steps(model.name):
        if step.job == "watch":
            (refused.add if step.outcome != "done" else refused.discard)(step.batch)
        if step.job == "settle" and step.outcome == "done" and step.as_of <= as_of:
            settled[step.batch] = bool(step.detail.get("mature"))
    keys = sorted(key for key, mature in settled.items() if mature and key not in refused)
    return tuple(model.calendar.batch(key) for key in keys)
