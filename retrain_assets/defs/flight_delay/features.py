"""Features of a flight, each from its own row. This module travels with the model: it imports pandas only."""

from __future__ import annotations

import pandas as pd

_AS_THEY_ARE = [
    "carrier", "origin", "dest", "distance",
    "temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib",
    "seats", "manufacturer", "engine",
]  # fmt: skip


def build(frame: pd.DataFrame) -> pd.DataFrame:
    """Schedule, route, weather at departure and plane.

    There is no month among the features: a model that saw eight weeks could only misread the ninth.
    """
    local = frame["time_hour"].dt.tz_convert("America/New_York")
    features = frame[_AS_THEY_ARE].copy()
    features["hour"] = frame["sched_dep_time"] // 100 + frame["sched_dep_time"] % 100 / 60
    features["weekday"] = local.dt.dayofweek
    features["plane_age"] = local.dt.year - frame["year_built"]
    return features
