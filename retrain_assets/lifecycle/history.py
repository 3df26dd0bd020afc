"""What is known of a model's past as of a moment: settled batches, the champion's losses, earlier trainings."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.small_tables import rows_of
from retrain_assets.data.windows import Batch
from retrain_assets.errors import NotStoredError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.performance.expected import expectable
from retrain_assets.performance.report import of_whole_batches
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import Stores

Mask = npt.NDArray[np.bool_]


def champion_losses(
    stores: Stores, model: DeclaredModel, promotion: Promotion, *, as_of: datetime
) -> tuple[BatchLoss, ...]:
    """The champion's loss on each matured batch that tells of it, as measured by the cutoff, oldest first.

    Only its own rows count: what it served or what it was back-scored on, never another version's.
    """
    return losses_of_version(stores, model, promotion.version, told_since(model, promotion), as_of=as_of)


def told_since(model: DeclaredModel, promotion: Promotion) -> datetime:
    """From when on batches tell whether a champion is as good as it was: its training end.

    That of one that was recalled is the end of what recalled it: its holdout loss is of then, and what it lost before,
    when its season was over, is no decay of now.
    """
    if promotion.batch is None:
        return promotion.training_end
    trained_for = model.calendar.batch(promotion.batch)
    judged = [model.calendar.batch(key) for key in promotion.evidence.get("batches", ())]
    return max([promotion.training_end, *(each.end for each in judged if each.start > trained_for.start)])


def losses_of_version(
    stores: Stores, model: DeclaredModel, version: int, training_end: datetime, *, as_of: datetime
) -> tuple[BatchLoss, ...]:
    """A version's loss on each matured batch after its training end.

    Where it served together with others, what it said alone counts, not what they served.
    """
    return losses_in(performance_table(stores, model), model, version, training_end, as_of=as_of)


def losses_in(
    table: pd.DataFrame, model: DeclaredModel, version: int, training_end: datetime, *, as_of: datetime
) -> tuple[BatchLoss, ...]:
    """As `losses_of_version`, from measurements that were read before."""
    modes, batches = _texts(table, "mode"), _texts(table, "ra_batch")
    own = (table["version"].to_numpy() == version) & _is_one_of(modes, ("served", "backscored", "member"))
    alone = own & (modes == "member")
    own &= (modes != "served") | ~_is_one_of(batches, set(batches[alone]))
    losses = _batch_losses(table, own, model, as_of=as_of)
    return tuple(loss for loss in losses if model.calendar.batch(loss.batch).start >= training_end)


def served_losses(
    table: pd.DataFrame, model: DeclaredModel, *, as_of: datetime, version: int | None = None
) -> tuple[BatchLoss, ...]:
    """The loss on each matured batch of whichever version served it, or where one did, by the cutoff, oldest first."""
    served = _texts(table, "mode") == "served"
    if version is not None:
        served &= table["version"].to_numpy() == version
    return _batch_losses(table, served, model, as_of=as_of)


def _batch_losses(table: pd.DataFrame, among: Mask, model: DeclaredModel, *, as_of: datetime) -> tuple[BatchLoss, ...]:
    """The newest measurement of each batch among some rows, with what was expected of it."""
    times = table["as_of"].to_numpy(dtype="datetime64[us]")
    wanted = _is_one_of(_texts(table, "metric"), {model.spec.metric, *expectable(model.spec.metric)})
    at = np.flatnonzero(among & wanted & (times <= np.datetime64(as_of.astimezone(UTC).replace(tzinfo=None), "us")))
    at = at[np.argsort(times[at], kind="stable")]
    newest: dict[tuple[str, bool], dict[str, Any]] = {}
    for row in rows_of(table.iloc[at], ("ra_batch", "metric", "value", "standard_error", "rows")):
        newest[row["ra_batch"], row["metric"] == model.spec.metric] = row
    return tuple(
        BatchLoss(
            batch=batch,
            value=row["value"],
            standard_error=row["standard_error"],
            rows=int(row["rows"]),
            expected=_value(newest.get((batch, False))),
        )
        for (batch, is_loss), row in sorted(newest.items())
        if is_loss and _value(row) is not None
    )


def _texts(table: pd.DataFrame, column: str) -> npt.NDArray[np.object_]:
    return table[column].to_numpy(dtype=object)


def _is_one_of(values: npt.NDArray[np.object_], wanted: Collection[str]) -> Mask:
    """Of some hundred texts: a DataFrame takes many times as long for each condition."""
    return np.fromiter((value in wanted for value in values), dtype=bool, count=len(values))


def _value(row: Mapping[str, Any] | None) -> float | None:
    return None if row is None or math.isnan(row["value"]) else row["value"]


def holdout_of(promotion: Promotion) -> HoldoutLoss | None:
    """The loss on reserved rows with which the champion was promoted; None for one that was adopted without."""
    held = promotion.evidence.get("holdout")
    if held is None:
        return None
    return HoldoutLoss(value=held["value"], standard_error=held["standard_error"], expected=held.get("expected"))


def performance_table(stores: Stores, model: DeclaredModel) -> pd.DataFrame:
    """All measurements of whole batches of the model; empty when there are none."""
    try:
        return of_whole_batches(stores.tables.read(model.table("performance")))
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
