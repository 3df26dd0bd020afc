"""Labels as a history: each has the moment from which it was known, and a correction is a further revision.

What was known at a moment never changes afterwards: a label that arrives later, or is corrected later, is available
no earlier than its delivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.conversion import UTC_TIME
from retrain_assets.data.row_ids import ROW_ID
from retrain_assets.data.time_order import in_time_order
from retrain_assets.errors import StoreError

AVAILABLE_AT = "available_at"
BATCH = "ra_batch"
LABEL_COLUMNS = (ROW_ID, "event_time", "label", AVAILABLE_AT, "revision")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedLabels:
    """All revisions after a delivery, and what the delivery brought.

    `labels` is the whole history of a batch. `added` counts first labels, `corrected` further revisions, `duplicates`
    deliveries of what is known already, `pending` labels whose own time lies after the cutoff: they are not kept, and
    become known between `pending_from` and `pending_until`. `ambiguous` counts the rows of which the delivery has
    several labels known from the same moment on.
    """

    labels: pd.DataFrame
    added: int
    corrected: int
    duplicates: int
    pending: int
    pending_from: datetime | None = None
    pending_until: datetime | None = None
    ambiguous: int = 0


EMPTY_LABELS = pd.DataFrame(
    {
        ROW_ID: pd.Series(dtype="object"),
        "event_time": pd.Series(dtype=UTC_TIME),
        "label": pd.Series(dtype="object"),
        AVAILABLE_AT: pd.Series(dtype=UTC_TIME),
        "revision": pd.Series(dtype="int64"),
    }
)
"""The history before the first label; a constant to compare with, never to write to."""


def no_labels() -> pd.DataFrame:
    """An empty history."""
    return EMPTY_LABELS.copy()


def merge_labels(stored: pd.DataFrame | None, delivered: pd.DataFrame, as_of: datetime) -> MergedLabels:
    """The history after a delivery that happened as of a cutoff.

    Of several labels for one row in the delivery the newest that is known by then counts. It is kept when it
    differs from the newest kept one, as the next revision, and is available no earlier than `as_of`. So reading as
    of any moment before gives what it gave before.
    """
    history = no_labels() if stored is None else stored[list(LABEL_COLUMNS)]
    known = delivered[delivered[AVAILABLE_AT] <= as_of]
    newest, alone = known, bool(known[ROW_ID].is_unique)
    if not alone:
        newest = known.sort_values(AVAILABLE_AT, kind="stable").drop_duplicates(ROW_ID, keep="last")
    is_new, changed, revisions = _compared(newest, history)
    keep = is_new | changed
    cutoff = pd.Timestamp(as_of).tz_convert("UTC")
    fresh = newest[keep].assign(revision=revisions[keep] + 1)
    fresh[AVAILABLE_AT] = pd.Series(cutoff, index=fresh.index, dtype=UTC_TIME)
    parts = [part for part in (history, fresh) if len(part)]
    frame = pd.concat(parts, ignore_index=True) if len(parts) > 1 else (parts[0] if parts else delivered.iloc[:0])
    if len(history):
        frame = frame.sort_values(["event_time", ROW_ID, "revision"], kind="stable", ignore_index=True)
    else:
        frame = in_time_order(frame, "event_time")  # one revision of each row
    awaited = delivered.loc[delivered[AVAILABLE_AT] > as_of, AVAILABLE_AT]
    return MergedLabels(
        labels=frame,
        added=int(is_new.sum()),
        corrected=int(changed.sum()),
        duplicates=len(known) - int(keep.sum()),
        pending=len(awaited),
        pending_from=awaited.min().to_pydatetime() if len(awaited) else None,
        pending_until=awaited.max().to_pydatetime() if len(awaited) else None,
        ambiguous=0 if alone else _ambiguous(known),
    )


def _ambiguous(known: pd.DataFrame) -> int:
    """Rows with several labels of one moment; the same label twice is one."""
    twice = known[known.duplicated([ROW_ID, AVAILABLE_AT], keep=False)]
    told = twice.assign(label=twice["label"].astype("object")).drop_duplicates([ROW_ID, AVAILABLE_AT, "label"])
    return int(told.loc[told.duplicated([ROW_ID, AVAILABLE_AT]), ROW_ID].nunique())


def _compared(
    newest: pd.DataFrame, history: pd.DataFrame
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Of each delivered label whether its row had none, whether it had another one, and the revision that it had."""
    if history.empty:
        none = np.zeros(len(newest), dtype=bool)
        return ~none, none, none.astype(np.int64)
    current = history.sort_values("revision", kind="stable").drop_duplicates(ROW_ID, keep="last")
    pairs = newest[[ROW_ID, "label"]].merge(
        current[[ROW_ID, "label", "revision"]], on=ROW_ID, how="left", suffixes=("", "_held")
    )
    is_new = pairs["revision"].isna().to_numpy()
    changed = ~is_new & (pairs["label"].astype("object") != pairs["label_held"].astype("object")).to_numpy()
    return is_new, changed, pairs["revision"].fillna(0).to_numpy(dtype="int64")


def labels_as_of(labels: pd.DataFrame, moment: datetime) -> pd.DataFrame:
    """What was known at a moment: of each row the highest revision that was available by then.

    A row id is unique within its batch only: where the labels of several batches are read together, their `ra_batch`
    tells them apart.
    """
    return in_time_order(_newest_revisions(labels, moment), "event_time")


def with_labels(
    rows: pd.DataFrame, labels: pd.DataFrame, moment: datetime, *, among: npt.NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    """The rows that had a label at a moment, with that label as the column `label`, in their order, numbered anew.

    Args:
        rows: Validated rows with their `ra_batch`.
        labels: The history of the labels of the same batches.
        moment: What became known later is not read.
        among: Which rows are wanted; all by default.

    Raises:
        StoreError: a row is there twice.
    """
    known = _newest_revisions(labels, moment)
    ids, known_ids = (frame[ROW_ID].to_numpy(dtype=object) for frame in (rows, known))
    of_batch = places_of_batches(known)
    place = np.full(len(rows), -1)
    for batch, at in places_of_batches(rows).items():
        labelled = of_batch.get(batch, np.empty(0, dtype=np.intp))
        # Told that they are objects, pandas does not look what else the ids might be.
        index, wanted = (pd.Index(each, dtype=object) for each in (known_ids[labelled], ids[at]))
        found = index.get_indexer(wanted) if index.is_unique else None
        if found is None or not _all_differ(wanted, found):
            raise StoreError(f"validated or labels of batch {batch} hold a row twice: materialize them again")
        place[at] = np.where(found >= 0, labelled[found] if len(labelled) else -1, -1)
    at = np.flatnonzero(place >= 0 if among is None else (place >= 0) & among)
    joined = rows.take(at)
    joined.index = pd.RangeIndex(len(at))
    joined["label"] = known["label"].array[place[at]]
    return joined


def _all_differ(ids: pd.Index, found: npt.NDArray[np.intp]) -> bool:
    """Whether no id is there twice: where each was found tells it of nearly all of them, without a second look-up."""
    there = found >= 0
    places = found[there]
    return int(np.bincount(places).max(initial=0)) < 2 and ids[~there].is_unique


def places_of_batches(frame: pd.DataFrame) -> dict[str, npt.NDArray[np.intp]]:
    """Where the rows of each batch are. Tables are read batch by batch, so that a look at where one ends is enough."""
    keys = frame[BATCH].to_numpy(dtype=object)
    begins = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    runs = np.split(np.arange(len(keys)), begins) if len(keys) else []
    found = {str(keys[run[0]]): run for run in runs}
    if len(found) == len(runs):
        return found
    return {str(key): np.asarray(at) for key, at in frame.groupby(BATCH, sort=False).indices.items()}


def _newest_revisions(labels: pd.DataFrame, moment: datetime) -> pd.DataFrame:
    by_then = (labels[AVAILABLE_AT] <= moment).to_numpy()
    known = labels if by_then.all() else labels[by_then]
    if not (known["revision"] > 1).any():
        return known  # Most labels are never corrected, and first revisions are one for each row.
    key = [ROW_ID] if BATCH not in labels.columns else [BATCH, ROW_ID]
    return known.sort_values("revision", kind="stable").drop_duplicates(key, keep="last")
