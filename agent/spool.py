"""Reports on disk until the coordinator has acknowledged them."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from google.protobuf.message import DecodeError

from help_core.errors import StoreError
from help_core.records import Report
from help_proto.convert import from_report, to_report
from help_proto.v1 import fleet_types_pb2 as pb


class Spool:
    """A queue of reports in one SQLite file; every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; raises ``StoreError`` if it cannot be used."""
        self._path = path
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        try:
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            # Without AUTOINCREMENT an emptied table counts from 1 again, behind what was sent.
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS reports"
                " (id INTEGER PRIMARY KEY AUTOINCREMENT,"
                " key TEXT UNIQUE NOT NULL, report BLOB NOT NULL)"
            )
        except sqlite3.Error as error:
            raise self._error(error) from None

    def _error(self, error: sqlite3.Error) -> StoreError:
        return StoreError(
            f"the spool {self._path} cannot be used ({error}); free the disk,"
            " or move the file away to start an empty one"
        )

    def put(self, report: Report) -> None:
        """Keeps a report; it is on disk when this returns. Raises ``StoreError``."""
        data = to_report(report).SerializeToString()
        with self._lock:
            try:
                self._database.execute(
                    "INSERT OR IGNORE INTO reports (key, report) VALUES (?, ?)", (report.key, data)
                )
            except sqlite3.Error as error:
                raise self._error(error) from None
            self._changed.notify_all()

    def after(self, last_id: int, wait_s: float) -> tuple[int, Report] | None:
        """The oldest report behind ``last_id``, waiting for one up to ``wait_s``."""
        with self._lock:
            found = self._next(last_id)
            if found is None:
                self._changed.wait(wait_s)
                found = self._next(last_id)
            return found

    def _next(self, last_id: int) -> tuple[int, Report] | None:
        query = "SELECT id, report FROM reports WHERE id > ? ORDER BY id LIMIT 1"
        try:
            row = self._database.execute(query, (last_id,)).fetchone()
            if row is None:
                return None
            return int(row[0]), from_report(pb.Report.FromString(row[1]))
        except sqlite3.Error as error:
            raise self._error(error) from None
        except DecodeError:
            raise StoreError(f"the spool {self._path} is damaged; move the file away") from None

    def remove(self, key: str) -> None:
        """Forgets a report that was acknowledged."""
        with self._lock:
            try:
                self._database.execute("DELETE FROM reports WHERE key = ?", (key,))
            except sqlite3.Error as error:
                raise self._error(error) from None
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._lock:
            return int(self._database.execute("SELECT COUNT(*) FROM reports").fetchone()[0])

    def wait_until_empty(self, timeout_s: float) -> bool:
        """Waits until every report is acknowledged; whether that came in time."""
        with self._lock:
            query = "SELECT NOT EXISTS (SELECT 1 FROM reports)"
            return self._changed.wait_for(
                lambda: bool(self._database.execute(query).fetchone()[0]), timeout_s
            )

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()
