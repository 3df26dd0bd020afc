"""The golden set: the training rows whose scores are part of a model's identity."""

from __future__ import annotations

import pandas as pd

GOLDEN_ROWS = 64


def golden_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The first rows in order of row id: the same ones however the frame is ordered.

    >>> golden_rows(pd.DataFrame({"ra_row_id": ["b", "a"], "x": [2, 1]}))["x"].tolist()
    [1, 2]
    """
    return frame.sort_values("ra_row_id", kind="stable").head(GOLDEN_ROWS)
