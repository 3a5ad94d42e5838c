"""Boards that their agents do not reach"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column: sa.Column[bool] = sa.Column(
        "away", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("devices", column)


def downgrade() -> None:
    op.drop_column("devices", "away")
