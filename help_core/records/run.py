"""A request to adapt as it is remembered: what was asked, how far it is, how it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from help_core.errors import BadInput
from help_core.records.answer import Progress
from help_core.records.orders import AdaptOrder

_RUN_ID = re.compile(r"[0-9a-f]{16}")


class RunState(StrEnum):
    """Where a request stands; all but the first are final."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class AdaptRun:
    """One request to adapt; its answer is kept beside it."""

    id: str
    """16 hexadecimal digits."""
    order: AdaptOrder
    by: str
    """Who asked: the name of a principal."""
    detached: bool
    """Whether it goes on without its caller, and after a restart of the coordinator."""
    state: RunState
    started_unix_s: float
    ended_unix_s: float | None
    progress: Progress
    error: str
    """Why it failed or was cancelled."""


def check_run_id(run_id: str) -> str:
    """``run_id`` if it is one; raises ``BadInput``."""
    if not _RUN_ID.fullmatch(run_id):
        raise BadInput(f"{run_id[:40]!r} is no answer's id: 16 hexadecimal digits")
    return run_id
