"""Requests to adapt with their answers, and the newest measurements of a device"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "adapt_runs",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("detached", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started_s", sa.Float(precision=53), nullable=False),
        sa.Column("ended_s", sa.Float(precision=53), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("support", sa.JSON(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("touched_s", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adapt_runs")),
    )
    op.create_index("ix_adapt_runs_started", "adapt_runs", ["started_s"])
    op.create_index("ix_adapt_runs_device", "adapt_runs", ["device", "started_s"])
    op.create_index("ix_adapt_runs_state", "adapt_runs", ["state", "space", "started_s"])
    op.create_index("ix_reports_newest", "reports", ["device", "id"])


def downgrade() -> None:
    op.drop_index("ix_reports_newest", table_name="reports")
    op.drop_table("adapt_runs")
