"""Copies whole stores: into a file as a backup, and from it into an empty store of any kind."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from coordinator.store.engine import make_engine, readable_name
from coordinator.store.migrate import upgrade
from coordinator.store.tables import metadata
from help_core.errors import BadInput, Conflict, NotFound, StoreError

ROWS_AT_ONCE = 1000


def back_up(url: str, path: Path) -> dict[str, int]:
    """Writes one moment of a store to a new file; how many rows of each table.

    Raises ``Conflict`` if the file exists, ``NotFound`` if the store does not.
    """
    if path.exists():
        raise Conflict(f"{path} exists; name a file that does not")
    _check_exists(url)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    try:
        counts = _copy(url, str(part))
        _sync(part)
        part.rename(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        part.unlink(missing_ok=True)
    return counts


def restore(path: Path, url: str) -> dict[str, int]:
    """Fills an empty store from a backup; how many rows of each table.

    Raises ``NotFound`` if there is no such file and ``Conflict`` if the store is not empty.
    """
    if not path.is_file():
        raise NotFound(f"there is no backup {path}")
    return _copy(str(path), url)


def _check_exists(url: str) -> None:
    engine = make_engine(url)
    engine.dispose()
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file():
        raise NotFound(f"there is no store {readable_name(engine.url)}; name one with --store")


def _copy(source_url: str, target_url: str) -> dict[str, int]:
    source, target = make_engine(source_url), make_engine(target_url)
    try:
        # A backup of an older version, or a store that was not upgraded yet.
        upgrade(source)
        upgrade(target)
        return _copy_rows(source, target)
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise StoreError(
            f"copying {readable_name(source.url)} to {readable_name(target.url)} failed"
            f" ({str(cause).splitlines()[0][:200]}); the copy was not made"
        ) from None
    finally:
        source.dispose()
        target.dispose()


def _copy_rows(source: sa.Engine, target: sa.Engine) -> dict[str, int]:
    counts: dict[str, int] = {}
    with (
        source.connect().execution_options(help_write=False) as reading,
        target.connect() as writing,
    ):
        if source.dialect.name == "postgresql":
            # All tables as of one moment, while coordinators go on.
            reading = reading.execution_options(isolation_level="REPEATABLE READ")
        with reading.begin(), writing.begin():
            _check_empty(writing, target)
            for table in metadata.sorted_tables:
                counts[table.name] = _copy_table(reading, writing, table)
            if target.dialect.name == "postgresql":
                _set_sequences(writing)
    return counts


def _check_empty(writing: sa.Connection, target: sa.Engine) -> None:
    for table in metadata.sorted_tables:
        if writing.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise Conflict(
                f"the store {readable_name(target.url)} holds {table.name} already;"
                " restore into a new one"
            )


def _copy_table(reading: sa.Connection, writing: sa.Connection, table: sa.Table) -> int:
    count = 0
    rows = reading.execution_options(yield_per=ROWS_AT_ONCE).execute(sa.select(table))
    for part in rows.partitions(ROWS_AT_ONCE):
        writing.execute(table.insert(), [dict(row._mapping) for row in part])
        count += len(part)
    stored = writing.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    if stored != count:
        raise BadInput(f"{stored} of {count} {table.name} arrived; the copy was not made")
    return count


def _set_sequences(writing: sa.Connection) -> None:
    """Ids go on behind those that were copied."""
    for table in metadata.sorted_tables:
        if table.autoincrement_column is not None:
            highest = sa.select(sa.func.max(table.c.id)).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(table.name, "id")
            writing.execute(
                sa.select(
                    sa.func.setval(sequence, sa.func.coalesce(highest, 1), highest.is_not(None))
                )
            )


def _sync(path: Path) -> None:
    """Has the file on the disk before it gets its name."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
