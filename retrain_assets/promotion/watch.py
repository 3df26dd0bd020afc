"""The time after a promotion in which the platform takes it back by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from retrain_assets.performance.decay import BatchLoss
from retrain_assets.promotion.log import Promotion
from retrain_assets.spec import RollbackSpec

NORMAL_95 = 1.959963984540054


def is_watched(newest: Promotion, spec: RollbackSpec, as_of: datetime) -> bool:
    """Whether a promotion is young enough, in batch time; one that replaced nobody has nobody to go back to.

    A rollback is not watched: its version stood its test before.
    """
    if spec.watch is None or newest.previous_id is None or newest.action == "rollback":
        return False
    return newest.as_of <= as_of <= newest.as_of + spec.watch


def breaks_ceiling(losses: Sequence[BatchLoss], spec: RollbackSpec, *, metric: str) -> str | None:
    """Why the newest matured batch breaks the declared ceiling; None where it does not.

    The interval is value +- 1.96 standard errors: noise alone takes nobody out of service.
    """
    if spec.max_loss is None or not losses:
        return None
    newest = losses[-1]
    lower = newest.value - NORMAL_95 * newest.standard_error
    if not lower > spec.max_loss:
        return None
    return (
        f"{metric} of batch {newest.batch} is {newest.value:.4g}, at least {lower:.4g}, "
        f"above rollback.max_loss {spec.max_loss:.4g}"
    )
