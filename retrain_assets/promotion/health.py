"""The verdict on the champion that serves: is it as good as it was?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrain_assets.performance.decay import BatchLoss, HoldoutLoss, performance_decay
from retrain_assets.spec import DecaySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthVerdict:
    """`healthy` is None where it cannot be known; unknown does not count as healthy.

    `value` is the loss that was judged, `limit` the one above which the champion is not healthy; None where unknown.
    """

    healthy: bool | None
    reason: str
    value: float | None = None
    limit: float | None = None


def champion_is_healthy(
    losses: Sequence[BatchLoss],
    holdout: HoldoutLoss | None,
    spec: DecaySpec,
    *,
    before: Sequence[Sequence[BatchLoss]] = (),
    holdout_batches: int = 4,
    metric: str = "loss",
) -> HealthVerdict:
    """Healthy is a champion whose performance has not decayed.

    What batches differ by is learned from those of champions before it (`before`), too, as long as its own are few: the
    first after a promotion are those for which going back is worth most. Where nobody knows, or where its own and those
    before it contradict each other, health is not known.
    """
    verdict = performance_decay(losses, holdout, spec, before=before, holdout_batches=holdout_batches, metric=metric)
    healthy = None if verdict.fired is None or verdict.unsure is not None else not verdict.fired
    reason = verdict.reason if verdict.unsure is None else f"{verdict.reason}; {verdict.unsure}"
    return HealthVerdict(healthy=healthy, reason=reason, value=verdict.value, limit=verdict.limit)
