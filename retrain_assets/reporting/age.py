"""How long ago, in words."""

from __future__ import annotations

from datetime import timedelta

from retrain_assets.spec import format_duration


def age(value: timedelta | None) -> str:
    """An age in the largest unit that gives two digits or fewer: `3 weeks`, `45 minutes`.

    >>> age(timedelta(days=23, hours=5))
    '23 days'
    """
    if value is None:
        return ""
    value = max(value, timedelta(0))
    for unit in (timedelta(weeks=1), timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)):
        whole = value // unit
        if whole >= (4 if unit.days == 7 else 2):
            return _plural(whole, unit)
    return f"{int(value.total_seconds())} seconds"


def _plural(number: int, unit: timedelta) -> str:
    name = format_duration(unit).removeprefix("1 ")
    return f"{number} {name}s"
