"""Labels as a history: each has the moment from which it was known, and a correction is a further revision.

What was known at a moment never changes afterwards: a label that arrives later, or is corrected later, is available
no earlier than its delivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from retrain_assets.data.conversion import UTC_TIME, read_as
from retrain_assets.data.row_ids import ROW_ID, row_ids
from retrain_assets.data.targets import read_targets
from retrain_assets.data.windows import Batch
from retrain_assets.errors import DataError, did_you_mean
from retrain_assets.spec import ModelSpec

AVAILABLE_AT = "available_at"
LABEL_COLUMNS = (ROW_ID, "event_time", "label", AVAILABLE_AT, "revision")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedLabels:
    """All revisions after a delivery, and what the delivery brought.

    `frame` is the whole history of a batch. `added` counts first labels, `corrected` further revisions, `duplicates`
    deliveries of what is known already, `pending` labels whose own time lies after the cutoff: they are not kept.
    """

    frame: pd.DataFrame
    added: int
    corrected: int
    duplicates: int
    pending: int


def no_labels() -> pd.DataFrame:
    """An empty history."""
    return pd.DataFrame(
        {
            ROW_ID: pd.Series(dtype="object"),
            "event_time": pd.Series(dtype=UTC_TIME),
            "label": pd.Series(dtype="object"),
            AVAILABLE_AT: pd.Series(dtype=UTC_TIME),
            "revision": pd.Series(dtype="int64"),
        }
    )


def extract_labels(frame: pd.DataFrame, ids: pd.Series, spec: ModelSpec, batch: Batch) -> pd.DataFrame:
    """Labels that come with the rows themselves: known `label_delay` after the event.

    Args:
        frame: `Accepted.outcomes`, or any frame with event time and target; rows outside the batch are ignored.
        ids: The row id of each row.
        spec: Names the event time, the target and the delay.
        batch: The batch whose labels are wanted.
    """
    times = frame[spec.event_time]
    wanted = frame[spec.target.column].notna() & ids.notna() & (times >= batch.start) & (times < batch.end)
    return _labels(ids[wanted], times[wanted], frame.loc[wanted, spec.target.column], times[wanted] + spec.target.label_delay)


def labels_from_source(
    delivered: pd.DataFrame, rows: pd.DataFrame, spec: ModelSpec, *, schema: object = None
) -> pd.DataFrame:
    """Labels of a source of their own, joined to the rows of a batch by row id; labels of unknown rows are ignored.

    Args:
        delivered: The row id columns, the target column and, where known, `available_at`.
        rows: `ra_row_id` and event time of the batch's rows.
        spec: Names the columns; without `available_at` a label is known `label_delay` after the event.
        schema: pandera schema that may give the type of the target.

    Raises:
        DataError: a column is missing.
    """
    for column in (*spec.row_id, spec.target.column):
        if column not in delivered.columns:
            known = did_you_mean(column, [str(name) for name in delivered.columns])
            raise DataError(f"the labels of model '{spec.name}' must have the column '{column}'.{known}")
    delivered = delivered.reset_index(drop=True)
    targets, _ = read_targets([delivered], spec, schema)  # pyright: ignore[reportArgumentType]
    times = pd.Series(rows[spec.event_time].to_numpy(), index=rows[ROW_ID].to_numpy(), dtype=UTC_TIME)
    typed = pd.DataFrame({name: _id_values(delivered[name]) for name in spec.row_id})
    ids = row_ids(typed, spec.row_id)
    events = ids.map(times[~times.index.duplicated()]).astype(UTC_TIME)
    available = events + spec.target.label_delay
    if AVAILABLE_AT in delivered.columns:
        own, _ = read_as(delivered[AVAILABLE_AT], "datetime", lenient=True)
        # Nobody knows an outcome before the event.
        available = own.fillna(available).where(lambda moments: moments >= events, events)
    wanted = events.notna() & targets.notna()
    return _labels(ids[wanted], events[wanted], targets[wanted], available[wanted])


def _id_values(values: pd.Series) -> pd.Series:
    """Numbers and times in a text become what a typed column holds, so that `007` and `7` meet only as numbers."""
    return values.astype("object")


def _labels(ids: pd.Series, times: pd.Series, labels: pd.Series, available: pd.Series) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            ROW_ID: ids.to_numpy(dtype=object),
            "event_time": pd.Series(times.array).astype(UTC_TIME),
            "label": pd.Series(labels.array),
            AVAILABLE_AT: pd.Series(available.array).astype(UTC_TIME),
            "revision": pd.Series(1, index=range(len(ids)), dtype="int64"),
        }
    )
    plain = {"Int64": "int64", "boolean": "bool"}.get(str(frame["label"].dtype))
    return frame.astype({"label": plain}) if plain else frame


def merge_labels(stored: pd.DataFrame | None, delivered: pd.DataFrame, as_of: datetime) -> MergedLabels:
    """The history after a delivery that happened as of a cutoff.

    Of several labels for one row in the delivery the newest that is known by then counts. It is kept when it
    differs from the newest kept one, as the next revision, and is available no earlier than `as_of` if it is late or
    a correction. So reading as of any moment before gives what it gave before.
    """
    history = no_labels() if stored is None else stored[list(LABEL_COLUMNS)]
    known = delivered[delivered[AVAILABLE_AT] <= as_of]
    newest = known.sort_values(AVAILABLE_AT, kind="stable").drop_duplicates(ROW_ID, keep="last")
    current = history.sort_values("revision", kind="stable").drop_duplicates(ROW_ID, keep="last")
    pairs = newest[[ROW_ID, "label"]].merge(current[[ROW_ID, "label", "revision"]], on=ROW_ID, how="left", suffixes=("", "_held"))
    is_new = pairs["revision"].isna().to_numpy()
    changed = ~is_new & (pairs["label"].astype("object") != pairs["label_held"].astype("object")).to_numpy()
    keep = is_new | changed
    fresh = newest[keep].copy()
    fresh["revision"] = pairs["revision"].fillna(0).to_numpy(dtype="int64")[keep] + 1
    cutoff = pd.Timestamp(as_of).tz_convert("UTC")
    fresh[AVAILABLE_AT] = fresh[AVAILABLE_AT].where(fresh[AVAILABLE_AT] > cutoff, cutoff).astype(UTC_TIME)
    parts = [part for part in (history, fresh) if len(part)]
    frame = pd.concat(parts, ignore_index=True) if len(parts) > 1 else (parts[0] if parts else delivered.iloc[:0])
    frame = frame.sort_values(["event_time", ROW_ID, "revision"], kind="stable").reset_index(drop=True)
    return MergedLabels(
        frame=frame,
        added=int(is_new.sum()),
        corrected=int(changed.sum()),
        duplicates=len(known) - int(keep.sum()),
        pending=len(delivered) - len(known),
    )


def labels_as_of(labels: pd.DataFrame, moment: datetime) -> pd.DataFrame:
    """What was known at a moment: of each row the highest revision that was available by then."""
    known = labels[labels[AVAILABLE_AT] <= moment]
    newest = known.sort_values("revision", kind="stable").drop_duplicates(ROW_ID, keep="last")
    return newest.sort_values(["event_time", ROW_ID], kind="stable").reset_index(drop=True)
