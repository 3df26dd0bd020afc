"""The first schema.

Written out, not taken from `schema.py`: a step must stay what it was when that module goes on.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create(
        "ra_outbox",
        _text("kind"),
        _text("model"),
        _text("batch", nullable=True),
        _text("key", nullable=True),
        _text("payload"),
        sa.Column("recorded_at", _time, nullable=False),
        sa.UniqueConstraint("kind", "model", "key", name="ra_outbox_key"),
    )
    op.create_index("ra_outbox_model", "ra_outbox", ["model", "kind", "id"])
    _create(
        "ra_arrivals",
        _text("model"),
        _text("batch"),
        _integer("revision"),
        _text("kind"),
        _text("content_hash"),
        _text("parts"),
        sa.Column("arrived_at", _time, nullable=False),
        sa.UniqueConstraint("model", "batch", "revision", "kind", "content_hash", name="ra_arrivals_once"),
    )
    _create(
        "ra_steps",
        _text("model"),
        _text("batch"),
        _text("job"),
        _integer("attempt"),
        _integer("revision"),
        _text("outcome"),
        _text("cause"),
        sa.Column("as_of", _time, nullable=False),
        sa.Column("finished_at", _time, nullable=False),
        _text("run_id", nullable=True),
        _text("detail"),
        sa.UniqueConstraint("model", "batch", "job", "attempt", name="ra_steps_once"),
    )
    _create(
        "ra_decisions",
        _text("model"),
        _text("batch"),
        _integer("attempt"),
        _text("verdict"),
        _text("reason"),
        _text("cause"),
        _text("triggers"),
        sa.Column("as_of", _time, nullable=False),
        sa.Column("decided_at", _time, nullable=False),
        _integer("champion_version", nullable=True),
        sa.Column("retrospective", sa.Boolean, nullable=False),
        _text("state"),
        _text("run_id", nullable=True),
        sa.UniqueConstraint("model", "batch", "attempt", name="ra_decisions_once"),
    )
    _create(
        "ra_promotions",
        _text("model"),
        _integer("version"),
        _text("action"),
        sa.Column("previous_id", _serial, sa.ForeignKey("ra_promotions.id"), nullable=True),
        _text("batch", nullable=True),
        _integer("attempt", nullable=True),
        sa.Column("as_of", _time, nullable=False),
        sa.Column("training_end", _time, nullable=False),
        _text("actor"),
        _text("reason"),
        sa.Column("promoted_at", _time, nullable=False),
        _text("evidence"),
        sa.UniqueConstraint("model", "previous_id", name="ra_promotions_successor"),
    )
    first = sa.text("previous_id IS NULL")
    op.create_index(
        "ra_promotions_first", "ra_promotions", ["model"], unique=True, sqlite_where=first, postgresql_where=first
    )
    _create(
        "ra_model_versions",
        _text("model"),
        _integer("version"),
        _text("model_hash"),
        _text("uri"),
        _text("run_id"),
        _text("batch"),
        _integer("attempt"),
        sa.Column("training_end", _time, nullable=False),
        _text("training_hash"),
        _text("data_hash"),
        _text("artifact_hash"),
        sa.UniqueConstraint("model", "version", name="ra_model_versions_once"),
    )
    _create(
        "ra_episodes",
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
    op.create_table(
        "ra_leases",
        sa.Column("model", sa.Text, primary_key=True),
        _text("owner"),
        sa.Column("expires_at", _time, nullable=False),
    )


def downgrade() -> None:
    for name in ("leases", "episodes", "model_versions", "promotions", "decisions", "steps", "arrivals", "outbox"):
        op.drop_table(f"ra_{name}")


def _create(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("id", _serial, primary_key=True, autoincrement=True),
        *columns,
        sqlite_autoincrement=True,
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _integer(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=nullable)
