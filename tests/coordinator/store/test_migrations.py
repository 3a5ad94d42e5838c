"""Migrations, forwards and backwards, with data in the tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from coordinator.store import open_store
from coordinator.store.engine import make_engine
from coordinator.store.migrate import alembic_config, downgrade
from coordinator.store.tables import metadata

FIRST = """
INSERT INTO agents VALUES ('aaaaaaaa', '0.1.0', 1.5);
INSERT INTO devices (name, agent_id, board, settings) VALUES
 ('box', 'aaaaaaaa', '{"kind": "x86"}', '{"runtime": "onnxruntime"}');
INSERT INTO jobs (device, architecture, purpose, collection, priority, state, attempts, token,
 agent_id, error) VALUES ('box', 's:a', 'collect', 'c1', 0, 'done', 1, 1, 'aaaaaaaa', '');
INSERT INTO jobs (device, architecture, purpose, collection, priority, state, attempts, token,
 agent_id, error) VALUES ('box', 's:b', 'support', '', 10, 'queued', 0, 0, '', '');
INSERT INTO reports (key, job_id, token, stale, agent_id, device, architecture,
 measured_unix_s, verdict, median_ms, samples_ns, details, failure_class, message) VALUES
 ('k0000001', 1, 1, '0', 'aaaaaaaa', 'box', 's:a', 3.5, 'valid', 2.0, NULL, '{}', '', '')
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "postgresql":
        with request.getfixturevalue("postgres").database() as url:
            made = make_engine(url)
            yield made
            made.dispose()
    else:
        made = make_engine(str(tmp_path / "store.db"))
        yield made
        made.dispose()


def _upgrade(engine: sa.Engine, revision: str) -> None:
    with engine.connect() as connection, connection.begin():
        command.upgrade(alembic_config(connection), revision)


def _rows(engine: sa.Engine) -> dict[str, list[dict[str, object]]]:
    """Every row of every table but Alembic's own."""
    found = sa.MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(sa.select(table))]
            for table in found.sorted_tables
            if table.name != "alembic_version"
        }


def test_every_step_keeps_what_the_first_version_held_both_ways(engine: sa.Engine) -> None:
    _upgrade(engine, "0001")
    with engine.connect() as connection, connection.begin():
        for statement in FIRST.split(";"):
            connection.exec_driver_sql(statement)
    before = _rows(engine)
    scripts = ScriptDirectory.from_config(alembic_config())
    steps = [script.revision for script in scripts.walk_revisions()][::-1][1:]
    assert steps
    for revision in steps:
        _upgrade(engine, revision)
        after = _rows(engine)
        for table, rows in before.items():
            kept = [{key: row[key] for key in rows[0]} for row in after[table]] if rows else []
            assert kept == rows, (revision, table)
    assert [row["name"] for row in _rows(engine)["collections"]] == ["c1"]
    downgrade(engine, "0001")
    assert _rows(engine) == before
    _upgrade(engine, "head")


def test_the_migrations_make_the_tables_of_the_code(engine: sa.Engine) -> None:
    open_store(engine.url.render_as_string(hide_password=False)).close()
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
