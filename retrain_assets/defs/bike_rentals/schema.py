"""What an hour of bike rentals must look like."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa


class BikeHours(pa.DataFrameModel):
    """Hours with their weather, scaled as the source publishes it, and the bikes that were rented."""

    hour_start: pd.DatetimeTZDtype = pa.Field(
        dtype_kwargs={"unit": "us", "tz": "UTC"},
        unique=True,
        description="Start of the hour, as if local time were UTC.",
    )
    season: int = pa.Field(isin=[1, 2, 3, 4], description="Winter, spring, summer, autumn.")
    holiday: bool = pa.Field(description="A public holiday.")
    workingday: bool = pa.Field(description="Neither a weekend nor a holiday.")
    weathersit: str = pa.Field(
        isin=["clear", "cloudy/misty", "light rain/snow", "heavy rain/snow"], description="What the sky did."
    )
    temp: float = pa.Field(ge=0, le=1, description="Temperature, scaled to [0, 1].")
    atemp: float = pa.Field(ge=0, le=1, description="Temperature as it felt, scaled to [0, 1].")
    hum: float = pa.Field(gt=0, le=1, description="Relative humidity; 0 means that the instrument failed.")
    windspeed: float = pa.Field(ge=0, le=1, description="Wind speed, scaled to [0, 1].")
    bikers: float = pa.Field(ge=0, nullable=True, description="Bikes rented in the hour.")
