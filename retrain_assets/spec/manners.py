"""Manners of retraining: when it may run, what it may spend, and when it asks a person first."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from retrain_assets.errors import did_you_mean
from retrain_assets.spec.base import SpecModel
from retrain_assets.spec.durations import Period, parse_period

_SPEND = re.compile(r"\s*(\d+(?:\.\d+)?)\s+(cpu\s+\w+|\w+)\s+per\s+(.+?)\s*")
_UNITS: dict[str, tuple[str, float]] = {
    "cpu second": ("cpu_seconds", 1),
    "cpu minute": ("cpu_seconds", 60),
    "cpu hour": ("cpu_seconds", 3600),
    "money": ("money", 1),
}
_QUIET = re.compile(r"\s*(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})\s*")


def _no_number(value: object) -> object:
    if isinstance(value, (str, time)):
        return value
    raise ValueError(f"must be a text such as '22:00', in quotes: YAML reads 22:00 as a number (got {value!r})")


def _no_zone(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError(f"must have no zone, it is UTC (got {value})")
    return value


TimeOfDay = Annotated[time, BeforeValidator(_no_number), AfterValidator(_no_zone)]


class QuietHoursSpec(SpecModel):
    """Hours of the day (UTC, wall time) in which no retrain starts; may go over midnight."""

    begin: TimeOfDay = Field(description="From then on; written out in quotes, or as `22:00-06:00`.")
    end: TimeOfDay = Field(description="Until then.")

    @model_validator(mode="after")
    def _some_hours_are_left(self) -> QuietHoursSpec:
        if self.begin == self.end:
            raise ValueError(f"begin and end must differ (got {self.begin:%H:%M} for both): no hour would be left")
        return self

    def hold(self, moment: datetime) -> bool:
        """Whether a moment lies within them."""
        now = moment.time()
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end

    def end_after(self, moment: datetime) -> datetime:
        """The first end of them after a moment."""
        end = moment.replace(hour=self.end.hour, minute=self.end.minute, second=self.end.second, microsecond=0)
        return end if end > moment else end + timedelta(days=1)


def _quiet(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _QUIET.fullmatch(value)
    if match is None:
        raise ValueError(f"must read like '22:00-06:00', in UTC (got {value!r})")
    try:
        begin, end = (time.fromisoformat(text.zfill(5)) for text in match.groups())
    except ValueError:
        raise ValueError(f"must be times of the day, 00:00 to 23:59 (got {value!r})") from None
    return {"begin": begin, "end": end}


QuietHours = Annotated[QuietHoursSpec, BeforeValidator(_quiet, json_schema_input_type=str | QuietHoursSpec)]


class SpendSpec(SpecModel):
    """What the retrains of a trailing period of batch time may cost together."""

    limit: float = Field(
        gt=0, description="So much; written out, or as `2 cpu hours per month` or `50 money per year`."
    )
    unit: Literal["cpu_seconds", "money"] = Field(
        description="Processor time of the trainings, as it was measured, or money, as `cost.retrain` declares it."
    )
    period: Period = Field(description="Length of the trailing period.")


def _spend(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _SPEND.fullmatch(value)
    if match is None:
        raise ValueError(f"must read like '2 cpu hours per month' or '50 money per year' (got {value!r})")
    unit = re.sub(r"\s+", " ", match[2].lower()).removesuffix("s")
    if unit not in _UNITS:
        raise ValueError(f"has an unknown unit '{match[2]}'.{did_you_mean(unit, _UNITS)}")
    name, factor = _UNITS[unit]
    return {"limit": float(match[1]) * factor, "unit": name, "period": parse_period(match[3])}


Spend = Annotated[SpendSpec, BeforeValidator(_spend, json_schema_input_type=str | SpendSpec)]


class Manners(SpecModel):
    """Fields of `retrain` beside its condition, cooldown, budget and confirmation."""

    quiet_hours: QuietHours | None = Field(
        default=None,
        description="Such as `22:00-06:00` (UTC): a retrain that was decided starts after them, and what follows for "
        "the model waits for it. Default: none.",
    )
    spend: Spend | None = Field(
        default=None,
        description="Such as `2 cpu hours per month` or `50 money per year`; in batch time. Default: no limit.",
    )
    hold_beyond: float | None = Field(
        default=None,
        gt=1,
        description="A retrain is held for a person where the batch's drift score exceeds so many times the largest of "
        "all batches before it. Default: never.",
    )
    slices: tuple[str, ...] = Field(
        default=(),
        description="Columns of few values, whose values are the slices of which `performance` tells the metrics, and "
        "that the trigger `slice_decay` watches.",
    )
    min_rows_since_change: int | None = Field(
        default=None,
        ge=1,
        description="While a drift episode is open, a retrain waits for so many labelled training rows since it "
        "opened. A person need not wait. Default: no such check.",
    )
