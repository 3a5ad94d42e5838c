"""How it went on one board."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """What came of it, in the words that a user sees."""

    INSTALLED = "installed"
    UPGRADED = "upgraded"
    STARTED = "started"
    UNCHANGED = "unchanged"
    ROLLED_BACK = "rolled back"
    REMOVED = "removed"
    ABSENT = "not installed"
    RUNNING = "running"
    STOPPED = "stopped"
    SHOWN = "shown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One board's line in the table."""

    board: str
    device: str
    host: str
    result: Result
    release: str = ""
    service: str = ""
    note: str = ""
    elapsed_s: float = 0.0
    log: str = ""
    """What ``logs`` was asked for."""

    @property
    def failed(self) -> bool:
        """Whether the board is not as it was asked to be."""
        return self.result in (Result.FAILED, Result.ROLLED_BACK)
