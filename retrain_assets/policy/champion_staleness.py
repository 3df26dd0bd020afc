"""The staleness of a champion, from the facts of a decision."""

from __future__ import annotations

from collections.abc import Sequence

from retrain_assets.data.windows import Calendar
from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.staleness import StalenessFacts, StalenessVerdict, judge_staleness
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
    share = 1 - context.spec.reserve.share
    return judge_staleness(
        StalenessFacts(
            losses=losses,
            holdout=context.holdout,
            served=context.served,
            unlabelled=_unlabelled(context, losses[-1].batch) if losses else 0,
            trained_rows=context.trained_rows,
            new_rows=tuple(share * loss.rows for loss in losses),
            cost=_cost(context.spec.retrain.cost, context.holdout, losses),
            firsts=context.firsts,
            incumbent=context.champion.version,
            available_rows=context.labelled_rows,
        )
    )


def _unlabelled(context: DecisionContext, newest: str) -> int:
    """Batches behind the newest labelled one, up to the one that is decided."""
    silent = context.as_of - Calendar(context.spec.batches).batch(newest).end
    return max(0, round(silent / (context.batch.end - context.batch.start)))


def _cost(declared: CostSpec, holdout: HoldoutLoss, losses: Sequence[BatchLoss]) -> float:
    """Of a retrain, in batches' worth of loss."""
    if declared.unit_loss is None or not losses or holdout.value <= 0:
        return declared.retrain
    rows = sum(loss.rows for loss in losses) / len(losses)
    return declared.retrain / (declared.unit_loss * holdout.value * rows)
