"""Performance decay: is the champion worse on matured batches than it was on its holdout, by more than noise?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrain_assets.spec import DecaySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLoss:
    """The champion's mean loss on one matured batch after its training end."""

    batch: str
    value: float
    standard_error: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutLoss:
    """The champion's mean loss on the reserved rows that it was judged by, from its promotion's evidence."""

    value: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecayVerdict:
    """`fired` is None where it cannot be known; `excess` and `standard_error` in the unit of the loss."""

    fired: bool | None
    excess: float | None
    standard_error: float | None
    reason: str


def performance_decay(
    losses: Sequence[BatchLoss],
    holdout: HoldoutLoss | None,
    spec: DecaySpec,
    *,
    holdout_batches: int = 4,
    metric: str = "loss",
) -> DecayVerdict:
    raise NotImplementedError
