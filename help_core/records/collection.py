"""Collections: named sets of jobs over devices x architectures."""

from __future__ import annotations

from dataclasses import dataclass

from help_core.errors import BadInput
from help_core.records.device import check_name

MAX_PRIORITY = 1000


@dataclass(frozen=True, slots=True)
class CollectionOrder:
    """A collection to be opened or gone on with."""

    name: str
    priority: int = 0
    """Above 0 its jobs come before those of usual collections, below 0 after them."""
    deadline_in_s: float | None = None
    """After so long, jobs that nobody has begun are cancelled; ``None``: never."""

    def __post_init__(self) -> None:
        check_name("collection", self.name)
        if abs(self.priority) > MAX_PRIORITY:
            raise BadInput(f"priority {self.priority} is not within ±{MAX_PRIORITY}")
        if self.deadline_in_s is not None and not 0 < self.deadline_in_s < 1e9:
            raise BadInput(f"a deadline in {self.deadline_in_s} s is not in the future")


@dataclass(frozen=True, slots=True)
class CollectionStatus:
    """A collection and how many of its jobs are in which state."""

    name: str
    priority: int
    created_unix_s: float
    deadline_unix_s: float | None
    ended: str
    """Why jobs are not made any more: cancelled, or the deadline; empty while it is open."""
    queued: int
    leased: int
    done: int
    failed: int
    cancelled: int

    @property
    def total(self) -> int:
        """All its jobs."""
        return self.open + self.done + self.failed + self.cancelled

    @property
    def open(self) -> int:
        """Jobs that are still to be made."""
        return self.queued + self.leased
