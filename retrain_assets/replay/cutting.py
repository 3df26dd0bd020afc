"""The batch of each row of a bare file that has a time and no column of batches."""

from __future__ import annotations

import pandas as pd

from retrain_assets.errors import DataError
from retrain_assets.replay.file_table import NO_FEATURES, left_out

LENGTHS = ("hour", "day", "week", "month")


def is_cut(frame: pd.DataFrame, batch: str) -> bool:
    """Whether the batches are a length of time; a column of that name goes first."""
    return batch in LENGTHS and batch not in frame.columns


def cut_by_time(frame: pd.DataFrame, length: str) -> pd.DataFrame:
    """The table with a column `length`: the start of each row's hour, day, week or month in UTC.

    Weeks begin on the weekday of the first row.

    >>> frame = pd.DataFrame({"at": ["2024-01-03 10:00", "2024-01-09", "2024-01-10"], "y": [1, 2, 3]})
    >>> cut_by_time(frame, "week")["week"].tolist()
    ['2024-01-03', '2024-01-03', '2024-01-10']

    Raises:
        DataError: not exactly one column holds times.
    """
    times = [name for name, held in left_out(frame).items() if held == NO_FEATURES["datetime"]]
    if len(times) != 1:
        found = ", ".join(times) or "none"
        raise DataError(
            f"--batch names no column of the file (got {length!r}), and the file is cut into batches of a {length} "
            f"only where one column holds times (got {found}): add a column with the batch of each row, and name that"
        )
    try:
        at = pd.to_datetime(frame[times[0]], utc=True, format="ISO8601")
    except (TypeError, ValueError) as error:
        raise DataError(f"the times in {times[0]!r} cannot be read: {error}") from error
    if length == "hour":
        starts = at.dt.strftime("%Y-%m-%dT%H:00")
    elif length == "month":
        starts = at.dt.strftime("%Y-%m")
    else:
        days = at.dt.normalize()
        behind = pd.to_timedelta((days - days.min()).dt.days % (7 if length == "week" else 1), unit="D")
        starts = (days - behind).dt.strftime("%Y-%m-%d")
    return frame.assign(**{length: starts})
