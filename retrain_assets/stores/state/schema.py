"""The tables of the state database. A change here needs a step in `migrations/versions`; a test compares the two.

Names begin with `ra_`, so that Dagster and MLflow may share a PostgreSQL database with us.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import sqlalchemy as sa

from retrain_assets.errors import DamagedRecordError


class _Reading(Protocol):
    """From what the driver gives to a time."""

    def __call__(self, value: Any) -> datetime | None: ...


class UtcTime(sa.TypeDecorator[datetime]):
    """An instant: with a zone on both sides, in UTC between."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time must have a zone (got {value!r})")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> _Reading:
        read = super().result_processor(dialect, coltype)

        def checked(value: Any) -> datetime | None:
            try:
                return value if read is None else read(value)
            except (ValueError, TypeError) as error:
                raise _unreadable("a time", value, error) from error

        return checked

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - the interface
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(sa.TypeDecorator[Any]):
    """JSON as text: the same on every database, and NaN, which is no JSON, comes back as it went in."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - the interface
        return None if value is None else encode(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:  # noqa: ARG002 - the interface
        try:
            return None if value is None else json.loads(value)
        except (ValueError, TypeError) as error:
            raise _unreadable("JSON", value, error) from error


def _unreadable(what: str, value: object, error: Exception) -> DamagedRecordError:
    return DamagedRecordError(
        f"the state database holds {str(value)[:60]!r} where {what} must stand ({error}): somebody changed it, or it "
        "is damaged. Put a backup of it back"
    )


def encode(value: Any) -> str:
    """JSON text; times as ISO text, numpy numbers as numbers, tuples and sets as lists."""
    return json.dumps(value, default=_plain, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a record of the state database must hold plain values (got {type(value).__name__}: {value!r})")


METADATA = sa.MetaData()
# SQLite gives a row id again after its row was deleted, unless told AUTOINCREMENT; readers keep ids as cursors.
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _table(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(
        f"ra_{name}",
        METADATA,
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        *columns,
        sqlite_autoincrement=True,
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _integer(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=nullable)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, UtcTime, nullable=False)


def _json(name: str) -> sa.Column[Any]:
    return sa.Column(name, JsonText, nullable=False)


OUTBOX = _table(
    "outbox",
    _text("kind"),
    _text("model"),
    _text("batch", nullable=True),
    _text("key", nullable=True),
    _json("payload"),
    _time("recorded_at"),
    sa.UniqueConstraint("kind", "model", "key", name="ra_outbox_key"),
    sa.Index("ra_outbox_model", "model", "kind", "id"),
)
ARRIVALS = _table(
    "arrivals",
    _text("model"),
    _text("batch"),
    _integer("revision"),
    _text("kind"),
    _text("content_hash"),
    _json("parts"),
    _time("arrived_at"),
    sa.UniqueConstraint("model", "batch", "revision", "kind", "content_hash", name="ra_arrivals_once"),
)
STEPS = _table(
    "steps",
    _text("model"),
    _text("batch"),
    _text("job"),
    _integer("attempt"),
    _integer("revision"),
    _text("outcome"),
    _text("cause"),
    _time("as_of"),
    _time("finished_at"),
    _text("run_id", nullable=True),
    _json("detail"),
    sa.UniqueConstraint("model", "batch", "job", "attempt", name="ra_steps_once"),
)
DECISIONS = _table(
    "decisions",
    _text("model"),
    _text("batch"),
    _integer("attempt"),
    _text("verdict"),
    _text("reason"),
    _text("cause"),
    _json("triggers"),
    _time("as_of"),
    _time("decided_at"),
    _integer("champion_version", nullable=True),
    sa.Column("retrospective", sa.Boolean, nullable=False),
    _json("state"),
    _text("run_id", nullable=True),
    sa.UniqueConstraint("model", "batch", "attempt", name="ra_decisions_once"),
)
PROMOTIONS = _table(
    "promotions",
    _text("model"),
    _integer("version"),
    _text("action"),
    sa.Column("previous_id", _SERIAL, sa.ForeignKey("ra_promotions.id"), nullable=True),
    _text("batch", nullable=True),
    _integer("attempt", nullable=True),
    _time("as_of"),
    _time("training_end"),
    _text("actor"),
    _text("reason"),
    _time("promoted_at"),
    _json("evidence"),
    # The chain: one successor for each promotion, and one beginning for each model.
    sa.UniqueConstraint("model", "previous_id", name="ra_promotions_successor"),
)
sa.Index(
    "ra_promotions_first",
    PROMOTIONS.c.model,
    unique=True,
    sqlite_where=PROMOTIONS.c.previous_id.is_(None),
    postgresql_where=PROMOTIONS.c.previous_id.is_(None),
)
MODEL_VERSIONS = _table(
    "model_versions",
    _text("model"),
    _integer("version"),
    _text("model_hash"),
    _text("uri"),
    _text("run_id"),
    _text("batch"),
    _integer("attempt"),
    _time("training_end"),
    _text("training_hash"),
    _text("data_hash"),
    _text("artifact_hash"),
    sa.UniqueConstraint("model", "version", name="ra_model_versions_once"),
)
EPISODES = _table(
    "episodes",
    _text("model"),
    _text("episode"),
    _integer("champion_version"),
    _text("opened_batch"),
    _text("last_batch"),
    sa.Column("score", sa.Double, nullable=False),
    _text("acknowledged_batch", nullable=True),
    sa.Column("acknowledged_score", sa.Double, nullable=True),
    sa.Column("acknowledged_early", sa.Boolean, nullable=False),
    _text("closed_batch", nullable=True),
    sa.UniqueConstraint("model", "episode", name="ra_episodes_once"),
)
STAGES = _table(
    "stages",
    _text("model"),
    _integer("version"),
    _text("stage"),
    _text("previous", nullable=True),
    _text("actor"),
    _text("reason"),
    _time("moved_at"),
    sa.Index("ra_stages_version", "model", "version", "id"),
)
APPROVALS = _table(
    "approvals",
    _text("model"),
    _integer("version"),
    _text("model_hash"),
    _text("artifact_hash"),
    _text("batch"),
    _integer("attempt"),
    _integer("champion_version", nullable=True),
    _text("reason"),
    _time("requested_at"),
    _time("expires_at"),
    _json("evidence"),
    sa.UniqueConstraint("model", "version", "attempt", name="ra_approvals_once"),
)
ANSWERS = _table(
    "answers",
    sa.Column("approval_id", _SERIAL, sa.ForeignKey("ra_approvals.id"), nullable=False),
    _text("model"),
    _integer("version"),
    _text("verdict"),
    _text("person"),
    _text("proof"),
    _text("reason"),
    _time("answered_at"),
    sa.UniqueConstraint("approval_id", "person", name="ra_answers_once"),
)
AUDIT = _table(
    "audit",
    _text("model"),
    _integer("sequence"),
    _text("kind"),
    sa.Column("record_id", _SERIAL, nullable=False),
    _text("record_hash"),
    _json("summary"),
    _time("recorded_at"),
    _text("previous_hash"),
    _text("entry_hash"),
    # The chain: of two entries that follow the same one, one loses.
    sa.UniqueConstraint("model", "sequence", name="ra_audit_chain"),
)
MODEL_MOVES = _table(
    "model_moves",
    _text("model"),
    _text("action"),
    _text("previous", nullable=True),
    _text("actor"),
    _text("reason"),
    _time("moved_at"),
)
LEASES = sa.Table(
    "ra_leases",
    METADATA,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
)
