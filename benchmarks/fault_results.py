"""How large an experiment with faults is, and what it has shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.fault_lab import Counts

Folder = Path


@dataclass(frozen=True, slots=True)
class Size:
    """How long an experiment takes."""

    agents: int
    jobs: int
    """Of each agent, to begin with."""
    kills: int
    outage_s: float
    rounds: int
    """How often an experiment of one harm does it."""


SHORT = Size(agents=2, jobs=40, kills=2, outage_s=3.0, rounds=1)
LONG = Size(agents=4, jobs=1000, kills=100, outage_s=30.0, rounds=10)


@dataclass(frozen=True, slots=True)
class Result:
    """What an experiment has shown."""

    name: str
    counts: Counts | None
    remark: str
    failed: bool = False
    """It did not come to its end."""

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, doubled, merged wrongly or left undone."""
        found = self.counts
        if self.failed or found is None:
            return not self.failed
        return not (found.lost or found.duplicate or found.merged_stale or found.unfinished)


class CannotRun(Exception):
    """This machine cannot do an experiment; the message says why."""
