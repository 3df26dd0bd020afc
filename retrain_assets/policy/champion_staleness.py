"""The staleness of a champion, from the facts of a decision."""

from __future__ import annotations

from collections.abc import Sequence

from retrain_assets.data.windows import Batch, Calendar
from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.staleness import StalenessFacts, StalenessVerdict, judge_staleness, loss_scale
from retrain_assets.spec import CostSpec


def champion_staleness(context: DecisionContext) -> StalenessVerdict | None:
    """What staleness has cost since the last training; None where that cannot be known.

    A training whose candidate was not promoted counts as one: what was lost until then, it could not mend.
    """
    if context.champion is None or context.holdout is None or context.trained_rows is None:
        return None
    calendar = Calendar(context.spec.batches)
    since = max(context.champion.training_end, context.trained_until or context.champion.training_end)
    losses = tuple(loss for loss in context.losses if calendar.batch(loss.batch).start >= since)
    if not losses:
        return None
    served = tuple(loss.value for loss in context.served)
    share = 1 - context.spec.reserve.share
    return judge_staleness(
        StalenessFacts(
            losses=losses,
            holdout=context.holdout,
            served=served,
            trained_rows=context.trained_rows,
            new_rows=tuple(share * loss.rows for loss in losses),
            unlabelled=_batches_between(calendar, calendar.batch(losses[-1].batch), context.batch) + 1,
            cost=_cost(context.spec.retrain.cost, served, context.holdout, losses),
        )
    )


def _cost(declared: CostSpec, served: Sequence[float], holdout: HoldoutLoss, losses: Sequence[BatchLoss]) -> float:
    """Of a retrain, in batches' worth of loss."""
    if declared.unit_loss is None:
        return declared.retrain
    rows = sum(loss.rows for loss in losses) / len(losses)
    worth = declared.unit_loss * loss_scale(served, holdout) * rows
    return declared.retrain / worth if worth > 0 else declared.retrain


def _batches_between(calendar: Calendar, first: Batch, last: Batch) -> int:
    """Number of batches after the first, up to and with the last."""
    count, batch = 0, first
    while batch.start < last.start:
        following = calendar.next(batch)
        if following is None:
            return count
        count, batch = count + 1, following
    return count
