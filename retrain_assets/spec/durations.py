"""Durations with units, as people write them: `1 week`, `90 minutes`, `12 hours`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from retrain_assets.errors import did_you_mean

UNITS: dict[str, timedelta] = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
LONGEST = timedelta(weeks=10_000)
"""Some 190 years: times of nanoseconds, as tables have them, end in 1677 and 2262."""
_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*")


def parse_duration(value: object) -> timedelta:
    """Reads a duration with its unit.

    >>> parse_duration("1.5 hours")
    datetime.timedelta(seconds=5400)

    Raises:
        ValueError: no number, no unit, an unknown unit, or longer than `LONGEST`.
    """
    if isinstance(value, timedelta):
        return value
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"must be a number with a unit, such as '1 week' or '90 minutes' (got {value!r})")
    number, unit = float(match[1]), match[2].lower().removesuffix("s")
    if unit not in UNITS:
        raise ValueError(f"has an unknown unit '{match[2]}'.{did_you_mean(match[2], [u + 's' for u in UNITS])}")
    if number > LONGEST / UNITS[unit]:
        raise ValueError(
            f"must be at most {format_duration(LONGEST)}, some 190 years (got {value!r}): write a shorter one"
        )
    return number * UNITS[unit]


PERIODS = {
    "hour": "1 hour",
    "day": "1 day",
    "week": "1 week",
    "month": "30 days",
    "quarter": "91 days",
    "year": "365 days",
}


def parse_period(text: str) -> timedelta:
    """Reads the length of a period: a word, or a duration.

    >>> parse_period("month") == parse_period("30 days")
    True

    Raises:
        ValueError: an unknown word, or no duration.
    """
    if text.isalpha():
        if text not in PERIODS:
            raise ValueError(f"has an unknown period '{text}'.{did_you_mean(text, PERIODS)}")
        return parse_duration(PERIODS[text])
    return parse_duration(text)


def format_duration(value: timedelta) -> str:
    """The shortest exact form of a duration.

    >>> format_duration(timedelta(days=14))
    '2 weeks'
    """
    seconds = value.total_seconds()
    for unit, size in reversed(UNITS.items()):
        number = seconds / size.total_seconds()
        if number == int(number) and (number >= 1 or unit == "second"):
            return f"{int(number)} {unit}{'' if number == 1 else 's'}"
    return f"{seconds:.6f}".rstrip("0") + " seconds"


def _dump(value: Any) -> str:
    return format_duration(value)


def _some_time(value: timedelta) -> timedelta:
    if not value:
        raise ValueError(
            "must be longer than no time at all (got 0): within no time nothing is counted, and nothing would bind"
        )
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(_dump, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["1 week", "90 minutes"], "pattern": _FORM.pattern}),
]

Period = Annotated[Duration, AfterValidator(_some_time)]
"""The length of a trailing period in which something is counted."""
