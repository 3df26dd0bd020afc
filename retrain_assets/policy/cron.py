"""Cron expressions of five fields, in UTC: minute, hour, day of month, month, day of week.

Each field is `*`, a number, a range `a-b`, a step `*/n`, `a-b/n` or `a/n`, or a list of these; months and weekdays also
by their English names. Sunday is 0 or 7. As in every cron, a day matches by either field where both days are given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

_MONTHS = {
    name: k
    for k, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}
_WEEKDAYS = {name: k for k, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_PART = re.compile(r"(?:(?P<all>\*)|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?")
_LONGEST_GAP = timedelta(days=8 * 366)
"""29 February comes after eight years around a year such as 2100."""


@dataclass(frozen=True, slots=True)
class Cron:
    """The minutes at which something is due.

    >>> from datetime import UTC
    >>> Cron.parse("0 6 * * mon").next(datetime(2013, 1, 1, tzinfo=UTC)).isoformat()
    '2013-01-07T06:00:00+00:00'
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Reads an expression.

        Raises:
            ValueError: not five fields, or a field that cannot be read, with its name.
        """
        fields = text.split()
        if len(fields) != 5:
            raise ValueError(f"a cron expression must have five fields such as '0 6 * * 1' (got {text!r})")
        minute, hour, day, month, weekday = fields
        return cls(
            minutes=_field("minute", minute, 0, 59, {}),
            hours=_field("hour", hour, 0, 23, {}),
            days=_field("day of month", day, 1, 31, {}),
            months=_field("month", month, 1, 12, _MONTHS),
            weekdays=frozenset(number % 7 for number in _field("day of week", weekday, 0, 7, _WEEKDAYS)),
            either_day=not day.startswith("*") and not weekday.startswith("*"),
        )

    def next(self, moment: datetime) -> datetime | None:
        """The first due minute at or after a moment; None if there is none (30 February)."""
        due = moment.replace(second=0, microsecond=0)
        if due < moment:
            due += timedelta(minutes=1)
        limit = due + _LONGEST_GAP
        while due < limit:
            midnight = due.replace(hour=0, minute=0)
            if due.month not in self.months or not self._day_matches(due):
                due = midnight + timedelta(days=1)
            elif due.hour not in self.hours:
                due = due.replace(minute=0) + timedelta(hours=1)
            elif due.minute not in self.minutes:
                due += timedelta(minutes=1)
            else:
                return due
        return None

    def _day_matches(self, moment: datetime) -> bool:
        by_day, by_weekday = moment.day in self.days, moment.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday if self.either_day else by_day and by_weekday


def _field(name: str, text: str, lowest: int, highest: int, names: Mapping[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        low, high, step = _range(name, part, lowest, highest, names)
        if not (lowest <= low <= high <= highest and step >= 1):
            raise ValueError(f"{name} of a cron expression must lie in {lowest}-{highest}, low to high (got {text!r})")
        found.update(range(low, high + 1, step))
    return frozenset(found)


def _range(name: str, part: str, lowest: int, highest: int, names: Mapping[str, int]) -> tuple[int, int, int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"{name} of a cron expression cannot be read: {part!r}")
    step = int(match["step"] or 1)
    if match["all"]:
        return lowest, highest, step
    low = _number(name, match["low"], names)
    if match["high"]:
        return low, _number(name, match["high"], names), step
    return low, highest if match["step"] else low, step


def _number(name: str, text: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not text.isdecimal():
        raise ValueError(f"{name} of a cron expression must be a number or a name (got {text!r})")
    return int(text)
