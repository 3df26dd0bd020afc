"""Features of an hour, from its own row. This module travels with the model: it imports pandas only."""

from __future__ import annotations

import pandas as pd


def build(frame: pd.DataFrame) -> pd.DataFrame:
    """Weather and calendar; the place in the year is left to the temperature."""
    features = frame[["holiday", "workingday", "weathersit", "temp", "atemp", "hum", "windspeed"]].copy()
    features["hour"] = frame["hour_start"].dt.hour
    features["weekday"] = frame["hour_start"].dt.dayofweek
    return features
