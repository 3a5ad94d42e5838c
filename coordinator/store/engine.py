"""Database engines, and the settings that SQLite needs to be durable and concurrent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from help_core.errors import BadInput, StoreError

BUSY_TIMEOUT_MS = 15_000
CACHE_KIB = 32 * 1024
PAGES_PER_CHECKPOINT = 2000
SERVER_CONNECTIONS = 10
"""Of one coordinator to a database server; it overflows to twice as many."""


def make_engine(url: str) -> sa.Engine:
    """An engine for a database URL; a path or ``sqlite:///PATH`` is SQLite.

    Raises ``BadInput`` for a URL that nothing understands.
    """
    parsed = _parse(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        try:
            engine = sa.create_engine(parsed, pool_pre_ping=True, pool_size=SERVER_CONNECTIONS)
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise BadInput(
                f"no driver for the store {readable_name(parsed)} ({error}); use sqlite:///PATH,"
                " or install help-fleet[postgres] for postgresql://"
            ) from None
        if engine.dialect.name == "postgresql":
            sa.event.listen(engine, "begin", _begin_postgresql)
        return engine
    in_memory = not parsed.database or parsed.database == ":memory:"
    if parsed.database and not in_memory:
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"cannot make the folder of the store {parsed.database} ({error})"
            ) from None
    try:
        # A database in memory is its one connection, which callers then take in turn.
        engine = sa.create_engine(
            parsed,
            connect_args={"check_same_thread": False},
            poolclass=sa.QueuePool,
            pool_size=1 if in_memory else 5,
            max_overflow=0 if in_memory else 10,
        )
    except ArgumentError:
        raise BadInput(f"store {url[:80]!r} is no SQLite URL; use sqlite:///PATH") from None
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def readable_name(url: sa.URL) -> str:
    """The store's name for messages, without its password."""
    return url.database or "" if url.get_backend_name() == "sqlite" else url.render_as_string()


def _parse(url: str) -> sa.URL:
    try:
        return sa.make_url(url if "://" in url else f"sqlite:///{url}")
    except ArgumentError:
        raise BadInput(
            f"store {url[:80]!r} is no database URL; use sqlite:///PATH or postgresql://…"
        ) from None


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver must not begin transactions by itself: _begin_sqlite does, with the right lock.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    # An acknowledged measurement survives a power cut, which NORMAL does not promise in WAL.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # The indexes that a batch of reports touches stay in memory, and many batches share
    # the cost of copying the log into the file.
    cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    cursor.execute(f"PRAGMA wal_autocheckpoint={PAGES_PER_CHECKPOINT}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    # Without a sync a commit still survives the death of the process, not a power cut; the
    # next durable commit makes it durable too.
    mode = "FULL" if options.get("help_durable", True) else "NORMAL"
    connection.exec_driver_sql(f"PRAGMA synchronous={mode}")
    # A transaction that reads and then writes would fail when another writes in between.
    write = options.get("help_write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _begin_postgresql(connection: sa.Connection) -> None:
    if not connection.get_execution_options().get("help_durable", True):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
