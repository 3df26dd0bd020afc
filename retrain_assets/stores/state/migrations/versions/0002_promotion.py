"""Stages, approvals with their answers, and the hash chain over all that decides.

What was recorded before this step is told to the chain by `upgrade`, which knows how an entry is hashed.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create(
        "ra_stages",
        _text("model"),
        _integer("version"),
        _text("stage"),
        _text("previous", nullable=True),
        _text("actor"),
        _text("reason"),
        sa.Column("moved_at", _time, nullable=False),
    )
    op.create_index("ra_stages_version", "ra_stages", ["model", "version", "id"])
    _create(
        "ra_approvals",
        _text("model"),
        _integer("version"),
        _text("model_hash"),
        _text("artifact_hash"),
        _text("batch"),
        _integer("attempt"),
        _integer("champion_version", nullable=True),
        _text("reason"),
        sa.Column("requested_at", _time, nullable=False),
        sa.Column("expires_at", _time, nullable=False),
        _text("evidence"),
        sa.UniqueConstraint("model", "version", "attempt", name="ra_approvals_once"),
    )
    _create(
        "ra_answers",
        sa.Column("approval_id", _serial, sa.ForeignKey("ra_approvals.id"), nullable=False),
        _text("model"),
        _integer("version"),
        _text("verdict"),
        _text("person"),
        _text("proof"),
        _text("reason"),
        sa.Column("answered_at", _time, nullable=False),
        sa.UniqueConstraint("approval_id", "person", name="ra_answers_once"),
    )
    _create(
        "ra_audit",
        _text("model"),
        _integer("sequence"),
        _text("kind"),
        sa.Column("record_id", _serial, nullable=False),
        _text("record_hash"),
        _text("summary"),
        sa.Column("recorded_at", _time, nullable=False),
        _text("previous_hash"),
        _text("entry_hash"),
        sa.UniqueConstraint("model", "sequence", name="ra_audit_chain"),
    )


def downgrade() -> None:
    for name in ("audit", "answers", "approvals", "stages"):
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
