"""Reports on disk until the coordinator has acknowledged them."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from google.protobuf.message import DecodeError

from agent.spool_file import checksum, is_whole, open_file
from help_core.errors import BadInput, StoreError
from help_core.records import Report
from help_proto.convert_report import from_report, to_report
from help_proto.v1 import fleet_types_pb2 as pb

log = logging.getLogger(__name__)

DEFAULT_MAX_BYTES = 256 * 2**20
"""Reports of about 200,000 measurements of 100 samples."""
BATCH_REPORTS = 100
BATCH_BYTES = 2**20


class Spool:
    """A queue of reports in one SQLite file; every method may be called from any thread.

    It never drops what was not acknowledged: when it is ``full``, the agent takes no new work.
    """

    def __init__(self, path: Path, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        """Opens or makes the file, or saves what reads of a damaged one.

        Raises ``StoreError`` if the disk cannot be used.
        """
        self._path = path
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        with self._errors():
            self._database = open_file(path)
            query = "SELECT COUNT(*), COALESCE(SUM(LENGTH(report)), 0) FROM spooled"
            count, size = self._database.execute(query).fetchone()
        self._count: int = count
        self._bytes: int = size

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"the spool {self._path} cannot be used ({error}); free the disk,"
                " or start the agent again if the file is damaged"
            ) from None

    def put(self, report: Report) -> None:
        """Keeps a report; it is on disk when this returns. Raises ``StoreError``.

        Also if the spool is full: what is measured is measured.
        """
        data = to_report(report).SerializeToString()
        with self._lock, self._errors():
            result = self._database.execute(
                "INSERT OR IGNORE INTO spooled (key, crc, report) VALUES (?, ?, ?)",
                (report.key, checksum(report.key, data), data),
            )
            if result.rowcount > 0:
                self._count += 1
                self._bytes += len(data)
            self._changed.notify_all()

    def after(self, last_id: int, wait_s: float) -> tuple[int, list[Report]] | None:
        """The oldest reports behind ``last_id``, as many as go into a message, and the last id.

        Waits up to ``wait_s`` for one. Reports that are damaged are dropped, with a log line.
        """
        with self._lock:
            found = self._next(last_id)
            if found is None:
                self._changed.wait(wait_s)
                found = self._next(last_id)
            return found

    def _next(self, last_id: int) -> tuple[int, list[Report]] | None:
        query = "SELECT id, key, crc, report FROM spooled WHERE id > ? ORDER BY id LIMIT ?"
        reports: list[Report] = []
        size = 0
        with self._errors():
            rows = self._database.execute(query, (last_id, BATCH_REPORTS)).fetchall()
        for number, key, crc, data in rows:
            size += len(data)
            if reports and size > BATCH_BYTES:
                break
            last_id = int(number)
            report = _read(key, crc, data)
            if report is None:
                log.error("report %s in %s is damaged and dropped", key, self._path)
                self._remove([key])
            else:
                reports.append(report)
        return (last_id, reports) if rows else None

    def remove(self, keys: Sequence[str]) -> None:
        """Forgets reports that were acknowledged."""
        with self._lock:
            self._remove(keys)
            self._changed.notify_all()

    def _remove(self, keys: Sequence[str]) -> None:
        with self._errors():
            marks = ",".join("?" * len(keys))
            rows = self._database.execute(
                f"DELETE FROM spooled WHERE key IN ({marks}) RETURNING LENGTH(report)",  # noqa: S608
                list(keys),
            ).fetchall()
        self._count -= len(rows)
        self._bytes -= sum(size for (size,) in rows)

    def __len__(self) -> int:
        with self._lock:
            return self._count

    @property
    def full(self) -> bool:
        """Whether no new work may be taken."""
        with self._lock:
            return self._bytes >= self._max_bytes

    def wait_until_empty(self, timeout_s: float) -> bool:
        """Waits until every report is acknowledged; whether that came in time."""
        with self._lock:
            return self._changed.wait_for(lambda: self._count == 0, timeout_s)

    def wait_for_room(self, timeout_s: float) -> bool:
        """Waits until the spool is not full; whether that came in time."""
        with self._lock:
            return self._changed.wait_for(lambda: self._bytes < self._max_bytes, timeout_s)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()


def _read(key: str, crc: int, data: bytes) -> Report | None:
    """The report of a row, or ``None`` if it is not what was written."""
    if not is_whole(key, crc, data):
        return None
    try:
        return from_report(pb.Report.FromString(data))
    except (DecodeError, BadInput):
        return None
