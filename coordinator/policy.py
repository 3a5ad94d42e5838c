"""When a failed attempt is made again, and when a board is kept out of work."""

from __future__ import annotations

from help_core.records import FailureClass

ATTEMPTS = {
    # What can end otherwise on the same device is tried again; memory and time rarely can.
    FailureClass.CRASHED: 3,
    FailureClass.KILLED: 3,
    FailureClass.OUT_OF_MEMORY: 2,
    FailureClass.TIMED_OUT: 2,
    FailureClass.BAD_MODEL: 1,
    FailureClass.NO_PROVIDER: 1,
    FailureClass.NO_DATA: 1,
    FailureClass.ILLEGAL_INSTRUCTION: 1,
    FailureClass.WRONG_OUTPUT: 1,
}
SILENT_ATTEMPTS = 3
"""Attempts of a job whose agent went silent."""

BOARD_FAILURES = frozenset(kind for kind, attempts in ATTEMPTS.items() if attempts > 1)
"""Failures that speak against the board rather than the model or the table."""

QUARANTINE_AFTER = 5
"""Board failures in a row before a device gets no more work."""

ONLINE_WITHIN_S = 60.0
"""An agent that was silent for longer counts as gone."""

QUARANTINE_S = 600.0
"""After this long a device in quarantine is given a single job, to see whether it is well."""


def try_again(kind: FailureClass, attempts: int) -> bool:
    """Whether a job is queued again after failing its ``attempts``-th attempt."""
    return attempts < ATTEMPTS[kind]


def quarantine_until_s(failures_in_row: int, now_s: float) -> float | None:
    """Until when a device that failed so often gets no work; ``None`` if it goes on."""
    return now_s + QUARANTINE_S if failures_in_row >= QUARANTINE_AFTER else None
