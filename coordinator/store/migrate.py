"""Brings a store to the newest schema with Alembic."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from coordinator.store.engine import readable_name
from help_core.errors import Incompatible

MIGRATION_LOCK = 0x48454C50  # any number that nobody else locks


def alembic_config(connection: sa.Connection | None = None) -> Config:
    """The configuration of our migrations, on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: sa.Engine) -> None:
    """Runs the migrations that are missing; raises ``Incompatible`` for a newer schema."""
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            # Coordinators that start together must not migrate together.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        current = MigrationContext.configure(connection).get_current_revision()
        scripts = ScriptDirectory.from_config(alembic_config())
        if current == scripts.get_current_head():
            return
        config = alembic_config(connection)
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise Incompatible(
                f"the store {readable_name(engine.url)} was made by a newer help-fleet"
                f" (schema {current}); upgrade help-fleet"
            ) from None


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Runs migrations backwards to ``revision``, so that an older help-fleet can go on."""
    with engine.connect() as connection, connection.begin():
        command.downgrade(alembic_config(connection), revision)
