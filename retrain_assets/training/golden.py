"""The golden set: the training rows whose scores are part of a model's identity."""

from __future__ import annotations

import heapq

import pandas as pd

GOLDEN_ROWS = 64


def golden_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The first rows in order of row id: the same ones however the frame is ordered.

    >>> golden_rows(pd.DataFrame({"ra_row_id": ["b", "a"], "x": [2, 1]}))["x"].tolist()
    [1, 2]
    """
    ids = frame["ra_row_id"].tolist()
    # The first of many ids are found ten times faster than all are sorted.
    return frame.iloc[heapq.nsmallest(GOLDEN_ROWS, range(len(ids)), key=ids.__getitem__)]
