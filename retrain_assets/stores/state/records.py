"""Between the records of the domain and the rows of the state database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from retrain_assets.data.arrivals import Arrival, RawPart
from retrain_assets.drift.episodes import Episode
from retrain_assets.policy.decision import Decision, TriggerState
from retrain_assets.promotion.approvals import ApprovalRequest
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import OutboxRow, Step
from retrain_assets.training.bundle import ModelVersion

Row = Mapping[Any, Any]
Record = TypeVar("Record")


def outbox_row(row: Row) -> OutboxRow:
    """The record of a row."""
    return OutboxRow(**_own(OutboxRow, row))


def arrival_values(arrival: Arrival) -> dict[str, Any]:
    """The row of a record."""
    return _values(arrival) | {"parts": [asdict(part) for part in arrival.parts]}


def arrival_of(row: Row) -> Arrival:
    """The record of a row."""
    values = _own(Arrival, row)
    values["parts"] = tuple(RawPart(**part) for part in row["parts"])
    return Arrival(**values)


def step_values(step: Step) -> dict[str, Any]:
    """The row of a record."""
    return _values(step) | {"detail": dict(step.detail)}


def step_of(row: Row) -> Step:
    """The record of a row."""
    return Step(**_own(Step, row))


def decision_values(decision: Decision) -> dict[str, Any]:
    """The row of a record."""
    return _values(decision) | {
        "triggers": [asdict(trigger) for trigger in decision.triggers],
        "state": dict(decision.state),
    }


def decision_of(row: Row) -> Decision:
    """The record of a row."""
    values = _own(Decision, row)
    values["triggers"] = tuple(TriggerState(**trigger) for trigger in row["triggers"])
    return Decision(**values)


def promotion_values(promotion: Promotion) -> dict[str, Any]:
    """The row of a record, without its id."""
    values = _values(promotion) | {"evidence": dict(promotion.evidence)}
    del values["id"]
    return values


def promotion_of(row: Row) -> Promotion:
    """The record of a row."""
    return Promotion(**_own(Promotion, row))


def approval_values(request: ApprovalRequest) -> dict[str, Any]:
    """The row of a record, without its id."""
    values = _values(request) | {"evidence": dict(request.evidence)}
    del values["id"]
    return values


def plain_values(record: Any) -> dict[str, Any]:
    """The row of a record whose fields are columns as they are."""
    return _values(record)


def of_row(record: type[Record], row: Row) -> Record:
    """The record of a row whose columns are fields as they are."""
    return record(**_own(record, row))


def model_version_of(row: Row) -> ModelVersion:
    """The record of a row."""
    return ModelVersion(**_own(ModelVersion, row))


def model_version_values(version: ModelVersion) -> dict[str, Any]:
    """The row of a record."""
    return _values(version)


def episode_values(episode: Episode) -> dict[str, Any]:
    """The row of a record."""
    values = _values(episode)
    return values | {"episode": values.pop("id")}


def episode_of(row: Row) -> Episode:
    """The record of a row."""
    return Episode(**_own(Episode, row) | {"id": row["episode"]})


def same(table: sa.Table, row: Row, values: Row, *, but: frozenset[str] = frozenset()) -> bool:
    """A stored row and the values of a record say the same, once both are in the form in which they are stored."""
    return all(
        _stored(table.c[name].type, row[name]) == _stored(table.c[name].type, value)
        for name, value in values.items()
        if name not in but
    )


def _stored(kind: sa.types.TypeEngine[Any], value: Any) -> Any:
    bind: Callable[[Any, Any], Any] | None = getattr(kind, "process_bind_param", None)
    return value if bind is None else bind(value, _PLAIN_DIALECT)


_PLAIN_DIALECT = sqlite.dialect()


def _values(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _own(record: type[Any], row: Row) -> dict[str, Any]:
    return {field.name: row[field.name] for field in fields(record) if field.name in row}
