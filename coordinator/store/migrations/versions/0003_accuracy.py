"""Users' own accuracies"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accuracy_rows",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("architecture", sa.String(length=512), nullable=False),
        sa.Column("accuracy_percent", sa.Float(precision=53), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("space", "architecture", name=op.f("pk_accuracy_rows")),
    )


def downgrade() -> None:
    op.drop_table("accuracy_rows")
