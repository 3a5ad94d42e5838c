"""Collections, labels, quarantine and turns of devices"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

QUEUE_BEFORE = ["device", "state", "priority", "id"]
QUEUE = ["device", "state", "collection", "priority", "attempts", "id"]


def upgrade() -> None:
    op.create_table(
        "collections",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("created_s", sa.Float(precision=53), nullable=False),
        sa.Column("deadline_s", sa.Float(precision=53), nullable=True),
        sa.Column("ended", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_collections")),
    )
    # Collections were only named by their jobs before.
    op.execute(
        "INSERT INTO collections (name, priority, created_s, ended)"
        " SELECT collection, 0, 0, '' FROM jobs WHERE collection <> '' GROUP BY collection"
    )
    for column in (
        sa.Column("labels", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("failures_in_row", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("quarantined_until_s", sa.Float(precision=53), nullable=True),
        sa.Column("turn", sa.BigInteger(), nullable=False, server_default="0"),
    ):
        op.add_column("devices", column)
    op.drop_index("ix_jobs_queue", table_name="jobs")
    op.create_index("ix_jobs_queue", "jobs", QUEUE, unique=False)
    op.create_index("ix_jobs_collection", "jobs", ["collection", "state"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_jobs_collection", table_name="jobs")
    op.drop_index("ix_jobs_queue", table_name="jobs")
    op.create_index("ix_jobs_queue", "jobs", QUEUE_BEFORE, unique=False)
    for name in ("turn", "quarantined_until_s", "failures_in_row", "note", "labels"):
        op.drop_column("devices", name)
    op.drop_table("collections")
