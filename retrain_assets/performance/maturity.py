"""When enough labels of a batch are known to judge by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from retrain_assets.data.windows import Batch, Calendar
from retrain_assets.spec import TargetSpec, format_duration


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDelay:
    """How long after the end of their batch its labels became known; `late` is the share that came after it was due."""

    median: timedelta
    most: timedelta
    late: float
    reason: str


def observed_delay(batch: Batch, labels: pd.DataFrame, target: TargetSpec, calendar: Calendar) -> LabelDelay | None:
    """The delay of the first label of each row, against the declared one; None without labels.

    It counts from the end of the batch, as what is due does; a label that was there by then had none. `most` is the
    delay within which `target.mature_share` of the labels came: what `label_delay` should be at least, where batches
    are to be mature when they are due. Labels are taken in where a batch ends, so one that is due in between is late
    only if it is not there by the end of the batch in which that is.

    Args:
        batch: of the rows.
        labels: `available_at` and `revision` of each; corrections do not count.
        target: the declaration.
        calendar: tells where batches end.
    """
    first = labels[labels["revision"] == 1]
    if first.empty:
        return None
    # In whole microseconds, as they are stored.
    delays = first["available_at"].to_numpy(dtype="datetime64[us]") - np.datetime64(
        batch.end.replace(tzinfo=None), "us"
    )
    seconds = np.maximum(delays.astype(np.int64), 0) / 1e6
    shares = np.quantile(seconds, [0.5, target.mature_share]).tolist()
    median, most = (_rounded(timedelta(seconds=share)) for share in shares)
    taken_in = _taken_in(batch.end + target.label_delay, calendar) - batch.end
    late = float((seconds > taken_in.total_seconds()).mean())
    declared = format_duration(target.label_delay)
    reason = (
        f"half of the labels came within {format_duration(median)}, {target.mature_share:.0%} within "
        f"{format_duration(most)}; target.label_delay is {declared}"
    )
    if late > 1 - target.mature_share:
        reason += f", and {late:.0%} came later: declare at least {format_duration(most)}"
    elif most > target.label_delay:
        reason += ", and labels are taken in where a batch ends"
    return LabelDelay(median=median, most=most, late=late, reason=reason)


def _taken_in(due: datetime, calendar: Calendar) -> datetime:
    """The first cutoff from which on labels are read that are due at a moment."""
    running = calendar.containing(due)
    return due if running is None or running.start == due else running.end


def _rounded(delay: timedelta) -> timedelta:
    """Up to whole hours, below two of them to whole minutes: nobody declares seconds."""
    unit = timedelta(hours=1) if delay >= timedelta(hours=2) else timedelta(minutes=1)
    return -(-delay // unit) * unit
