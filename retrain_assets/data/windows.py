"""Batches as half-open UTC windows, and the calendar that cuts time into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from retrain_assets.spec import BatchesSpec

_STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True, order=True)
class Batch:
    """One window `[start, end)` in UTC; its key is the ISO form of its start."""

    start: datetime
    end: datetime
    key: str

    @property
    def as_of(self) -> datetime:
        """The cutoff: nothing that became known later may be read for this batch."""
        return self.end

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True, slots=True)
class Calendar:
    """All batches of a declaration.

    A window that would reach past the declared end is not a batch: it could never be complete.

    >>> weeks = Calendar(BatchesSpec(every="week", start="2013-01-01", end="2014-01-01"))
    >>> len(list(weeks.until(datetime(2020, 1, 1, tzinfo=UTC)))), str(weeks.next(weeks.first))
    (52, '2013-01-08')
    """

    spec: BatchesSpec

    @property
    def key_format(self) -> str:
        """strftime format of the keys: dates, with the time of day where a batch is shorter than a day."""
        start = self.spec.start
        midnight = (start.hour, start.minute, start.second) == (0, 0, 0)
        return "%Y-%m-%d" if self.spec.every != "hour" and midnight else "%Y-%m-%dT%H:%M"

    @property
    def per_year(self) -> float:
        """Batches in a year of 365.25 days.

        >>> Calendar(BatchesSpec(every="month", start="2013-01-01")).per_year
        12.0
        """
        return 12.0 if self.spec.every == "month" else timedelta(days=365.25) / _STEPS[self.spec.every]

    @property
    def cron(self) -> str:
        """The starts of the batches as a cron expression in UTC."""
        start = self.spec.start
        minute, hour = start.minute, start.hour
        return {
            "hour": f"{minute} * * * *",
            "day": f"{minute} {hour} * * *",
            "week": f"{minute} {hour} * * {start.isoweekday() % 7}",
            "month": f"{minute} {hour} {start.day} * *",
        }[self.spec.every]

    @property
    def first(self) -> Batch:
        """The first batch."""
        return self._at(self.spec.start)

    def batch(self, key: str) -> Batch:
        """The batch of a key.

        Raises:
            ValueError: the key is not the start of a batch of this calendar.
        """
        return _batch_of(self, key)

    def containing(self, moment: datetime) -> Batch | None:
        """The batch whose window holds the moment; None outside the calendar."""
        if moment < self.spec.start:
            return None
        if self.spec.every == "month":
            months = (moment.year - self.spec.start.year) * 12 + moment.month - self.spec.start.month
            start = _add_months(self.spec.start, months)
            if start > moment:
                start = _add_months(self.spec.start, months - 1)
        else:
            step = _STEPS[self.spec.every]
            start = self.spec.start + (moment - self.spec.start) // step * step
        batch = self._at(start)
        return None if self.spec.end is not None and batch.end > self.spec.end else batch

    def next(self, batch: Batch) -> Batch | None:
        """The following batch; None after the last."""
        return self.containing(batch.end)

    def previous(self, batch: Batch) -> Batch | None:
        """The preceding batch; None before the first."""
        return self.containing(batch.start - timedelta(microseconds=1))

    def until(self, moment: datetime) -> Iterator[Batch]:
        """All batches whose window has closed at the moment, in order."""
        last = moment if self.spec.end is None else min(moment, self.spec.end)
        batch = self.first
        while batch.end <= last:
            yield batch
            batch = self._at(batch.end)

    def _at(self, start: datetime) -> Batch:
        return _batch_at(start, self.spec.every, self.key_format)


# The same batches are named over and over: reading and writing a date takes longer than all else about them.
@lru_cache(maxsize=8192)
def _batch_of(calendar: Calendar, key: str) -> Batch:
    try:
        start = datetime.strptime(key, calendar.key_format).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"batch key must look like {calendar.first.key!r} (got {key!r})") from None
    found = calendar.containing(start)
    if found is None or found.start != start:
        every = calendar.spec.every
        raise ValueError(f"no batch starts at {key!r}: batches are every {every} from {calendar.first.key}")
    return found


@lru_cache(maxsize=8192)
def _batch_at(start: datetime, every: str, key_format: str) -> Batch:
    end = _add_months(start, 1) if every == "month" else start + _STEPS[every]
    return Batch(start=start, end=end, key=start.strftime(key_format))


def _add_months(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, 12)
    return moment.replace(year=moment.year + years, month=month + 1)
