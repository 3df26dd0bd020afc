"""The data of the demo: flights come from a package by themselves, bike rentals as files in a drop folder."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pandas as pd

from retrain_assets.errors import DataError
from retrain_assets.home import Home

NEXT_WEEKS = 4
"""The newest weeks that are left to the user to drop."""

_TABLE = ("ISLP", "data/Bikeshare.csv")
_START = datetime(2011, 1, 1, tzinfo=UTC)
_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekFile:
    """One week of bike rentals as a CSV file."""

    batch: str
    name: str
    content: bytes
    rows: int

    @property
    def end(self) -> datetime:
        """When the week was over."""
        return datetime.fromisoformat(self.batch).replace(tzinfo=UTC) + _WEEK


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFolder:
    """Where the demo puts its files: `drop` is watched, what lies in `upcoming` is for the user to move there."""

    drop: Path
    upcoming: Path

    @classmethod
    def of(cls, home: Home) -> DropFolder:
        """The folders below a home."""
        return cls(drop=home.drop / "bike_rentals", upcoming=home.folder / "next" / "bike_rentals")

    def deliver(self, week: WeekFile) -> Path:
        """Drops one week, as a whole file at once; what lies there already with this content is left alone."""
        return _put(self.drop / week.name, week)

    def prepare(self, weeks: tuple[WeekFile, ...]) -> tuple[Path, ...]:
        """Makes both folders and leaves the newest weeks for the user, but for those that were moved already."""
        self.drop.mkdir(parents=True, exist_ok=True)
        self.upcoming.mkdir(parents=True, exist_ok=True)
        left = [week for week in weeks[len(weeks) - NEXT_WEEKS :] if not (self.drop / week.name).exists()]
        return tuple(_put(self.upcoming / week.name, week) for week in left)


def bike_weeks() -> tuple[WeekFile, ...]:
    """The whole weeks of 2011, in order, as files in the form of the source plus the start of each hour.

    The hour is written as if local time were UTC; the single day behind the last whole week is left out.

    Raises:
        DataError: the package that holds the table is not installed.
    """
    table = pd.read_csv(io.BytesIO(_package_file(*_TABLE)))
    start = pd.Timestamp(_START)
    hours = start + pd.to_timedelta(table["day"] - 1, unit="D") + pd.to_timedelta(table["hr"], unit="h")
    table = table.drop(columns=["mnth", "day", "hr", "weekday"])
    table.insert(0, "hour_start", hours.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    number = (hours - start) // _WEEK
    whole = int((hours.max() + timedelta(hours=1) - start) // _WEEK)
    return tuple(_week_file(week, table[number == week]) for week in range(whole))


def flight_cache() -> Path:
    """Joins the tables of the flights where that was not done yet."""
    from retrain_assets.defs.flight_delay.source import flights_file

    return flights_file()


def _week_file(week: int, rows: pd.DataFrame) -> WeekFile:
    batch = (_START + week * _WEEK).strftime("%Y-%m-%d")
    text = rows.to_csv(index=False, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    return WeekFile(batch=batch, name=f"{batch}.csv", content=text.encode(), rows=len(rows))


def _package_file(package: str, path: str) -> bytes:
    """A file of an installed package, which is never imported: its dependencies are not there."""
    try:
        file = Path(str(distribution(package).locate_file(package))) / path
        return file.read_bytes()
    except (PackageNotFoundError, FileNotFoundError) as error:
        raise DataError(
            f"the demo reads {path} of the package {package}, which is not there: install it with "
            "`pip install --no-deps --require-hashes -r requirements/demo-nodeps.txt`."
        ) from error


def _put(path: Path, week: WeekFile) -> Path:
    """Writes a file under a hidden name first, so that nobody reads half of it; what is there stays."""
    if path.exists() and path.read_bytes() == week.content:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(week.content)
        # The file is whole and as old as its week: a watcher need not wait whether it still grows.
        os.utime(temporary, (week.end.timestamp(), week.end.timestamp()))
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path
