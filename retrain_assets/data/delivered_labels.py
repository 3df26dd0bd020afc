"""Labels as they are delivered: with the rows of their batch, or by a source of their own, joined by row id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.contracts import Contract
from retrain_assets.data.conversion import UTC_TIME, Kind, kind_of, read_as
from retrain_assets.data.labels import AVAILABLE_AT, no_labels
from retrain_assets.data.personal import has_personal_ids, pseudonyms
from retrain_assets.data.row_ids import ROW_ID, row_ids
from retrain_assets.data.targets import read_targets, target_kind, unreadable_values
from retrain_assets.data.windows import Batch
from retrain_assets.errors import DataError, did_you_mean
from retrain_assets.spec import decimal_mark

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
    ids: pd.Series | None = None,
) -> DeliveredLabels:
    """What `extract_labels` gives, told from the rows that were accepted instead of by checking all of them again.

    Args:
        frames: as in `extract_labels`.
        contract: as in `extract_labels`.
        batch: as in `extract_labels`.
        rows: The accepted rows: their id and event time.
        stored: as in `extract_labels`.
        ids: Those of all rows of the files, where they are known from their check; else they are read.
    """
    spec = contract.spec
    accepted = pd.Index(rows[ROW_ID], dtype=object)
    place = _places(contract.reader.ids(frames) if ids is None else ids, accepted)
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
    mark = decimal_mark(spec.target.labels or spec.source)
    typed = {name: _id_values(delivered[name], contract.schema.columns.get(name), mark) for name in spec.row_id}
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


def _id_values(values: pd.Series, column: Any, decimal: str) -> pd.Series:
    """The values of an id column as the schema's type, so that `007` and 7 are one id where ids are numbers."""
    dtype = getattr(getattr(column, "dtype", None), "type", None)
    return values if dtype is None else read_as(values, kind_of(dtype), lenient=True, decimal=decimal)[0]


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
