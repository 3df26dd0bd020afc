"""Labels as a history: each has the moment from which it was known, and a correction is a further revision.

What was known at a moment never changes afterwards: a label that arrives later, or is corrected later, is available
no earlier than its delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.contracts import Contract
from retrain_assets.data.conversion import UTC_TIME, Kind, kind_of, read_as
from retrain_assets.data.personal import has_personal_ids, pseudonyms
from retrain_assets.data.row_ids import ROW_ID, row_ids
from retrain_assets.data.targets import read_targets, target_kind, unreadable_values
from retrain_assets.data.time_order import in_time_order
from retrain_assets.data.windows import Batch
from retrain_assets.errors import DataError, StoreError, did_you_mean

AVAILABLE_AT = "available_at"
BATCH = "ra_batch"
LABEL_COLUMNS = (ROW_ID, "event_time", "label", AVAILABLE_AT, "revision")
SHOWN_IDS = 3
"""So many of the ids that are no row's are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredLabels:
    """The labels of a batch as they are delivered, one row each, before any history.

    `unreadable` counts the rows whose label is there and cannot be read; `unreadable_values` are the first of those.
    `quarantined` counts the labels of rows of the batch that are in quarantine, `unknown` those of rows that are none
    of the batch's, or not yet: `unknown_ids` are the first of their ids. `early` counts those that are dated before the
    event of their row, `undated` those whose own date cannot be read, and that count as known `label_delay` after the
    event. A date without a time of day is before an event where its day is; all that is earlier is known from the
    event on.
    """

    labels: pd.DataFrame
    unreadable: int = 0
    unreadable_values: tuple[str, ...] = ()
    quarantined: int = 0
    unknown: int = 0
    unknown_ids: tuple[str, ...] = ()
    early: int = 0
    undated: int = 0


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


def extract_labels(
    frames: Sequence[tuple[str, pd.DataFrame]], contract: Contract, batch: Batch, *, stored: pd.Series | None = None
) -> DeliveredLabels:
    """Labels that come with the rows themselves: known `label_delay` after the event.

    Only accepted rows have labels, and only those whose target could be read.

    Args:
        frames: Name and content of each file of the batch, as they are checked for `validated`.
        contract: Tells the ids, the event times and the targets.
        batch: The batch whose labels are wanted.
        stored: Labels of the model that are stored already: new ones are read as what those are.
    """
    spec = contract.spec
    kind = target_kind([frame for _, frame in frames], spec, contract.schema, stored=stored)
    checked = contract.check(frames, batch, target_kind=kind)
    known = checked.outcomes[checked.outcomes[spec.target.column].notna()]
    times = known[spec.event_time]
    return DeliveredLabels(
        labels=_labels(known[ROW_ID], times, known[spec.target.column], times + spec.target.label_delay),
        unreadable=checked.unreadable_targets,
        unreadable_values=checked.unreadable_values,
    )


def labels_of_rows(
    frames: Sequence[tuple[str, pd.DataFrame]],
    contract: Contract,
    batch: Batch,
    rows: pd.DataFrame,
    *,
    stored: pd.Series | None = None,
) -> DeliveredLabels:
    """What `extract_labels` gives, told from the rows that were accepted instead of by checking all of them again.

    Args:
        frames: as in `extract_labels`.
        contract: as in `extract_labels`.
        batch: as in `extract_labels`.
        rows: The accepted rows: their id and event time.
        stored: as in `extract_labels`.
    """
    spec = contract.spec
    accepted = pd.Index(rows[ROW_ID], dtype=object)
    place = _places(contract.reader.ids(frames), accepted)
    if place is None:
        # Of rows with one id only the check tells which was accepted.
        return extract_labels(frames, contract, batch, stored=stored)
    raw = [frame for _, frame in frames]
    kind = target_kind(raw, spec, contract.schema, stored=stored)
    targets, bad = read_targets(raw, spec, contract.schema, kind=kind)
    there = place >= 0
    unreadable = np.zeros_like(bad)
    unreadable[place[there]] = bad[place[there]]
    labels = targets.iloc[place[there]]
    labelled = rows[[ROW_ID, spec.event_time]][there][labels.notna().to_numpy()]
    times = labelled[spec.event_time]
    return DeliveredLabels(
        labels=_labels(labelled[ROW_ID], times, labels[labels.notna()], times + spec.target.label_delay),
        unreadable=int(unreadable.sum()),
        unreadable_values=unreadable_values(raw, spec, unreadable),
    )


def _places(ids: pd.Series, accepted: pd.Index) -> npt.NDArray[np.intp] | None:
    """Where among all rows of the files each accepted row is, -1 for nowhere; None where an id is there twice.

    Ids are long texts: they are looked up once.
    """
    if not accepted.is_unique:
        return None
    of_rows = accepted.get_indexer(pd.Index(ids, dtype=object))
    found = np.flatnonzero(of_rows >= 0)
    place = np.full(len(accepted), -1, dtype=np.intp)
    place[of_rows[found]] = found
    return place if np.count_nonzero(place >= 0) == len(found) else None


def join_labels(
    frames: Sequence[tuple[str, pd.DataFrame]],
    contract: Contract,
    rows: pd.DataFrame,
    *,
    stored: pd.Series | None = None,
    quarantine: Callable[[], Collection[str]] = tuple[str, ...],
) -> DeliveredLabels:
    """Labels of a source of their own, joined to the rows of a batch by row id; those of unknown rows are counted.

    Args:
        frames: Name and content of each file: the row id columns, the target column and, where known, `available_at`.
            Without that a label is known `label_delay` after the event; nobody knows an outcome before its event.
        contract: Tells the ids and types.
        rows: The validated rows of the batch: their id and event time.
        stored: Labels of the model that are stored already: new ones are read as what those are.
        quarantine: Tells the ids of the batch's rows that are in quarantine; asked where a label has no accepted row.

    Raises:
        DataError: a column is missing.
    """
    kind = target_kind([frame for _, frame in frames], contract.spec, contract.schema, stored=stored)
    parts = [_joined(name, frame.reset_index(drop=True), contract, rows, kind, quarantine) for name, frame in frames]
    filled = [part.labels for part in parts if len(part.labels)]
    return DeliveredLabels(
        labels=pd.concat(filled, ignore_index=True) if filled else no_labels(),
        unreadable=sum(part.unreadable for part in parts),
        unreadable_values=tuple(dict.fromkeys(value for part in parts for value in part.unreadable_values)),
        quarantined=sum(part.quarantined for part in parts),
        unknown=sum(part.unknown for part in parts),
        unknown_ids=tuple(dict.fromkeys(each for part in parts for each in part.unknown_ids))[:SHOWN_IDS],
        early=sum(part.early for part in parts),
        undated=sum(part.undated for part in parts),
    )


def _joined(
    file: str,
    delivered: pd.DataFrame,
    contract: Contract,
    rows: pd.DataFrame,
    kind: Kind,
    quarantine: Callable[[], Collection[str]],
) -> DeliveredLabels:
    spec = contract.spec
    for column in (*spec.row_id, spec.target.column):
        if column not in delivered.columns:
            known = did_you_mean(column, [str(name) for name in delivered.columns])
            raise DataError(f"{file}: labels of model '{spec.name}' must have the column '{column}'.{known}")
    targets, bad = read_targets([delivered], spec, contract.schema, kind=kind)
    times = pd.Series(rows[spec.event_time].array, index=rows[ROW_ID].to_numpy(dtype=object)).astype(UTC_TIME)
    typed = {name: _id_values(delivered[name], contract.schema.columns.get(name)) for name in spec.row_id}
    ids = row_ids(pd.DataFrame(typed), spec.row_id)
    ids = pseudonyms(ids) if has_personal_ids(spec) else ids
    events = ids.map(times[~times.index.duplicated()]).astype(UTC_TIME)
    available = events + spec.target.label_delay
    has_row = events.notna().to_numpy()
    wanted, unreadable = has_row & targets.notna().to_numpy(), has_row & bad
    rowless = ~has_row & (targets.notna().to_numpy() | bad)
    refused = rowless & ids.isin([*quarantine()]).to_numpy() if rowless.any() else rowless
    unknown = rowless & ~refused
    early = undated = 0
    if AVAILABLE_AT in delivered.columns:
        own, unread = read_as(delivered[AVAILABLE_AT], "datetime", lenient=True)
        if unread.any():
            unread = unread & ~delivered[AVAILABLE_AT].astype("object").map(_is_blank).to_numpy(dtype=bool)
        # A plain date is read as its midnight: the label came at some time of that day.
        event_days = events.where(own != own.dt.normalize(), events.dt.normalize())
        early, undated = int(((own < event_days).to_numpy() & wanted).sum()), int((unread & wanted).sum())
        available = own.fillna(available).where(lambda moments: moments >= events, events)
    return DeliveredLabels(
        labels=_labels(ids[wanted], events[wanted], targets[wanted], available[wanted]),
        unreadable=int(unreadable.sum()),
        unreadable_values=unreadable_values([delivered], spec, unreadable),
        quarantined=int(refused.sum()),
        unknown=int(unknown.sum()),
        unknown_ids=tuple(map(str, ids[unknown].dropna().unique()[:SHOWN_IDS])),
        early=early,
        undated=undated,
    )


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _id_values(values: pd.Series, column: Any) -> pd.Series:
    """The values of an id column as the schema's type, so that `007` and 7 are one id where ids are numbers."""
    dtype = getattr(getattr(column, "dtype", None), "type", None)
    return values if dtype is None else read_as(values, kind_of(dtype), lenient=True)[0]


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
        if not (index.is_unique and wanted.is_unique):
            raise StoreError(f"validated or labels of batch {batch} hold a row twice: materialize them again")
        found = index.get_indexer(wanted)
        place[at] = np.where(found >= 0, labelled[found] if len(labelled) else -1, -1)
    at = np.flatnonzero(place >= 0 if among is None else (place >= 0) & among)
    joined = rows.take(at)
    joined.index = pd.RangeIndex(len(at))
    joined["label"] = known["label"].array[place[at]]
    return joined


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
