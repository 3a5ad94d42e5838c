"""Jobs and leases."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """Why a measurement is made."""

    SUPPORT = "support"
    WINNER = "winner"
    COLLECT = "collect"


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """One measurement to make."""

    id: int
    device: str
    architecture: str
    purpose: Purpose
    state: JobState
    attempts: int = 0
    agent_id: str = ""
    error: str = ""
    collection: str = ""


@dataclass(frozen=True, slots=True)
class LeaseRef:
    """A lease by its job and fencing token."""

    job_id: int
    token: int


@dataclass(frozen=True, slots=True)
class LeasedJob:
    """A job that an agent may work on until its lease ends."""

    job_id: int
    token: int
    device: str
    architecture: str

    @property
    def ref(self) -> LeaseRef:
        """Job and token alone."""
        return LeaseRef(self.job_id, self.token)
