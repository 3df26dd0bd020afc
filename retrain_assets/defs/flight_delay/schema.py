"""What a flight must look like. Missing weather and planes are a part of life; impossible ones are not."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

_CARRIERS = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"]


class Flights(pa.DataFrameModel):
    """Scheduled flights from New York with the weather at departure and the registered plane.

    Some tail numbers lead to a helicopter, a two-seater or a plane of the fifties in the register of planes: these
    rows are wrong, whatever flew.
    """

    time_hour: pd.DatetimeTZDtype = pa.Field(
        dtype_kwargs={"unit": "us", "tz": "UTC"}, description="Scheduled departure, to the hour."
    )
    carrier: str = pa.Field(isin=_CARRIERS, description="Two-letter code of the airline.")
    flight: int = pa.Field(gt=0, description="Flight number.")
    tailnum: str = pa.Field(nullable=True, description="Tail number of the plane.")
    origin: str = pa.Field(isin=["EWR", "JFK", "LGA"], description="Airport of departure.")
    dest: str = pa.Field(str_matches=r"^[A-Z]{3}$", description="Airport of arrival.")
    distance: float = pa.Field(ge=50, le=6000, description="Distance in miles; nobody flies from Newark to LaGuardia.")
    sched_dep_time: int = pa.Field(ge=0, le=2359, description="Scheduled departure, local time as hhmm.")
    temp: float = pa.Field(ge=-20, le=120, nullable=True, description="Temperature in degrees Fahrenheit.")
    dewp: float = pa.Field(ge=-40, le=90, nullable=True, description="Dew point in degrees Fahrenheit.")
    humid: float = pa.Field(ge=0, le=100, nullable=True, description="Relative humidity in percent.")
    wind_dir: float = pa.Field(ge=0, le=360, nullable=True, description="Wind direction in degrees.")
    wind_speed: float = pa.Field(ge=0, le=120, nullable=True, description="Wind speed in miles an hour.")
    precip: float = pa.Field(ge=0, le=10, nullable=True, description="Precipitation in inches.")
    pressure: float = pa.Field(ge=900, le=1080, nullable=True, description="Pressure at sea level in millibars.")
    visib: float = pa.Field(ge=0, le=10, nullable=True, description="Visibility in miles.")
    year_built: float = pa.Field(ge=1975, le=2013, nullable=True, description="Year in which the plane was built.")
    type: str = pa.Field(isin=["Fixed wing multi engine"], nullable=True, description="Type of the plane.")
    manufacturer: str = pa.Field(nullable=True, description="Manufacturer of the plane.")
    engines: float = pa.Field(ge=2, le=4, nullable=True, description="Number of engines.")
    seats: float = pa.Field(ge=20, le=600, nullable=True, description="Number of seats.")
    engine: str = pa.Field(nullable=True, description="Type of the engines.")
    delayed: pd.BooleanDtype = pa.Field(
        nullable=True, description="Arrived more than 15 minutes late; unknown where the flight never arrived."
    )
