"""Sections of a declaration: the stream's batches, what is refused of them, and what no model trains on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from retrain_assets.spec.base import Share, SpecModel
from retrain_assets.spec.durations import Duration
from retrain_assets.spec.sources import SourceSpec


def _utc(value: object) -> datetime:
    """Dates and times are UTC; a naive one is taken as UTC."""
    if isinstance(value, datetime):
        moment = value
    else:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise ValueError(f"must be an ISO date or time such as '2013-01-01' (got {value!r})") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


UtcTime = Annotated[datetime, BeforeValidator(_utc, json_schema_input_type=str)]


class BatchesSpec(SpecModel):
    """The half-open UTC windows into which the stream is cut."""

    every: Literal["hour", "day", "week", "month"] = Field(
        description="Length of a batch; weeks begin on the weekday of `start`."
    )
    start: UtcTime = Field(description="Start of the first batch (UTC).")
    end: UtcTime | None = Field(default=None, description="End of the last batch; without it the stream goes on.")
    tolerance: Duration = Field(
        default=timedelta(days=1), description="A batch that arrives later than its window's end plus this is late."
    )

    @model_validator(mode="after")
    def _ordered(self) -> BatchesSpec:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end must be after start (got start {self.start}, end {self.end})")
        if self.every == "month" and self.start.day > 28:
            raise ValueError(f"start must be on day 1 to 28 for monthly batches (got day {self.start.day})")
        return self


class TargetSpec(SpecModel):
    """What the model predicts and when the truth is known."""

    column: str = Field(description="Column of the target in the source, or of the label in `labels`.")
    label_delay: Duration = Field(
        default=timedelta(0), description="Time from a row's event to the moment its label is known."
    )
    labels: SourceSpec | None = Field(
        default=None,
        description="A source of its own for labels: the row id columns, the target column and, where known, "
        "`available_at`. By default the target column of `source`. A query or a callable is asked when labels mature, "
        "and with each new batch until enough of them are there, and after that for as long as its `recheck` says.",
    )
    mature_share: Share = Field(default=0.95, description="A batch is mature when this share of its rows has a label.")


class QuarantineSpec(SpecModel):
    """How much of a batch may be refused before the whole batch is."""

    tolerance: Share = Field(
        default=0.05, description="Largest share of rows in quarantine with which a batch goes on."
    )


class ReserveSpec(SpecModel):
    """Rows that no model ever trains on, chosen by a stable hash."""

    share: float = Field(default=0.2, gt=0, lt=1, description="Share of the rows (or blocks) of every batch.")
    block: str | None = Field(
        default=None, description="Column whose equal values are reserved together (an entity, a day)."
    )
