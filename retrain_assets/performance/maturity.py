"""When enough labels of a batch are known to judge by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from retrain_assets.data.windows import Batch
from retrain_assets.spec import TargetSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Maturity:
    """Whether a batch can be judged, and why (not)."""

    mature: bool
    share: float
    labelled: int
    rows: int
    reason: str


def maturity(batch: Batch, rows: int, labelled: int, as_of: datetime, target: TargetSpec) -> Maturity:
    """A batch is mature when the label delay after its end has passed and `mature_share` of its rows has a label.

    A batch without rows never matures: it has nothing to judge by.
    """
    share = labelled / rows if rows else 0.0
    due = batch.end + target.label_delay
    counts = f"{labelled:,} of {rows:,} rows have a label ({share:.1%})"
    if rows == 0:
        mature, reason = False, "the batch has no rows"
    elif as_of < due:
        mature, reason = False, f"labels are due at {due:%Y-%m-%d %H:%M} UTC; as of {as_of:%Y-%m-%d %H:%M} {counts}"
    elif share < target.mature_share:
        mature, reason = False, f"{counts}, {target.mature_share:.1%} must"
    else:
        mature, reason = True, counts
    return Maturity(mature=mature, share=share, labelled=labelled, rows=rows, reason=reason)
