"""Rows in the order of time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retrain_assets.data.row_ids import ROW_ID


def in_time_order(frame: pd.DataFrame, event_time: str) -> pd.DataFrame:
    """The rows by event time, equal times by row id, numbered anew; the frame itself where it is so already.

    Tables are written in this order and mostly come back in it: looking is far cheaper than sorting by ids.

    >>> rows = pd.DataFrame({"at": pd.to_datetime(["2013-01-02", "2013-01-01"], utc=True), "ra_row_id": ["a", "b"]})
    >>> in_time_order(rows, "at")["ra_row_id"].tolist()
    ['b', 'a']
    """
    if is_in_time_order(frame, event_time):
        return frame if frame.index.equals(pd.RangeIndex(len(frame))) else frame.reset_index(drop=True)
    return frame.sort_values([event_time, ROW_ID], kind="stable", ignore_index=True)


def time_order(times: pd.Series, ids: pd.Series) -> list[int]:
    """The positions of rows by time, equal times by id; neither may be missing."""
    moments = times.to_numpy(dtype="datetime64[us]")
    by_time = np.argsort(moments, kind="stable")
    order: list[int] = by_time.tolist()
    changes = np.flatnonzero(np.diff(moments[by_time])) + 1
    starts, ends = np.append(0, changes), np.append(changes, len(order))
    together = ends - starts > 1
    # Texts are compared only where times are equal.
    texts = ids.tolist()
    for start, end in zip(starts[together].tolist(), ends[together].tolist(), strict=True):
        order[start:end] = sorted(order[start:end], key=texts.__getitem__)
    return order


def is_in_time_order(frame: pd.DataFrame, event_time: str) -> bool:
    """Whether the rows lie by event time, equal times by row id."""
    times = frame[event_time].to_numpy(dtype="datetime64[us]")
    ids = frame[ROW_ID].to_numpy(dtype=object)
    same_time = times[1:] == times[:-1]
    return bool(np.all((times[1:] > times[:-1]) | (same_time & (ids[1:] >= ids[:-1]))))
