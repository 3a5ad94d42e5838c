"""Opens the spool's SQLite file, and saves what can be read of a damaged one."""

from __future__ import annotations

import logging
import sqlite3
import struct
import zlib
from pathlib import Path

log = logging.getLogger(__name__)

_WAL_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_BIG_ENDIAN_MAGIC = 0x377F0683
_PAGES_PER_CHECKPOINT = 200
# Without AUTOINCREMENT an emptied table counts from 1 again, behind what was sent.
_SCHEMA = (
    "CREATE TABLE spooled"
    " (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " key TEXT UNIQUE NOT NULL, crc INTEGER NOT NULL, report BLOB NOT NULL)"
)


def checksum(key: str, data: bytes) -> int:
    """CRC-32 of a spooled report: a flipped bit must not become another latency."""
    return zlib.crc32(data, zlib.crc32(key.encode()))


def open_file(path: Path) -> sqlite3.Connection:
    """The spool's database; a damaged file is moved aside and what reads of it is kept.

    Raises ``sqlite3.OperationalError`` if the disk cannot be used.
    """
    wal = path.with_name(path.name + "-wal")
    if _size(wal) and _is_empty(path):
        # SQLite takes this for a new database and deletes the log without a word.
        return _salvage(path, "it is empty, but its log is not")
    torn = torn_tail_bytes(wal)
    if torn:
        log.warning("%s ended in a torn write of %d bytes, which is dropped", path, torn)
    try:
        database = _open(path)
        if torn:
            # A new log, or what is dropped would be said again at the next start.
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return database
    except sqlite3.OperationalError:
        raise
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        # SQLite may quote the damage itself, which is no text then.
        return _salvage(path, str(error))


def _is_empty(path: Path) -> bool:
    # To SQLite a file of one byte is empty, too (unixFileSize in os_unix.c).
    return _size(path) <= 1


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute(f"PRAGMA wal_autocheckpoint={_PAGES_PER_CHECKPOINT}")
        _check_schema(database)
        found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    except (sqlite3.Error, UnicodeDecodeError):
        database.close()
        raise
    return database


def _check_schema(database: sqlite3.Connection) -> None:
    """Makes the table in a new file; raises ``DatabaseError`` where it is not as it was made.

    A flipped bit in the text of the schema is another table to SQLite, and no damage.
    """
    query = (
        "SELECT CAST(sql AS BLOB) FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    found = [sql for (sql,) in database.execute(query)]
    if not found and not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        database.execute(_SCHEMA)
    elif found != [_SCHEMA.encode()]:
        raise sqlite3.DatabaseError("its schema is not as it was made")


def _salvage(path: Path, why: str) -> sqlite3.Connection:
    aside = _move_aside(path)
    rows = [] if _is_empty(aside) else _readable_rows(aside)
    database = _open(path)
    database.executemany("INSERT OR IGNORE INTO spooled VALUES (?, ?, ?, ?)", rows)
    log.error(
        "the spool %s was damaged (%s): %d report(s) could be read and are kept, the rest is"
        " dropped and will be measured again; the damaged file is now %s",
        path,
        why.splitlines()[0][:120] if why else "unreadable",
        len(rows),
        aside.name,
    )
    return database


def _move_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(aside.with_name(aside.name + suffix))
    return aside


def _readable_rows(path: Path) -> list[tuple[int, str, int, bytes]]:
    """Rows that can be read one by one and whose checksum is right."""
    rows: list[tuple[int, str, int, bytes]] = []
    database = sqlite3.connect(path)
    try:
        for number in range(1, _last_id(database) + 1):
            try:
                query = "SELECT id, key, crc, report FROM spooled WHERE id = ?"
                row = database.execute(query, (number,)).fetchone()
            except (sqlite3.Error, UnicodeDecodeError):
                continue
            if row is not None and is_whole(*row[1:]):
                rows.append(row)
    except (sqlite3.Error, UnicodeDecodeError):
        pass
    finally:
        database.close()
    return rows


def _last_id(database: sqlite3.Connection) -> int:
    """The last id given out, as far as it can be read."""
    queries = (
        "SELECT seq FROM sqlite_sequence WHERE name = 'spooled'",
        "SELECT max(id) FROM spooled",
    )
    found = 0
    for query in queries:
        try:
            value = database.execute(query).fetchone()
        except (sqlite3.Error, UnicodeDecodeError):
            continue
        if value is not None and isinstance(value[0], int):
            found = max(found, min(value[0], 10_000_000))
    return found


def is_whole(key: object, crc: object, report: object) -> bool:
    """Whether a row is as it was written."""
    return isinstance(key, str) and isinstance(report, bytes) and checksum(key, report) == crc


def torn_tail_bytes(wal: Path) -> int:
    """How much of a write-ahead log belongs to its present run but will not be read.

    SQLite drops such a tail without a word: everything behind the last commit whose frames are
    whole. Frames that are left over from an earlier run mean nothing: they have neither the
    header's salts nor the checksum that goes on from the frame before, and those of this run
    have lost at most one of the two. Format: sqlite.org/fileformat2.html#walformat
    """
    try:
        data = wal.read_bytes()
    except OSError:
        return 0
    if len(data) < _WAL_HEADER_BYTES:
        return len(data)
    magic, _, page_bytes = struct.unpack_from(">3I", data)
    order = ">" if magic == _BIG_ENDIAN_MAGIC else "<"
    salts = data[16:24]
    sums = _sums(data[:24], order, (0, 0))
    if sums != struct.unpack_from(">2I", data, 24):
        return len(data)
    committed = offset = _WAL_HEADER_BYTES
    while frame := data[offset : offset + _FRAME_HEADER_BYTES + page_bytes]:
        if len(frame) < _FRAME_HEADER_BYTES + page_bytes:
            # A log is made of whole frames; one of this run was cut off, unless its salts differ.
            ours = frame[8:16] == salts[: max(0, len(frame) - 8)]
            return (len(data) if ours else offset) - committed
        sums = _sums(frame[:8] + frame[_FRAME_HEADER_BYTES:], order, sums)
        follows, ours = sums == struct.unpack_from(">2I", frame, 16), frame[8:16] == salts
        if not (follows and ours):
            return (len(data) if follows or ours else offset) - committed
        offset += len(frame)
        (pages_after_commit,) = struct.unpack_from(">I", frame, 4)
        if pages_after_commit:
            committed = offset
    return offset - committed


def _sums(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
