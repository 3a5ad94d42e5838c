"""Jobs and leases."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from help_core.errors import BadInput


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

    def __post_init__(self) -> None:
        if not (0 <= self.job_id < 2**63 and 0 <= self.token < 2**63):
            raise BadInput("a lease's job and token must be below 2^63")


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
